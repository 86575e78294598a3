#include "server/store/sqlite/sqlite_catalogues.h"

#include "common/status_macros.h"
#include "server/core/job_codec.h"

namespace quantd::sqlite {

absl::Status SqliteCatalogueTable::Put(const WorkerCatalogue& catalogue) {
  ASSIGN_OR_RETURN(Statement put,
                   connection_.Prepare(
                       "INSERT OR REPLACE INTO catalogues "
                       "(digest, engine_version, capabilities, content, last_seen) "
                       "VALUES (:digest, :engine_version, :capabilities, :content, :last_seen)"));
  put.BindText(":digest", catalogue.digest);
  put.BindText(":engine_version", catalogue.engine_version);
  put.BindText(":capabilities", EncodeWords(catalogue.capabilities));
  put.BindBlob(":content", catalogue.content);
  put.BindInt(":last_seen", EncodeTime(catalogue.last_seen));
  return put.Run();
}

absl::StatusOr<std::vector<WorkerCatalogue>> SqliteCatalogueTable::All() {
  // One row for each kind of worker: too few for an index.
  ASSIGN_OR_RETURN(
      Statement select,
      connection_.Prepare("SELECT digest, engine_version, capabilities, content, "
                          "last_seen FROM catalogues ORDER BY last_seen DESC, digest"));
  std::vector<WorkerCatalogue> catalogues;
  while (true) {
    ASSIGN_OR_RETURN(const bool found, select.Step());
    if (!found) return catalogues;
    catalogues.push_back({.digest = select.Text(0),
                          .engine_version = select.Text(1),
                          .capabilities = DecodeWords(select.Text(2)),
                          .content = select.Text(3),
                          .last_seen = DecodeTime(select.Int(4))});
  }
}

}  // namespace quantd::sqlite
