// Random operations on the queue and on the model of it, and what must hold after each.
#include "common/random.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "server/core/job_codec.h"
#include "server/core/job_state_machine.h"
#include "tests/conformance/job_queue/queue_fixture.h"
#include "tests/conformance/job_queue/queue_model.h"

namespace quantd {
namespace {

using testing::HasReason;
using testing::IsOkAndHolds;
using testing::JobQueueConformance;
using testing::ModelJob;
using testing::QueueModel;
using testing::StatusIs;

class JobQueueRandom : public JobQueueConformance {
 protected:
  void Run(uint64_t seed, int operations);

 private:
  // The worker's catalogue decides what it can do and with which engine.
  struct Worker {
    std::string name;
    WorkerCatalogue catalogue;
  };

  void Step();
  void SubmitOne();
  void LeaseOne();
  void CompleteOne();
  void CompleteHeard(ModelJob& job, const AttemptResult& result);
  void ReportOne();
  void HeartbeatOne();
  void CancelOne();
  void DeleteOne();
  void DeleteArtifactOfOne();
  void Maintain();
  void Check(const ModelJob& expected);
  void CheckHistory(const ModelJob& expected, const Job& job);
  void CheckAll();

  // Any job of the model; null when it has none. Mostly an unfinished one.
  ModelJob* AnyJob();
  // The job's token, or now and then one that is out of date.
  uint64_t TokenFor(const ModelJob& job);
  bool Heard(const ModelJob& job, uint64_t token) const {
    return job.state == JobState::kRunning && job.token == token;
  }
  absl::Time now() const { return clock_.Now(); }

