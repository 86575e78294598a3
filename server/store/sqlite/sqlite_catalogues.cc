#include "server/store/sqlite/sqlite_catalogues.h"

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/core/job_codec.h"

namespace quantd {
namespace {

constexpr char kSelect[] =
    "SELECT digest, engine_version, capabilities, content, last_seen, tenant FROM catalogues ";
constexpr char kLatestFirst[] = "ORDER BY last_seen DESC, digest";

absl::StatusOr<std::vector<WorkerCatalogue>> Rows(Statement statement) {
  std::vector<WorkerCatalogue> all;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return all;
    all.push_back({.digest = statement.Text(0),
                   .engine_version = statement.Text(1),
                   .capabilities = DecodeWords(statement.Text(2)),
                   .content = statement.Text(3),
                   .last_seen = DecodeTime(statement.Int(4)),
                   .tenant = statement.Text(5)});
  }
}

}  // namespace

absl::Status SqliteCatalogueTable::Put(const WorkerCatalogue& catalogue) {
  ASSIGN_OR_RETURN(Statement statement,
                   database_.Prepare("INSERT OR REPLACE INTO catalogues "
                                     "(tenant, digest, engine_version, capabilities, content, "
                                     "last_seen) VALUES (?, ?, ?, ?, ?, ?)"));
  return statement.Bind(catalogue.tenant)
      .Bind(catalogue.digest)
      .Bind(catalogue.engine_version)
      .Bind(EncodeWords(catalogue.capabilities))
      .BindBlob(catalogue.content)
      .Bind(EncodeTime(catalogue.last_seen))
      .Run();
}

absl::StatusOr<std::vector<WorkerCatalogue>> SqliteCatalogueTable::All() {
  ASSIGN_OR_RETURN(Statement statement, database_.Prepare(absl::StrCat(kSelect, kLatestFirst)));
  return Rows(std::move(statement));
}

absl::StatusOr<std::vector<WorkerCatalogue>> SqliteCatalogueTable::Of(const std::string& tenant) {
  ASSIGN_OR_RETURN(Statement statement, database_.Prepare(absl::StrCat(
                                            kSelect, "WHERE tenant IN (?, ?) ", kLatestFirst)));
  statement.Bind(tenant).Bind(kEveryTenant);
  return Rows(std::move(statement));
}

absl::Status SqliteCatalogueTable::KeepLatest(const std::string& tenant, int count) {
  ASSIGN_OR_RETURN(Statement statement, database_.Prepare(absl::StrCat(
                                            "DELETE FROM catalogues WHERE tenant = ? AND digest IN "
                                            "(SELECT digest FROM catalogues WHERE tenant = ? ",
                                            kLatestFirst, " LIMIT -1 OFFSET ?)")));
  return statement.Bind(tenant).Bind(tenant).Bind(int64_t{count}).Run();
}

}  // namespace quantd
