// What the store must say of each job, and of all of them.
#include <algorithm>
#include <map>
#include <set>

#include "server/core/job_codec.h"
#include "server/core/job_state_machine.h"
#include "tests/conformance/job_queue/random_walk.h"

namespace quantd::testing {

void JobQueueRandom::Check(const ModelJob& expected) {
  const Job job = Get(expected.name);
  EXPECT_EQ(job.state, expected.state) << ToText(job.state) << " " << ToText(expected.state);
  EXPECT_EQ(job.lease.token, expected.token);
  EXPECT_EQ(job.traits, expected.submission.traits);
  EXPECT_EQ(job.start_time.has_value(), expected.started);
  EXPECT_EQ(job.end_time.has_value(), IsFinished(expected.state));
  if (job.state == JobState::kRunning) {
    EXPECT_EQ(job.lease.expire_time, expected.expires);
    EXPECT_EQ(job.cancel_requested, expected.cancel_requested);
  }
  std::vector<AttemptOutcome> outcomes;
  for (const Attempt& attempt : job.attempts) {
    outcomes.push_back(attempt.outcome);
    EXPECT_EQ(attempt.number, static_cast<int>(outcomes.size()));
    EXPECT_EQ(attempt.end_time.has_value(), attempt.outcome != AttemptOutcome::kRunning);
  }
  EXPECT_EQ(outcomes, expected.outcomes);
  EXPECT_EQ(std::count(outcomes.begin(), outcomes.end(), AttemptOutcome::kRunning),
            job.state == JobState::kRunning ? 1 : 0);
  EXPECT_EQ(job.attempts_before_redrive, expected.before_redrive);
  EXPECT_EQ(job.error.ok(), job.state != JobState::kFailed && job.state != JobState::kCancelled &&
                                job.state != JobState::kDeadLettered);
  EXPECT_EQ(job.artifact.empty(), job.state != JobState::kSucceeded);
  if (job.state == JobState::kSucceeded && !expected.did_the_work) {
    const absl::StatusOr<JobName> source = ParseJobName(job.cached_from);
    ASSERT_OK(source);
    EXPECT_TRUE(expected.may_be_from.contains(*source)) << job.cached_from;
  } else {
    EXPECT_EQ(job.cached_from, "");
  }
}

void JobQueueRandom::CheckHistory(const ModelJob& expected, const Job& job) {
  const std::vector<JobEvent> events = Events(expected.name);
  ASSERT_EQ(static_cast<int64_t>(events.size()), job.event_count);
  int64_t sequence = 0, lines = 0;
  std::optional<JobState> state;
  for (const JobEvent& event : events) {
    ASSERT_EQ(event.sequence, ++sequence);
    lines += std::holds_alternative<LogText>(event.content);
    const auto* next = std::get_if<JobState>(&event.content);
    if (next == nullptr) continue;
    const auto leads_there = [&](const JobTransition& t) {
      return t.from == state && t.to == *next;
    };
    const auto transitions = JobTransitions();
    EXPECT_TRUE(state ? std::any_of(transitions.begin(), transitions.end(), leads_there)
                      : *next == JobState::kQueued);
    state = *next;
  }
  EXPECT_EQ(state, job.state);
  EXPECT_EQ(lines, expected.lines);
}

void JobQueueRandom::CheckAll() {
  std::set<uint64_t> holders;
  std::set<std::pair<std::string, std::string>> works;
  std::map<JobState, int64_t> states;
  for (const ModelJob& expected : model_.jobs) {
    Check(expected);
    const Job job = Get(expected.name);
    CheckHistory(expected, job);
    ++states[job.state];
    if (job.state != JobState::kRunning) continue;
    EXPECT_TRUE(holders.insert(job.lease.token).second);
    EXPECT_TRUE(works.emplace(job.name.tenant, job.traits.work_digest).second);
  }
  ASSERT_OK_AND_ASSIGN(QueueCounts counts, queue_.Count());
  for (const JobState state : kJobStates) {
    EXPECT_EQ(counts.jobs[state], states[state]) << ToText(state);
  }
  for (const auto& [name, tenant] : model_.tenants) {
    const TenantUse expected = {.queued_jobs = model_.CountOf(name, JobState::kQueued),
                                .running_jobs = model_.CountOf(name, JobState::kRunning)};
    EXPECT_THAT(queue_.Use(name), IsOkAndHolds(expected)) << name;
    ASSERT_OK_AND_ASSIGN(const Tenant stored, tenants_.Get(name));
    EXPECT_EQ(stored.last_lease, tenant.last_lease) << name;
  }
}

}  // namespace quantd::testing
