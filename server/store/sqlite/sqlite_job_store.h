// The job store of one server: a SQLite database in WAL mode with full synchronization, so what was
// committed survives a power cut.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "server/core/job_store.h"
#include "server/store/sqlite/database.h"
#include "server/store/sqlite/job_rows.h"

namespace quantd {

enum class Durability {
  kPowerCut,  // What was committed survives one.
  kProcess,  // It survives the end of the process alone. Many times faster: for tests of the rules.
};

struct SqliteOptions {
  Durability durability = Durability::kPowerCut;
  std::string vfs;  // One that SQLite knows; empty: the system's. Tests name one whose disk fails.
};

// Thread-safe. Writes run one at a time; reads run beside them on a snapshot, one at a time too.
class SqliteJobStore final : public JobStore {
 public:
  // Creates or migrates the database and checks its pages, which reads the file once.
  // FAILED_PRECONDITION, reason STORE_IN_USE when another process has it open, STORE_TOO_NEW, or
  // STORE_DAMAGED; all name the path.
  static absl::StatusOr<std::unique_ptr<SqliteJobStore>> Open(const std::string& path,
                                                              const SqliteOptions& options = {});
  ~SqliteJobStore() override;

  absl::Status Write(const Body& body) override;
  absl::Status Read(const Body& body) override;

 private:
  SqliteJobStore() = default;

  // Not part of the transaction that found them: one that is taken back must not keep them in the
  // way of the next. REQUIRES: write_mutex_ is held.
  void SetAside(const DamagedJobs& damaged);

  int lock_fd_ = -1;  // Held open and locked as long as the store lives.
  std::mutex write_mutex_;
  std::unique_ptr<Database> writer_;  // Guarded by write_mutex_.
  std::mutex read_mutex_;
  std::unique_ptr<Database> reader_;  // Guarded by read_mutex_.
};

}  // namespace quantd
