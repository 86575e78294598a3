// A JobStore in one SQLite database: what one server on one machine needs, with nothing to operate.
//
// Thread-safe. One connection writes under a mutex; reading transactions see a snapshot and never
// wait for a writer. What Write() returned OK for survives a crash of the machine.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/core/job_store.h"

namespace quantd {

namespace sqlite {
class Connection;
class FileLock;
}  // namespace sqlite

class SqliteJobStore final : public JobStore {
 public:
  // Opens or creates the database, brings its tables up to date and checks the file, which reads it
  // once. Beside `path` there will be `path`-wal, `path`-shm and `path`.lock. The folder must
  // exist.
  //
  // Errors: FAILED_PRECONDITION  reason STORE_IN_USE          another server has it open.
  //                              reason STORE_TOO_NEW         a newer server wrote it.
  //                              reason STORE_NOT_A_DATABASE  another program's file.
  //                              reason WAL_UNSUPPORTED       a file system without shared memory.
  //         DATA_LOSS            reason STORE_CORRUPT         damaged.
  //         RESOURCE_EXHAUSTED   reason DISK_FULL
  //         others for what the system refused. All name the path.
  static absl::StatusOr<std::unique_ptr<SqliteJobStore>> Open(const std::string& path);
  ~SqliteJobStore() override;

  // Beside those of JobStore: DATA_LOSS, reason STORE_CORRUPT, when the file turns out to be
  // damaged.
  absl::Status Write(const Body& body) override;
  // At most kReadersMax run at a time; others wait.
  absl::Status Read(const Body& body) override;

  static constexpr int kReadersMax = 8;

 private:
  SqliteJobStore(std::string path, std::unique_ptr<sqlite::FileLock> lock,
                 std::unique_ptr<sqlite::Connection> writer);

  // A connection for one reading transaction, and its return.
  absl::StatusOr<std::unique_ptr<sqlite::Connection>> TakeReader();
  void ReturnReader(std::unique_ptr<sqlite::Connection> reader);

  const std::string path_;
  const std::unique_ptr<sqlite::FileLock> lock_;  // Released last.

  std::mutex write_mutex_;
  std::unique_ptr<sqlite::Connection> writer_;  // Guarded by write_mutex_.

  std::mutex readers_mutex_;
  std::condition_variable reader_returned_;
  std::vector<std::unique_ptr<sqlite::Connection>> idle_readers_;  // Guarded by readers_mutex_.
  int busy_readers_ = 0;                                           // Guarded by readers_mutex_.
};

}  // namespace quantd
