#include "server/rpc/convert_catalogue.h"

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace quantd {

absl::StatusOr<std::vector<v1::Catalogue>> CurrentCatalogues(const CatalogueRegistry& registry,
                                                             const std::string& tenant) {
  ASSIGN_OR_RETURN(const std::vector<WorkerCatalogue> current, registry.Current(tenant));
  std::vector<v1::Catalogue> catalogues(current.size());
  for (size_t i = 0; i < current.size(); ++i) {
    if (!catalogues[i].ParseFromString(current[i].content)) {
      return absl::DataLossError(
          absl::StrCat("the stored catalogue ", current[i].digest, " is damaged"));
    }
  }
  return catalogues;
}

}  // namespace quantd
