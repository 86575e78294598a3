#include "server/store/sqlite/sqlite_job_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "common/errno_status.h"
#include "common/error.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "server/store/sqlite/migrations.h"
#include "server/store/sqlite/sqlite_artifacts.h"
#include "server/store/sqlite/sqlite_catalogues.h"
#include "server/store/sqlite/sqlite_events.h"
#include "server/store/sqlite/sqlite_jobs.h"
#include "server/store/sqlite/sqlite_tenants.h"
#include "server/store/sqlite/sqlite_tokens.h"

namespace quantd {
namespace {

class SqliteTransaction final : public Transaction {
 public:
  explicit SqliteTransaction(Database& database)
      : jobs_(database),
        events_(database),
        artifacts_(database),
        catalogues_(database),
        tenants_(database),
        tokens_(database) {}

  JobTable& jobs() override { return jobs_; }
  EventTable& events() override { return events_; }
  ArtifactTable& artifacts() override { return artifacts_; }
  CatalogueTable& catalogues() override { return catalogues_; }
  TenantTable& tenants() override { return tenants_; }
  TokenTable& tokens() override { return tokens_; }

 private:
  SqliteJobTable jobs_;
  SqliteEventTable events_;
  SqliteArtifactTable artifacts_;
  SqliteCatalogueTable catalogues_;
  SqliteTenantTable tenants_;
  SqliteTokenTable tokens_;
};

// Runs `body` between `begin` and COMMIT, or takes everything back.
absl::Status Transact(Database& database, const char* begin, const JobStore::Body& body) {
  RETURN_IF_ERROR(database.Execute(begin));
  SqliteTransaction transaction(database);
  absl::Status status = body(transaction);
  if (status.ok() && !database.in_transaction()) {
    status = MakeError(absl::StatusCode::kInternal, "STORE_FAILED",
                       "the job store: the transaction ended in the middle");
  }
  if (status.ok()) status = database.Execute("COMMIT");
  // Some errors, a full disk among them, have ended the transaction already.
  if (!status.ok() && database.in_transaction()) {
    const absl::Status rollback = database.Execute("ROLLBACK");
    if (!rollback.ok()) LOG_ERROR("cannot roll back", {{"error", FormatStatus(rollback)}});
  }
  return status;
}

// A server that does not start is better than one that answers from a damaged file.
absl::Status CheckPages(Database& database) {
  ASSIGN_OR_RETURN(Statement check, database.Prepare("PRAGMA quick_check(1)"));
  ASSIGN_OR_RETURN(const bool row, check.Step());
  if (row && check.Text(0) == "ok") return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition, "STORE_DAMAGED",
                   absl::StrCat("the database is damaged; restore it from a backup: ",
                                row ? check.Text(0) : "the check found nothing to check"));
}

// Two servers on one database would both be right, but each would miss what the other tells its
// watchers.
absl::StatusOr<int> LockFile(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return ErrnoStatus("open", path);
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  const bool in_use = errno == EWOULDBLOCK;
  const absl::Status error = ErrnoStatus("lock", path);
  ::close(fd);
  if (!in_use) return error;
  return MakeError(
      absl::StatusCode::kFailedPrecondition, "STORE_IN_USE",
      absl::StrCat("another quantd uses ", path, "; stop it or choose another --data-dir"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteJobStore>> SqliteJobStore::Open(const std::string& path) {
  auto store = absl::WrapUnique(new SqliteJobStore());
  ASSIGN_OR_RETURN(store->lock_fd_, LockFile(path + ".lock"));
  ASSIGN_OR_RETURN(store->writer_, Database::Open(path));
  RETURN_IF_ERROR(Annotate(
      store->writer_->Execute("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"), path));
  // Before the log, which stays with the file: the database of another program is left as it is.
  RETURN_IF_ERROR(Annotate(Migrate(*store->writer_), path));
  RETURN_IF_ERROR(Annotate(store->writer_->Execute("PRAGMA journal_mode = WAL"), path));
  RETURN_IF_ERROR(Annotate(CheckPages(*store->writer_), path));
  ASSIGN_OR_RETURN(store->reader_, Database::Open(path));
  RETURN_IF_ERROR(Annotate(store->reader_->Execute("PRAGMA query_only = ON;"), path));
  return store;
}

SqliteJobStore::~SqliteJobStore() {
  reader_.reset();
  writer_.reset();
  if (lock_fd_ >= 0) ::close(lock_fd_);
}

absl::Status SqliteJobStore::Write(const Body& body) {
  const std::lock_guard lock(write_mutex_);
  return Transact(*writer_, "BEGIN IMMEDIATE", body);
}

absl::Status SqliteJobStore::Read(const Body& body) {
  const std::lock_guard lock(read_mutex_);
  return Transact(*reader_, "BEGIN", body);
}

}  // namespace quantd