  Random random_{0};
  QueueModel model_{kLease};
  std::vector<Worker> workers_;
  AttemptSucceeded success_;
  uint64_t last_token_ = 0;
  int requests_ = 0;
};

void JobQueueRandom::SubmitOne() {
  // Few kinds of work, so that twins and known results are common.
  Submission submission = Work(absl::StrCat("work ", random_.Below(12)));
  submission.tenant = random_.Below(3) == 0 ? "others" : "team";
  submission.traits.priority = static_cast<int>(random_.Below(3)) - 1;
  submission.traits.max_attempts = 1 + static_cast<int>(random_.Below(3));
  submission.traits.requirements = {};
  if (random_.Below(2) == 0) submission.traits.requirements.push_back("preset:a");
  if (random_.Below(4) == 0) submission.traits.requirements.push_back("preset:b");
  if (random_.Below(4) == 0) submission.traits.queue_timeout = absl::Seconds(60);
  if (random_.Below(2) == 0) submission.request_id = absl::StrCat(random_.Below(++requests_));
  submission.request_digest = absl::StrCat(random_.Below(2));

  const ModelJob* earlier = submission.request_id.empty()
                                ? nullptr
                                : model_.FindRequest(submission.tenant, submission.request_id);
  const absl::StatusOr<Job> job = queue_.Submit(submission);
  if (earlier == nullptr) {
    ASSERT_OK(job);
    ASSERT_EQ(model_.Find(job->name), nullptr);
    Check(model_.Submit(submission, job->name, now()));
  } else if (earlier->submission.request_digest == submission.request_digest) {
    ASSERT_OK(job);
    EXPECT_EQ(job->name, earlier->name);
    Check(*earlier);
  } else {
    EXPECT_THAT(job, HasReason("REQUEST_ID_REUSED"));
  }
}

void JobQueueRandom::LeaseOne() {
  const Worker& worker = workers_[random_.Below(workers_.size())];
  model_.Reap(now());
  ModelJob* expected = model_.Next(worker.catalogue.capabilities, now());
  const auto leased = TryLease(worker.name, worker.catalogue);
  ASSERT_EQ(leased.has_value(), expected != nullptr);
  if (expected == nullptr) return;
  ASSERT_EQ(leased->job.name, expected->name);
  EXPECT_EQ(leased->spec, expected->submission.spec);
  EXPECT_EQ(leased->job.lease.worker, worker.name);
  EXPECT_GT(leased->job.lease.token, last_token_);
  last_token_ = leased->job.lease.token;
  model_.Lease(*expected, last_token_, worker.catalogue.engine_version, now());
  Check(*expected);
}

void JobQueueRandom::CompleteOne() {
  ModelJob* job = AnyJob();
  if (job == nullptr) return;
  constexpr AttemptOutcome kOutcomes[] = {AttemptOutcome::kSucceeded, AttemptOutcome::kFailed,
                                          AttemptOutcome::kFailed, AttemptOutcome::kCancelled,
                                          AttemptOutcome::kHandedBack};
  const AttemptResult results[] = {success_, Failure(),
                                   Failure(absl::StatusCode::kInvalidArgument, "no model"),
                                   AttemptCancelled{}, AttemptHandedBack{}};
  const uint64_t kind = random_.Below(std::size(results));
  const uint64_t token = TokenFor(*job);
  const absl::Status status = queue_.Complete(job->name, token, results[kind]);
  if (Heard(*job, token)) {
    ASSERT_OK(status);
    CompleteHeard(*job, results[kind]);
    return;
  }
  const bool told_before =
      job->token == token && !job->outcomes.empty() && job->outcomes.back() == kOutcomes[kind];
  if (told_before) {
    EXPECT_OK(status);
  } else {
    EXPECT_THAT(status, HasReason("STALE_LEASE"));
  }
  Check(*job);
}

void JobQueueRandom::CompleteHeard(ModelJob& job, const AttemptResult& result) {
  if (std::holds_alternative<AttemptSucceeded>(result)) {
    model_.End(job, AttemptOutcome::kSucceeded, false);
  } else if (const auto* failed = std::get_if<AttemptFailed>(&result)) {
    model_.End(job, AttemptOutcome::kFailed,
               failed->error.code() == absl::StatusCode::kInvalidArgument);
    if (job.state == JobState::kQueued) {
      // The jitter is the queue's choice, within its bounds.
      const auto failures =
          std::count(job.outcomes.begin(), job.outcomes.end(), AttemptOutcome::kFailed) +
          std::count(job.outcomes.begin(), job.outcomes.end(), AttemptOutcome::kLeaseExpired);
      const absl::Duration nominal = absl::Seconds(1 << (failures - 1));
      job.not_before = Get(job.name).not_before;
      EXPECT_GE(job.not_before, now() + nominal / 2);
      EXPECT_LT(job.not_before, now() + nominal);
    }
  } else {
    model_.End(job,
               std::holds_alternative<AttemptCancelled>(result) ? AttemptOutcome::kCancelled
                                                                : AttemptOutcome::kHandedBack,
               false);
  }
  Check(job);
}

void JobQueueRandom::ReportOne() {
  ModelJob* job = AnyJob();
  if (job == nullptr) return;
  const uint64_t token = TokenFor(*job);
  const auto lines = static_cast<int64_t>(random_.Below(4));
  const std::vector<JobEvent> events(static_cast<size_t>(lines), {.content = LogText{"line"}});
  const absl::Status status = queue_.Report(job->name, token, events);
  if (Heard(*job, token)) {
    EXPECT_OK(status);
    job->lines += lines;
  } else {
    EXPECT_THAT(status, HasReason("STALE_LEASE"));
  }
  Check(*job);
}

void JobQueueRandom::HeartbeatOne() {
  ModelJob* job = AnyJob();
  if (job == nullptr) return;
  const uint64_t token = TokenFor(*job);
  const absl::StatusOr<HeartbeatAnswer> answer = queue_.Heartbeat(job->name, token);
  if (Heard(*job, token)) {
    ASSERT_OK(answer);
    model_.Heartbeat(*job, now());
    EXPECT_EQ(answer->expire_time, job->expires);
    EXPECT_EQ(answer->cancel_requested, job->cancel_requested);
  } else {
    EXPECT_THAT(answer, HasReason("STALE_LEASE"));
  }
  Check(*job);
}

void JobQueueRandom::CancelOne() {
  ModelJob* job = AnyJob();
  if (job == nullptr) return;
  EXPECT_OK(queue_.Cancel(job->name));
  model_.Cancel(*job);
  Check(*job);
}

void JobQueueRandom::DeleteOne() {
  if (model_.jobs.empty()) return;
  auto job = model_.jobs.begin();
  std::advance(job, static_cast<int64_t>(random_.Below(model_.jobs.size())));
  const absl::Status status = queue_.Delete(job->name, std::nullopt);
  if (!IsFinished(job->state)) {
    EXPECT_THAT(status, HasReason("JOB_NOT_FINISHED"));
    return Check(*job);
  }
  EXPECT_OK(status);
  EXPECT_THAT(queue_.Get(job->name), HasReason("JOB_NOT_FOUND"));
  model_.jobs.erase(job);
}

void JobQueueRandom::DeleteArtifactOfOne() {
  ModelJob* job = AnyJob();
  if (job == nullptr || !job->did_the_work) return;
  const absl::StatusOr<ArtifactName> name = ParseArtifactName(Get(job->name).artifact);
  ASSERT_OK(name);
  const absl::Status status =
      store_->Write([&](Transaction& t) { return t.artifacts().Delete(*name); });
  EXPECT_EQ(absl::IsNotFound(status), !model_.without_artifact.insert(job->name).second);
}

void JobQueueRandom::Maintain() {
  switch (random_.Below(8)) {
    case 0:
      EXPECT_OK(queue_.RenewRunningLeases());
      return model_.Renew(now());
    case 1:
    case 2:
      EXPECT_THAT(queue_.Reap(), IsOkAndHolds(model_.Reap(now())));
      return;
    case 3:
      return clock_.Advance(absl::Seconds(static_cast<int64_t>(random_.Below(20))));
    default:
      return clock_.Advance(absl::Milliseconds(static_cast<int64_t>(random_.Below(3000))));
  }
}

ModelJob* JobQueueRandom::AnyJob() {
  if (model_.jobs.empty()) return nullptr;
  ModelJob* found = nullptr;
  for (int tries = 0; tries < 4; ++tries) {
    auto job = model_.jobs.begin();
    std::advance(job, static_cast<int64_t>(random_.Below(model_.jobs.size())));
    found = &*job;
    if (found->state == JobState::kRunning) break;
  }
  return found;
}

uint64_t JobQueueRandom::TokenFor(const ModelJob& job) {
  return random_.Below(8) == 0 ? random_.Below(last_token_ + 2) : job.token;
}

void JobQueueRandom::Step() {
  // So few jobs that every operation meets the interesting ones.
  const uint64_t deletions = model_.jobs.size() > 30 ? 30 : 2;
  uint64_t dice = random_.Below(100 + deletions);
  const auto share = [&](uint64_t of) {
    if (dice < of) return true;
    dice -= of;
    return false;
  };
  if (share(15)) return SubmitOne();
  if (share(25)) return LeaseOne();
  if (share(20)) return CompleteOne();
  if (share(8)) return ReportOne();
  if (share(10)) return HeartbeatOne();
  if (share(4)) return CancelOne();
  if (share(2)) return DeleteArtifactOfOne();
  if (share(16)) return Maintain();
  DeleteOne();
}

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
  EXPECT_EQ(job.error.ok(), job.state != JobState::kFailed && job.state != JobState::kCancelled);
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
  for (int s = 0; s <= static_cast<int>(JobState::kCancelled); ++s) {
    const auto state = static_cast<JobState>(s);
    EXPECT_EQ(counts.jobs[state], states[state]) << ToText(state);
  }
}

void JobQueueRandom::Run(uint64_t seed, int operations) {
  random_ = Random(seed);
  Success("others");
  success_ = Success();
  WorkerCatalogue all = Catalogue("1.0.0");
  WorkerCatalogue little = Catalogue("2.0.0");
  little.capabilities = {"preset:a"};
  workers_ = {{"worker-all", all}, {"worker-little", little}};
  for (const Worker& worker : workers_) ASSERT_OK(catalogues_.Announce(worker.catalogue));
  for (int i = 0; i < operations; ++i) {
    Step();
    if (i % 50 == 0 || i + 1 == operations) CheckAll();
    ASSERT_FALSE(HasFailure()) << "seed " << seed << ", operation " << i;
  }
}

TEST_P(JobQueueRandom, DoesWhatItsModelDoesWithOneSeed) {
  Run(1, GetParam().random_operations / 2);
}

TEST_P(JobQueueRandom, DoesWhatItsModelDoesWithAnotherSeed) {
  Run(2026, GetParam().random_operations / 2);
}

INSTANTIATE_TEST_SUITE_P(AllStores, JobQueueRandom, ::testing::ValuesIn(testing::JobStores()),
                         [](const auto& store) { return store.param.name; });

}  // namespace
}  // namespace quantd
