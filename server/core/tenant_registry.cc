#include "server/core/tenant_registry.h"

#include "common/status_macros.h"

namespace quantd {
namespace {

// Callers choose the names of tenants, where nobody checks them: forgetting all is safe.
constexpr size_t kKnownMax = 10'000;

}  // namespace

absl::StatusOr<Tenant> TenantRegistry::Get(const std::string& tenant) const {
  Tenant found;
  RETURN_IF_ERROR(store_->Read([&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(found, transaction.tenants().Get(tenant));
    return absl::OkStatus();
  }));
  return found;
}

absl::StatusOr<TenantLimits> TenantRegistry::Limits(Transaction& transaction,
                                                    const std::string& tenant) const {
  ASSIGN_OR_RETURN(const Tenant found, transaction.tenants().Get(tenant));
  return Effective(found.limits, defaults_);
}

absl::StatusOr<TenantLimits> TenantRegistry::Limits(const std::string& tenant) {
  const std::lock_guard lock(mutex_);
  if (const auto known = known_.find(tenant); known != known_.end()) return known->second;
  // Read under the lock: a limit that is set at this moment is not overwritten by the one before.
  ASSIGN_OR_RETURN(const Tenant found, Get(tenant));
  if (known_.size() >= kKnownMax) known_.clear();
  return known_[tenant] = Effective(found.limits, defaults_);
}

absl::StatusOr<Tenant> TenantRegistry::Set(const std::string& tenant, const TenantLimits& limits,
                                           double weight) {
  const std::lock_guard lock(mutex_);
  Tenant changed;
  RETURN_IF_ERROR(store_->Write([&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(changed, transaction.tenants().Get(tenant));
    changed.limits = limits;
    changed.weight = weight;
    return transaction.tenants().Put(changed);
  }));
  known_.erase(tenant);
  return changed;
}

absl::StatusOr<bool> TenantRegistry::Paused() const {
  bool paused = false;
  RETURN_IF_ERROR(store_->Read([&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(paused, transaction.tenants().Paused());
    return absl::OkStatus();
  }));
  return paused;
}

absl::Status TenantRegistry::SetPaused(bool paused) {
  return store_->Write(
      [&](Transaction& transaction) { return transaction.tenants().SetPaused(paused); });
}

}  // namespace quantd
