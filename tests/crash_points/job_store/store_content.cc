#include "tests/crash_points/job_store/store_content.h"

#include <algorithm>
#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/core/job_codec.h"
#include "server/core/job_state_machine.h"

namespace quantd::testing {
namespace {

constexpr int kAll = 1'000'000;

absl::StatusOr<StoredJob> ReadJob(Transaction& t, const Job& job) {
  StoredJob stored{.job = job};
  // A delay may have quarters of a nanosecond; databases keep whole ones.
  stored.job.not_before = DecodeTime(EncodeTime(job.not_before));
  ASSIGN_OR_RETURN(stored.spec, t.jobs().ReadPayload(job.key, JobPayload::kSpec));
  ASSIGN_OR_RETURN(stored.report, t.jobs().ReadPayload(job.key, JobPayload::kReport));
  ASSIGN_OR_RETURN(stored.events, t.events().Read(job.key, 0, kAll));
  return stored;
}

void CheckEvents(const StoredJob& stored, std::string& broken) {
  const std::string name = stored.job.name.ToString();
  int64_t sequence = 0;
  std::optional<JobState> state;
  for (const JobEvent& event : stored.events) {
    if (event.sequence != ++sequence) absl::StrAppend(&broken, name, ": gap in events\n");
    const auto* next = std::get_if<JobState>(&event.content);
    if (next == nullptr) continue;
    const auto transitions = JobTransitions();
    const bool allowed =
        state
            ? std::any_of(transitions.begin(), transitions.end(),
                          [&](const JobTransition& t) { return t.from == *state && t.to == *next; })
            : *next == JobState::kQueued;
    if (!allowed) absl::StrAppend(&broken, name, ": impossible history\n");
    state = *next;
  }
  if (sequence != stored.job.event_count) absl::StrAppend(&broken, name, ": events are missing\n");
  if (state != stored.job.state) absl::StrAppend(&broken, name, ": state is not its history's\n");
}

void CheckAttempts(const StoredJob& stored, std::string& broken) {
  const Job& job = stored.job;
  const std::string name = job.name.ToString();
  const auto running =
      std::count_if(job.attempts.begin(), job.attempts.end(),
                    [](const Attempt& a) { return a.outcome == AttemptOutcome::kRunning; });
  if (running != (job.state == JobState::kRunning ? 1 : 0)) {
    absl::StrAppend(&broken, name, ": running attempts do not fit its state\n");
  }
  const bool succeeded = job.state == JobState::kSucceeded;
  if (succeeded == job.artifact.empty()) {
    absl::StrAppend(&broken, name, ": result and state do not fit\n");
  }
  if (succeeded && job.cached_from.empty() && stored.report.empty()) {
    absl::StrAppend(&broken, name, ": no report\n");
  }
  if (stored.spec.empty()) absl::StrAppend(&broken, name, ": no spec\n");
}

template <typename T>
void Compare(const char* what, const T& actual, const T& expected, std::string& text) {
  if (!(actual == expected)) absl::StrAppend(&text, what, " differ; ");
}

}  // namespace

absl::StatusOr<StoreContent> ReadContent(JobStore& store, const std::vector<std::string>& tenants) {
  StoreContent content;
  RETURN_IF_ERROR(store.Read([&](Transaction& t) -> absl::Status {
    for (const std::string& tenant : tenants) {
      ASSIGN_OR_RETURN(const std::vector<Job> jobs,
                       t.jobs().List({.tenant = tenant, .limit = kAll}));
      for (const Job& job : jobs) {
        ASSIGN_OR_RETURN(StoredJob stored, ReadJob(t, job));
        content.jobs.push_back(std::move(stored));
      }
      ASSIGN_OR_RETURN(const std::vector<Artifact> artifacts,
                       t.artifacts().List(tenant, std::nullopt, kAll));
      content.artifacts.insert(content.artifacts.end(), artifacts.begin(), artifacts.end());
      ASSIGN_OR_RETURN(const Tenant settings, t.tenants().Get(tenant));
      content.tenants.push_back(settings);
    }
    ASSIGN_OR_RETURN(content.catalogues, t.catalogues().All());
    ASSIGN_OR_RETURN(content.paused, t.tenants().Paused());
    return absl::OkStatus();
  }));
  return content;
}

std::string BrokenInvariants(const StoreContent& content) {
  std::string broken;
  std::set<uint64_t> tokens;
  for (const StoredJob& stored : content.jobs) {
    CheckEvents(stored, broken);
    CheckAttempts(stored, broken);
    const uint64_t token = stored.job.lease.token;
    if (token != 0 && !tokens.insert(token).second) {
      absl::StrAppend(&broken, "token ", token, " was given twice\n");
    }
  }
  return broken;
}

std::string Difference(const StoreContent& actual, const StoreContent& expected) {
  std::string text;
  for (const StoredJob& wanted : expected.jobs) {
    const auto found =
        std::find_if(actual.jobs.begin(), actual.jobs.end(),
                     [&](const StoredJob& a) { return a.job.name == wanted.job.name; });
    const std::string name = wanted.job.name.ToString();
    if (found == actual.jobs.end()) {
      absl::StrAppend(&text, name, " is missing; ");
    } else if (!(*found == wanted)) {
      absl::StrAppend(&text, name, " is ", ToText(found->job.state), " version ",
                      found->job.version, " and not ", ToText(wanted.job.state), " version ",
                      wanted.job.version, ", or differs in content; ");
    }
  }
  if (actual.jobs.size() > expected.jobs.size()) absl::StrAppend(&text, "too many jobs; ");
  Compare("artifacts", actual.artifacts, expected.artifacts, text);
  Compare("catalogues", actual.catalogues, expected.catalogues, text);
  Compare("tenants", actual.tenants, expected.tenants, text);
  Compare("pauses", actual.paused, expected.paused, text);
  return text;
}

}  // namespace quantd::testing
