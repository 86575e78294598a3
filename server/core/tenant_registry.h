// What was set for tenants and for the server as a whole. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/core/job_store.h"
#include "server/core/tenant.h"

namespace quantd {

class TenantRegistry {
 public:
  // `store` is borrowed. `defaults` hold where a tenant has nothing of its own.
  TenantRegistry(JobStore* store, const TenantLimits& defaults)
      : store_(store), defaults_(defaults) {}

  // A tenant that nobody has set up has no limits of its own and weight 1.
  absl::StatusOr<Tenant> Get(const std::string& tenant) const;
  // With the defaults; from memory after the first time, so that every call may ask.
  absl::StatusOr<TenantLimits> Limits(const std::string& tenant);
  // Inside a transaction, without that memory.
  absl::StatusOr<TenantLimits> Limits(Transaction& transaction, const std::string& tenant) const;
  // Replaces limits and weight.
  absl::StatusOr<Tenant> Set(const std::string& tenant, const TenantLimits& limits, double weight);

  // Whether the server refuses new jobs.
  absl::StatusOr<bool> Paused() const;
  absl::Status SetPaused(bool paused);

 private:
  JobStore* store_;
  const TenantLimits defaults_;
  std::mutex mutex_;
  std::map<std::string, TenantLimits> known_;  // By tenant, with the defaults. Guarded by mutex_.
};

}  // namespace quantd
