#include "server/store/sqlite/sqlite_catalogues.h"

#include "common/status_macros.h"
#include "server/core/job_codec.h"

namespace quantd {

absl::Status SqliteCatalogueTable::Put(const WorkerCatalogue& catalogue) {
  ASSIGN_OR_RETURN(Statement statement,
                   database_.Prepare("INSERT OR REPLACE INTO catalogues "
                                     "(digest, engine_version, capabilities, content, last_seen) "
                                     "VALUES (?, ?, ?, ?, ?)"));
  return statement.Bind(catalogue.digest)
      .Bind(catalogue.engine_version)
      .Bind(EncodeWords(catalogue.capabilities))
      .BindBlob(catalogue.content)
      .Bind(EncodeTime(catalogue.last_seen))
      .Run();
}

absl::StatusOr<std::vector<WorkerCatalogue>> SqliteCatalogueTable::All() {
  ASSIGN_OR_RETURN(Statement statement,
                   database_.Prepare("SELECT digest, engine_version, capabilities, content, "
                                     "last_seen FROM catalogues ORDER BY last_seen DESC, digest"));
  std::vector<WorkerCatalogue> all;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return all;
    all.push_back({.digest = statement.Text(0),
                   .engine_version = statement.Text(1),
                   .capabilities = DecodeWords(statement.Text(2)),
                   .content = statement.Text(3),
                   .last_seen = DecodeTime(statement.Int(4))});
  }
}

}  // namespace quantd
