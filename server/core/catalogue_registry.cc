#include "server/core/catalogue_registry.h"

#include <algorithm>

#include "common/status_macros.h"

namespace quantd {
namespace {

constexpr absl::Duration kNoteEvery = absl::Minutes(10);
constexpr absl::Duration kCurrentFor = absl::Hours(24);
constexpr size_t kNotedMax = 10'000;

}  // namespace

bool Covers(const std::vector<std::string>& offered, const std::vector<std::string>& needed) {
  return std::includes(offered.begin(), offered.end(), needed.begin(), needed.end());
}

absl::Status CatalogueRegistry::Announce(WorkerCatalogue catalogue) {
  catalogue.last_seen = clock_->Now();
  const std::pair key(catalogue.tenant, catalogue.digest);
  const std::lock_guard lock(mutex_);
  const auto noted = noted_.find(key);
  if (noted != noted_.end() && catalogue.last_seen < noted->second + kNoteEvery) {
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(store_->Write([&](Transaction& transaction) -> absl::Status {
    RETURN_IF_ERROR(transaction.catalogues().Put(catalogue));
    return transaction.catalogues().KeepLatest(catalogue.tenant, kCataloguesPerTenant);
  }));
  // What is forgotten is only written again.
  if (noted_.size() >= kNotedMax) noted_.clear();
  noted_[key] = catalogue.last_seen;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<WorkerCatalogue>> CatalogueRegistry::Current(
    const std::string& tenant) const {
  std::vector<WorkerCatalogue> current;
  RETURN_IF_ERROR(store_->Read([&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(current, Current(transaction, tenant));
    return absl::OkStatus();
  }));
  return current;
}

absl::StatusOr<std::vector<WorkerCatalogue>> CatalogueRegistry::Current(Transaction& transaction,
                                                                        const std::string& tenant) {
  ASSIGN_OR_RETURN(std::vector<WorkerCatalogue> all, tenant == kEveryTenant
                                                         ? transaction.catalogues().All()
                                                         : transaction.catalogues().Of(tenant));
  if (all.empty()) return all;
  const absl::Time oldest = all.front().last_seen - kCurrentFor;
  std::erase_if(all, [&](const WorkerCatalogue& c) { return c.last_seen < oldest; });
  return all;
}

}  // namespace quantd
