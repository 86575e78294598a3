#include "server/store/sqlite/sqlite_job_store.h"

#include <utility>

#include "common/status_macros.h"
#include "server/store/sqlite/connection.h"
#include "server/store/sqlite/file_lock.h"
#include "server/store/sqlite/migrations.h"
#include "server/store/sqlite/sql_status.h"
#include "server/store/sqlite/sqlite_artifacts.h"
#include "server/store/sqlite/sqlite_catalogues.h"
#include "server/store/sqlite/sqlite_events.h"
#include "server/store/sqlite/sqlite_jobs.h"

namespace quantd {
namespace {

class SqliteTransaction final : public Transaction {
 public:
  explicit SqliteTransaction(sqlite::Connection* connection)
      : jobs_(connection), events_(connection), artifacts_(connection), catalogues_(connection) {}

  JobTable& jobs() override { return jobs_; }
  EventTable& events() override { return events_; }
  ArtifactTable& artifacts() override { return artifacts_; }
  CatalogueTable& catalogues() override { return catalogues_; }

 private:
  sqlite::SqliteJobTable jobs_;
  sqlite::SqliteEventTable events_;
  sqlite::SqliteArtifactTable artifacts_;
  sqlite::SqliteCatalogueTable catalogues_;
};

// Better a server that does not start than one that answers from a damaged file.
absl::Status CheckFile(sqlite::Connection& connection) {
  ASSIGN_OR_RETURN(sqlite::Statement check, connection.Prepare("PRAGMA quick_check(1)"));
  ASSIGN_OR_RETURN(const bool found, check.Step());
  if (found && check.Text(0) == "ok") return absl::OkStatus();
  return sqlite::StoreCorrupt(connection.path(), found ? check.Text(0) : "quick_check is silent");
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteJobStore>> SqliteJobStore::Open(const std::string& path) {
  ASSIGN_OR_RETURN(auto lock, sqlite::FileLock::Acquire(path));
  ASSIGN_OR_RETURN(auto writer, sqlite::Connection::Open(path, sqlite::Access::kWrite));
  // The log comes after the migrations: they refuse the databases of others, which are to stay as
  // they are.
  RETURN_IF_ERROR(sqlite::Migrate(*writer, sqlite::Migrations()));
  RETURN_IF_ERROR(writer->UseWriteAheadLog());
  RETURN_IF_ERROR(CheckFile(*writer));
  return std::unique_ptr<SqliteJobStore>(
      new SqliteJobStore(path, std::move(lock), std::move(writer)));
}

SqliteJobStore::SqliteJobStore(std::string path, std::unique_ptr<sqlite::FileLock> lock,
                               std::unique_ptr<sqlite::Connection> writer)
    : path_(std::move(path)), lock_(std::move(lock)), writer_(std::move(writer)) {}

SqliteJobStore::~SqliteJobStore() = default;

absl::Status SqliteJobStore::Write(const Body& body) {
  const std::lock_guard lock(write_mutex_);
  RETURN_IF_ERROR(writer_->Begin());
  SqliteTransaction transaction(writer_.get());
  if (absl::Status status = body(transaction); !status.ok()) {
    writer_->Rollback();
    return status;
  }
  return writer_->Commit();
}

absl::Status SqliteJobStore::Read(const Body& body) {
  ASSIGN_OR_RETURN(std::unique_ptr<sqlite::Connection> reader, TakeReader());
  absl::Status status = reader->Begin();
  if (status.ok()) {
    SqliteTransaction transaction(reader.get());
    status = body(transaction);
    reader->Rollback();  // There is nothing to commit.
  }
  ReturnReader(std::move(reader));
  return status;
}

absl::StatusOr<std::unique_ptr<sqlite::Connection>> SqliteJobStore::TakeReader() {
  std::unique_lock lock(readers_mutex_);
  reader_returned_.wait(lock, [this] { return busy_readers_ < kReadersMax; });
  if (!idle_readers_.empty()) {
    ++busy_readers_;
    std::unique_ptr<sqlite::Connection> reader = std::move(idle_readers_.back());
    idle_readers_.pop_back();
    return reader;
  }
  ASSIGN_OR_RETURN(auto reader, sqlite::Connection::Open(path_, sqlite::Access::kRead));
  ++busy_readers_;
  return reader;
}

void SqliteJobStore::ReturnReader(std::unique_ptr<sqlite::Connection> reader) {
  {
    const std::lock_guard lock(readers_mutex_);
    idle_readers_.push_back(std::move(reader));
    --busy_readers_;
  }
  reader_returned_.notify_one();
}

}  // namespace quantd
