// A job queue on SQLite as quantd runs it, and the shortest words for filling and emptying it. Not
// thread-safe.
#pragma once

#include <memory>
#include <string>

#include "common/clock.h"
#include "server/blob/memory/memory_blob_store.h"
#include "server/core/job_queue.h"
#include "server/store/sqlite/sqlite_job_store.h"

namespace quantd::bench {

class QueueOnSqlite {
 public:
  // Creates the database. The artifacts of all jobs are one file in memory: files are not measured.
  explicit QueueOnSqlite(const std::string& path, Durability durability = Durability::kPowerCut);

  // A job of its own work, for any worker that can do `requirement`.
  void Submit(const std::string& tenant, const std::string& spec,
              const std::string& requirement = "preset:a");
  // REQUIRES: there is one.
  LeasedJob Lease();
  void Complete(const LeasedJob& leased, const std::string& report);

  // `count` rows as earlier jobs leave them, of three tenants: a hundred running, of the others
  // half succeeded and half queued.
  void AddRows(int count);

  static const WorkerCatalogue& Catalogue();

 private:
  // What every job of the tenant makes.
  void Upload(const std::string& tenant);

  SystemClock clock_;
  UlidSource ids_;
  ChangeSignal signal_;
  MemoryBlobStores blobs_{&clock_};
  std::unique_ptr<SqliteJobStore> store_;
  std::unique_ptr<JobQueue> queue_;
  StoredFile file_;
  int works_ = 0;
};

}  // namespace quantd::bench
