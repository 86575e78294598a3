#include "server/store/memory/memory_jobs.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/status_macros.h"
#include "server/core/errors.h"
#include "server/core/job_codec.h"

namespace quantd {
namespace {

// Whether the job is one that `query` asks for, apart from place and number.
bool Matches(const Job& job, const JobQuery& query) {
  if (job.name.tenant != query.tenant) return false;
  if (query.state && job.state != *query.state) return false;
  if (query.display_name && job.display_name != *query.display_name) return false;
  return std::all_of(query.labels.begin(), query.labels.end(), [&](const auto& wanted) {
    const auto found = job.labels.find(wanted.first);
    return found != job.labels.end() && found->second == wanted.second;
  });
}

void CutTo(std::vector<Job>& jobs, int limit) {
  jobs.resize(std::min(jobs.size(), static_cast<size_t>(std::max(limit, 0))));
}

absl::Time QueueDeadline(const Job& job) { return job.create_time + job.traits.queue_timeout; }

}  // namespace

std::vector<Job> MemoryJobTable::Where(const std::function<bool(const Job&)>& wanted) const {
  std::vector<Job> jobs;
  for (const auto& [key, job] : state_.jobs) {
    if (wanted(job)) jobs.push_back(job);
  }
  return jobs;
}

absl::StatusOr<Job> MemoryJobTable::Get(const JobName& name) {
  const auto found = state_.job_keys.find(name);
  if (found == state_.job_keys.end()) return errors::JobNotFound(name);
  return state_.jobs.at(found->second);
}

absl::StatusOr<std::optional<Job>> MemoryJobTable::FindByRequestId(const std::string& tenant,
                                                                   const std::string& request_id) {
  if (request_id.empty()) return std::nullopt;
  std::vector<Job> jobs = Where(
      [&](const Job& job) { return job.name.tenant == tenant && job.request_id == request_id; });
  if (jobs.empty()) return std::nullopt;
  return std::move(jobs.back());
}

absl::StatusOr<std::vector<Job>> MemoryJobTable::List(const JobQuery& query) {
  std::vector<Job> jobs = Where([&](const Job& job) {
    if (!Matches(job, query)) return false;
    if (!query.after_key) return true;
    return query.newest_first ? job.key < *query.after_key : job.key > *query.after_key;
  });
  if (query.newest_first) std::reverse(jobs.begin(), jobs.end());
  CutTo(jobs, query.limit);
  return jobs;
}

absl::StatusOr<int64_t> MemoryJobTable::Insert(const Job& job, absl::string_view spec) {
  QUANTD_CHECK(undo_ != nullptr);
  if (state_.job_keys.contains(job.name)) {
    return absl::AlreadyExistsError(absl::StrCat(job.name.ToString(), " exists already"));
  }
  undo_->BeforeChangeOf(state_.last_job_key);
  const int64_t key = ++state_.last_job_key;
  undo_->BeforeChange(state_.jobs, key);
  undo_->BeforeChange(state_.job_keys, job.name);
  undo_->BeforeChange(state_.payloads, {key, JobPayload::kSpec});
  Job stored = job;
  stored.key = key;
  RETURN_IF_ERROR(AddInputs(key, std::exchange(stored.traits.inputs, {})));
  state_.jobs[key] = std::move(stored);
  state_.job_keys[job.name] = key;
  state_.payloads[{key, JobPayload::kSpec}] = std::string(spec);
  return key;
}

absl::Status MemoryJobTable::Update(const Job& job) {
  QUANTD_CHECK(undo_ != nullptr);
  const auto found = state_.jobs.find(job.key);
  if (found == state_.jobs.end()) return errors::JobNotFound(job.name);
  undo_->BeforeChange(state_.jobs, job.key);
  Job& stored = found->second;
  const Job old = std::exchange(stored, job);
  stored.name = old.name;
  stored.display_name = old.display_name;
  stored.labels = old.labels;
  stored.create_time = old.create_time;
  stored.request_id = old.request_id;
  stored.request_digest = old.request_digest;
  stored.traits = old.traits;
  return absl::OkStatus();
}

absl::Status MemoryJobTable::Delete(int64_t key) {
  QUANTD_CHECK(undo_ != nullptr);
  const auto found = state_.jobs.find(key);
  if (found == state_.jobs.end()) return absl::OkStatus();
  undo_->BeforeChange(state_.job_keys, found->second.name);
  state_.job_keys.erase(found->second.name);
  undo_->BeforeChange(state_.jobs, key);
  state_.jobs.erase(found);
  for (const JobPayload payload : {JobPayload::kSpec, JobPayload::kReport}) {
    undo_->BeforeChange(state_.payloads, {key, payload});
    state_.payloads.erase({key, payload});
  }
  undo_->BeforeChange(state_.inputs, key);
  state_.inputs.erase(key);
  auto event = state_.events.lower_bound({key, 0});
  while (event != state_.events.end() && event->first.first == key) {
    undo_->BeforeChange(state_.events, event->first);
    event = state_.events.erase(event);
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> MemoryJobTable::HasInput(int64_t key, const std::string& digest) {
  const auto found = state_.inputs.find(key);
  return found != state_.inputs.end() &&
         std::binary_search(found->second.begin(), found->second.end(), digest);
}

absl::StatusOr<std::vector<std::string>> MemoryJobTable::Inputs(const std::string& tenant) {
  std::set<std::string> digests;
  for (const auto& [key, inputs] : state_.inputs) {
    if (state_.jobs.at(key).name.tenant == tenant) digests.insert(inputs.begin(), inputs.end());
  }
  return std::vector<std::string>(digests.begin(), digests.end());
}

absl::Status MemoryJobTable::AddInputs(int64_t key, const std::vector<std::string>& digests) {
  QUANTD_CHECK(undo_ != nullptr);
  if (digests.empty()) return absl::OkStatus();
  undo_->BeforeChange(state_.inputs, key);
  std::set<std::string> all(digests.begin(), digests.end());
  all.insert(state_.inputs[key].begin(), state_.inputs[key].end());
  state_.inputs[key] = {all.begin(), all.end()};
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> MemoryJobTable::Tenants() {
  std::set<std::string> tenants;
  for (const auto& [key, job] : state_.jobs) tenants.insert(job.name.tenant);
  return std::vector<std::string>(tenants.begin(), tenants.end());
}

absl::StatusOr<std::vector<Job>> MemoryJobTable::FinishedUntil(const std::string& tenant,
                                                               absl::Time time, int limit) {
  std::vector<Job> jobs = Where([&](const Job& job) {
    return job.name.tenant == tenant && IsFinished(job.state) && job.update_time <= time;
  });
  std::stable_sort(jobs.begin(), jobs.end(),
                   [](const Job& a, const Job& b) { return a.update_time < b.update_time; });
  CutTo(jobs, limit);
  return jobs;
}

absl::StatusOr<std::string> MemoryJobTable::ReadPayload(int64_t key, JobPayload payload) {
  const auto found = state_.payloads.find({key, payload});
  return found == state_.payloads.end() ? std::string() : found->second;
}

absl::Status MemoryJobTable::WriteReport(int64_t key, absl::string_view report) {
  QUANTD_CHECK(undo_ != nullptr);
  undo_->BeforeChange(state_.payloads, {key, JobPayload::kReport});
  state_.payloads[{key, JobPayload::kReport}] = std::string(report);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::vector<std::string>>> MemoryJobTable::QueuedRequirements() {
  std::set<std::string> sets;  // In the order that databases give.
  for (const auto& [key, job] : state_.jobs) {
    if (job.state == JobState::kQueued) sets.insert(EncodeWords(job.traits.requirements));
  }
  std::vector<std::vector<std::string>> requirements;
  for (const std::string& words : sets) requirements.push_back(DecodeWords(words));
  return requirements;
}

absl::StatusOr<std::vector<Tenant>> MemoryJobTable::QueuedTenants(
    const std::vector<std::string>& requirements) {
  std::map<std::string, Tenant> tenants;
  for (const auto& [key, job] : state_.jobs) {
    const std::string& name = job.name.tenant;
    if (job.state != JobState::kQueued || job.traits.requirements != requirements) continue;
    const auto set = state_.tenants.find(name);
    tenants[name] = set == state_.tenants.end() ? Tenant{.name = name} : set->second;
  }
  std::vector<Tenant> list;
  for (auto& [name, tenant] : tenants) list.push_back(std::move(tenant));
  return list;
}

absl::StatusOr<std::optional<Job>> MemoryJobTable::NextQueued(
    const std::vector<std::string>& requirements, const std::string& tenant, absl::Time now) {
  std::set<std::string> running;  // Works.
  for (const auto& [key, job] : state_.jobs) {
    if (job.state == JobState::kRunning && job.name.tenant == tenant) {
      running.insert(job.traits.work_digest);
    }
  }
  const Job* next = nullptr;
  for (const auto& [key, job] : state_.jobs) {
    if (job.state != JobState::kQueued || job.name.tenant != tenant || job.not_before > now ||
        job.traits.requirements != requirements || running.contains(job.traits.work_digest)) {
      continue;
    }
    if (next == nullptr || RankOf(job) < RankOf(*next)) next = &job;
  }
  return next == nullptr ? std::nullopt : std::optional<Job>(*next);
}

absl::StatusOr<std::vector<Job>> MemoryJobTable::QueuedWork(const std::string& tenant,
                                                            const std::string& work_digest,
                                                            int limit) {
  std::vector<Job> jobs = Where([&](const Job& job) {
    return job.state == JobState::kQueued && job.name.tenant == tenant &&
           job.traits.work_digest == work_digest;
  });
  if (jobs.size() > static_cast<size_t>(limit)) jobs.resize(static_cast<size_t>(limit));
  return jobs;
}

absl::StatusOr<std::optional<Job>> MemoryJobTable::FinishedWork(const std::string& tenant,
                                                                const std::string& work_digest,
                                                                const std::string& engine_version) {
  std::vector<Job> jobs = Where([&](const Job& job) {
    return job.state == JobState::kSucceeded && job.name.tenant == tenant &&
           job.traits.work_digest == work_digest && job.engine_version == engine_version &&
           job.cached_from.empty();
  });
  if (jobs.empty()) return std::nullopt;
  return std::move(jobs.back());
}

absl::StatusOr<bool> MemoryJobTable::AnythingDue(absl::Time now) {
  ASSIGN_OR_RETURN(const std::vector<Job> expired, ExpiredLeases(now, 1));
  if (!expired.empty()) return true;
  ASSIGN_OR_RETURN(const std::vector<Job> overdue, OverdueQueued(now, 1));
  return !overdue.empty();
}

absl::StatusOr<std::vector<Job>> MemoryJobTable::ExpiredLeases(absl::Time now, int limit) {
  std::vector<Job> jobs = Where([&](const Job& job) {
    return job.state == JobState::kRunning && job.lease.expire_time <= now;
  });
  std::stable_sort(jobs.begin(), jobs.end(), [](const Job& a, const Job& b) {
    return a.lease.expire_time < b.lease.expire_time;
  });
  CutTo(jobs, limit);
  return jobs;
}

absl::StatusOr<std::vector<Job>> MemoryJobTable::OverdueQueued(absl::Time now, int limit) {
  std::vector<Job> jobs = Where([&](const Job& job) {
    return job.state == JobState::kQueued && !job.start_time && QueueDeadline(job) <= now;
  });
  std::stable_sort(jobs.begin(), jobs.end(),
                   [](const Job& a, const Job& b) { return QueueDeadline(a) < QueueDeadline(b); });
  CutTo(jobs, limit);
  return jobs;
}

absl::StatusOr<std::vector<Job>> MemoryJobTable::Running() {
  return Where([](const Job& job) { return job.state == JobState::kRunning; });
}

absl::StatusOr<uint64_t> MemoryJobTable::NextToken() {
  QUANTD_CHECK(undo_ != nullptr);
  undo_->BeforeChangeOf(state_.last_token);
  return ++state_.last_token;
}

absl::StatusOr<QueueCounts> MemoryJobTable::Count() {
  QueueCounts counts;
  for (const auto& [key, job] : state_.jobs) {
    ++counts.jobs[job.state];
    if (job.state != JobState::kQueued) continue;
    if (!counts.oldest_queued) counts.oldest_queued = job.create_time;
  }
  return counts;
}

absl::StatusOr<std::map<std::string, int64_t>> MemoryJobTable::RunningByTenant() {
  std::map<std::string, int64_t> running;
  for (const auto& [key, job] : state_.jobs) {
    if (job.state == JobState::kRunning) ++running[job.name.tenant];
  }
  return running;
}

absl::StatusOr<int64_t> MemoryJobTable::CountOf(const std::string& tenant, JobState state) {
  return std::count_if(state_.jobs.begin(), state_.jobs.end(), [&](const auto& entry) {
    return entry.second.state == state && entry.second.name.tenant == tenant;
  });
}

}  // namespace quantd
