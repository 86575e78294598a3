// The stored announcements of workers as messages.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "quantd/v1/quality.pb.h"
#include "server/core/catalogue_registry.h"

namespace quantd {

// Those in use for the tenant's jobs, latest seen first (CatalogueRegistry::Current()). DATA_LOSS
// when one does not parse.
absl::StatusOr<std::vector<v1::Catalogue>> CurrentCatalogues(const CatalogueRegistry& registry,
                                                             const std::string& tenant);

}  // namespace quantd
