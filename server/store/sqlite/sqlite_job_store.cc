#include "server/store/sqlite/sqlite_job_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "absl/memory/memory.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
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

// The log is copied into the database every 16 MiB rather than every 4: a job writes the same pages
// of small indexes again and again, and each copy waits for the disk.
constexpr char kSettings[] =
    "PRAGMA foreign_keys = ON; PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -16000;";

class SqliteTransaction final : public Transaction {
 public:
  SqliteTransaction(Database& database, DamagedJobs& damaged)
      : jobs_(database, damaged),
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

// Runs `body` between `begin` and COMMIT, or takes everything back. Jobs that do not decode are
// added to `damaged`.
absl::Status Transact(Database& database, const char* begin, const JobStore::Body& body,
                      DamagedJobs& damaged) {
  RETURN_IF_ERROR(database.Execute(begin));
  SqliteTransaction transaction(database, damaged);
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

// The code of an error of the disk in what quick_check found: a page that cannot be read now need
// not be a damaged one, and a backup would be the wrong advice. 0 when there is none.
int DiskErrorIn(absl::string_view finding) {
  // Of the list of free pages it tells no code; a page beyond the file would be named as invalid.
  if (absl::StrContains(finding, "Main freelist: failed to get page")) return SQLITE_IOERR_READ;
  constexpr absl::string_view kUnreadable = "unable to get the page. error code=";
  const size_t at = finding.find(kUnreadable);
  if (at == absl::string_view::npos) return 0;
  finding.remove_prefix(at + kUnreadable.size());
  int code = 0;
  if (!absl::SimpleAtoi(finding.substr(0, finding.find('\n')), &code)) return 0;
  return (code & 0xff) == SQLITE_IOERR ? code : 0;
}

// A server that does not start is better than one that answers from a damaged file.
absl::Status CheckPages(Database& database) {
  ASSIGN_OR_RETURN(Statement check, database.Prepare("PRAGMA quick_check(1)"));
  ASSIGN_OR_RETURN(const bool row, check.Step());
  if (row && check.Text(0) == "ok") return absl::OkStatus();
  if (const int code = row ? DiskErrorIn(check.Text(0)) : 0; code != 0) {
    return SqliteError(nullptr, code);
  }
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

absl::StatusOr<std::unique_ptr<SqliteJobStore>> SqliteJobStore::Open(const std::string& path,
                                                                     const SqliteOptions& options) {
  auto store = absl::WrapUnique(new SqliteJobStore());
  ASSIGN_OR_RETURN(store->lock_fd_, LockFile(path + ".lock"));
  ASSIGN_OR_RETURN(store->writer_, Database::Open(path, options.vfs));
  RETURN_IF_ERROR(Annotate(
      store->writer_->Execute(absl::StrCat(kSettings, options.durability == Durability::kPowerCut
                                                          ? "PRAGMA synchronous = FULL;"
                                                          : "PRAGMA synchronous = OFF;")),
      path));
  // Before the log, which stays with the file: the database of another program is left as it is.
  RETURN_IF_ERROR(Annotate(Migrate(*store->writer_), path));
  RETURN_IF_ERROR(Annotate(store->writer_->Execute("PRAGMA journal_mode = WAL"), path));
  RETURN_IF_ERROR(Annotate(CheckPages(*store->writer_), path));
  ASSIGN_OR_RETURN(store->reader_, Database::Open(path, options.vfs));
  RETURN_IF_ERROR(Annotate(store->reader_->Execute("PRAGMA query_only = ON;"), path));
  return store;
}

SqliteJobStore::~SqliteJobStore() {
  reader_.reset();
  writer_.reset();
  if (lock_fd_ >= 0) ::close(lock_fd_);
}

absl::Status SqliteJobStore::Write(const Body& body) {
  DamagedJobs damaged;
  const std::lock_guard lock(write_mutex_);
  const absl::Status status = Transact(*writer_, "BEGIN IMMEDIATE", body, damaged);
  SetAside(damaged);
  return status;
}

absl::Status SqliteJobStore::Read(const Body& body) {
  DamagedJobs damaged;
  const absl::Status status = [&] {
    const std::lock_guard lock(read_mutex_);
    return Transact(*reader_, "BEGIN", body, damaged);
  }();
  if (!damaged.empty()) {
    const std::lock_guard lock(write_mutex_);
    SetAside(damaged);
  }
  return status;
}

void SqliteJobStore::SetAside(const DamagedJobs& damaged) {
  if (damaged.empty()) return;
  DamagedJobs none;
  const absl::Status status = Transact(
      *writer_, "BEGIN IMMEDIATE",
      [&](Transaction&) { return SqliteJobTable::SetAside(*writer_, damaged); }, none);
  // The transaction that found them has ended as it should; the next one finds them again.
  if (!status.ok()) LOG_ERROR("cannot set jobs aside", {{"error", FormatStatus(status)}});
}

}  // namespace quantd
