#include "server/core/next_job.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "common/status_macros.h"
#include "server/core/catalogue_registry.h"

namespace quantd {
namespace {

// A weight that somebody else wrote into the database as 0 must not order tenants by NaN.
constexpr double kWeightMin = 1e-6;

// A tenant with queued jobs that the worker is able to run.
struct Contender {
  Tenant tenant;
  std::vector<size_t> sets;  // Their requirements, as places in the list of all.
  int64_t running = 0;

  auto Turn() const {
    return std::tuple(static_cast<double>(running) / std::max(tenant.weight, kWeightMin),
                      tenant.last_lease, absl::string_view(tenant.name));
  }
  bool AtLimit(const TenantLimits& defaults) const {
    const TenantLimits limits = Effective(tenant.limits, defaults);
    return limits.running_jobs_max && running >= *limits.running_jobs_max;
  }
};

using Sets = std::vector<std::vector<std::string>>;

absl::StatusOr<std::vector<Tenant>> TenantsWaitingWith(Transaction& transaction,
                                                       const std::vector<std::string>& requirements,
                                                       const WorkerOffer& offer) {
  if (!offer.tenant) return transaction.jobs().QueuedTenants(requirements);
  // Whether it waits at all is what the search for its job will tell.
  ASSIGN_OR_RETURN(Tenant tenant, transaction.tenants().Get(*offer.tenant));
  return std::vector<Tenant>{std::move(tenant)};
}

// In the order in which they are to be served.
absl::StatusOr<std::vector<Contender>> ContendersInTurn(Transaction& transaction, const Sets& sets,
                                                        const WorkerOffer& offer) {
  std::map<std::string, Contender> by_name;
  for (size_t i = 0; i < sets.size(); ++i) {
    if (!Covers(offer.capabilities, sets[i])) continue;
    ASSIGN_OR_RETURN(std::vector<Tenant> tenants, TenantsWaitingWith(transaction, sets[i], offer));
    for (Tenant& tenant : tenants) {
      Contender& contender = by_name[tenant.name];
      contender.tenant = std::move(tenant);
      contender.sets.push_back(i);
    }
  }
  std::vector<Contender> contenders;
  if (by_name.empty()) return contenders;
  ASSIGN_OR_RETURN(const auto running, transaction.jobs().RunningByTenant());
  for (auto& [name, contender] : by_name) {
    if (const auto found = running.find(name); found != running.end()) {
      contender.running = found->second;
    }
    contenders.push_back(std::move(contender));
  }
  std::sort(contenders.begin(), contenders.end(),
            [](const Contender& a, const Contender& b) { return a.Turn() < b.Turn(); });
  return contenders;
}

bool RunsBefore(const Job& a, const Job& b) {
  return std::tuple(RankOf(a), a.key) < std::tuple(RankOf(b), b.key);
}

}  // namespace

absl::StatusOr<std::optional<NextJob>> FindNextJob(Transaction& transaction,
                                                   const WorkerOffer& offer,
                                                   const TenantLimits& defaults, absl::Time now) {
  ASSIGN_OR_RETURN(const Sets sets, transaction.jobs().QueuedRequirements());
  ASSIGN_OR_RETURN(std::vector<Contender> contenders, ContendersInTurn(transaction, sets, offer));
  for (Contender& contender : contenders) {
    if (contender.AtLimit(defaults)) continue;
    std::optional<Job> next;
    for (const size_t set : contender.sets) {
      ASSIGN_OR_RETURN(std::optional<Job> job,
                       transaction.jobs().NextQueued(sets[set], contender.tenant.name, now));
      if (job && (!next || RunsBefore(*job, *next))) next = std::move(job);
    }
    if (next) return NextJob{.job = *std::move(next), .tenant = std::move(contender.tenant)};
  }
  return std::nullopt;
}

}  // namespace quantd
