// The operations. What must hold after each is in random_checks.cc.
#include "tests/conformance/job_queue/random_walk.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/core/job_codec.h"

namespace quantd::testing {

void JobQueueRandom::SubmitOne() {
  // Few kinds of work, so that twins and known results are common.
  Submission submission = Work(absl::StrCat("work ", random_.Below(12)));
  submission.tenant = AnyTenant();
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
  const std::string refusal = earlier == nullptr ? model_.Refusal(submission) : "";
  const absl::StatusOr<Job> job = queue_.Submit(submission);
  ++seen_[refusal];
  if (!refusal.empty()) {
    EXPECT_THAT(job, HasReason(refusal));
  } else if (earlier == nullptr) {
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
  ModelJob* expected = model_.Next(worker.catalogue.capabilities, worker.tenant, now());
  const auto leased = TryLease(worker.name, worker.catalogue, worker.tenant);
  ASSERT_EQ(leased.has_value(), expected != nullptr);
  if (expected == nullptr) return;
  ASSERT_EQ(leased->job.name, expected->name);
  EXPECT_EQ(leased->spec, expected->submission.spec);
  EXPECT_EQ(leased->job.lease.worker, worker.name);
  EXPECT_GT(leased->job.lease.token, last_token_);
  last_token_ = leased->job.lease.token;
  ++seen_["lease"];
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
  const absl::Status status = queue_.Complete(job->name, token, results[kind]).status();
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
      const absl::Duration nominal = absl::Seconds(1 << (QueueModel::CountedFailures(job) - 1));
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
  ++seen_[std::string(ToText(job.state))];
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
  const absl::Status lease = queue_.CheckLease(job->name, token);
  const absl::StatusOr<HeartbeatAnswer> answer = queue_.Heartbeat(job->name, token);
  if (Heard(*job, token)) {
    EXPECT_OK(lease);
    ASSERT_OK(answer);
    model_.Heartbeat(*job, now());
    EXPECT_EQ(answer->expire_time, job->expires);
    EXPECT_EQ(answer->cancel_requested, job->cancel_requested);
  } else {
    EXPECT_THAT(lease, HasReason("STALE_LEASE"));
    ++seen_["stale"];
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

void JobQueueRandom::RedriveOne() {
  ModelJob* job = AnyJob(JobState::kDeadLettered);
  if (job == nullptr) return;
  const absl::StatusOr<Job> redriven = queue_.Redrive(job->name);
  const std::string refusal = job->state == JobState::kDeadLettered
                                  ? model_.Refusal(job->submission)
                                  : "JOB_NOT_DEAD_LETTERED";
  if (refusal.empty()) {
    EXPECT_OK(redriven);
    ++seen_["redrive"];
    model_.Redrive(*job, now());
  } else {
    EXPECT_THAT(redriven, HasReason(refusal));
  }
  Check(*job);
}

void JobQueueRandom::SetTenant() {
  constexpr double kWeights[] = {0.5, 1, 1, 3};
  const std::string name = AnyTenant();
  TenantLimits limits;
  if (random_.Below(3) == 0) limits.queued_jobs_max = static_cast<int64_t>(random_.Below(8));
  if (random_.Below(3) == 0) limits.running_jobs_max = static_cast<int64_t>(random_.Below(4));
  const double weight = kWeights[random_.Below(std::size(kWeights))];
  ASSERT_OK(tenants_.Set(name, limits, weight));
  model_.tenants[name].limits = limits;
  model_.tenants[name].weight = weight;
}

void JobQueueRandom::SetPaused() {
  model_.paused = random_.Below(4) == 0;
  EXPECT_OK(tenants_.SetPaused(model_.paused));
}

std::string JobQueueRandom::AnyTenant() {
  // One has half of all jobs, so that many of equal work meet.
  return random_.Below(2) == 0 ? "team" : absl::StrCat("other-", random_.Below(3));
}

void JobQueueRandom::Maintain() {
  switch (random_.Below(9)) {
    case 0:
      EXPECT_OK(queue_.RenewRunningLeases());
      return model_.Renew(now());
    case 1:
    case 2:
      EXPECT_THAT(queue_.Reap(), IsOkAndHolds(model_.Reap(now())));
      return;
    case 3:
      return clock_.Advance(absl::Seconds(static_cast<int64_t>(random_.Below(20))));
    case 4:
      // Now and then so long that a step of priority has been waited for.
      if (random_.Below(8) > 0) return;
      return clock_.Advance(absl::Seconds(static_cast<int64_t>(random_.Below(1000))));
    default:
      return clock_.Advance(absl::Milliseconds(static_cast<int64_t>(random_.Below(3000))));
  }
}

ModelJob* JobQueueRandom::AnyJob(JobState preferred) {
  if (model_.jobs.empty()) return nullptr;
  ModelJob* found = nullptr;
  for (int tries = 0; tries < 4; ++tries) {
    auto job = model_.jobs.begin();
    std::advance(job, static_cast<int64_t>(random_.Below(model_.jobs.size())));
    found = &*job;
    if (found->state == preferred) break;
  }
  return found;
}

uint64_t JobQueueRandom::TokenFor(const ModelJob& job) {
  return random_.Below(8) == 0 ? random_.Below(last_token_ + 2) : job.token;
}

void JobQueueRandom::Step() {
  // So few jobs that every operation meets the interesting ones.
  const uint64_t deletions = model_.jobs.size() > 30 ? 30 : 2;
  uint64_t dice = random_.Below(106 + deletions);
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
  if (share(4)) return RedriveOne();
  if (share(1)) return SetTenant();
  if (share(1)) return SetPaused();
  if (share(16)) return Maintain();
  DeleteOne();
}

void JobQueueRandom::Run(uint64_t seed, int operations) {
  random_ = Random(seed);
  success_ = Success();
  for (const char* tenant : {"other-0", "other-1", "other-2"}) Success(tenant);
  WorkerCatalogue all = Catalogue("1.0.0");
  WorkerCatalogue little = Catalogue("2.0.0");
  little.capabilities = {"preset:a"};
  workers_ = {{"worker-all", all, std::nullopt},
              {"worker-little", little, std::nullopt},
              {"worker-of-one", all, "team"}};
  for (const Worker& worker : workers_) ASSERT_OK(catalogues_.Announce(worker.catalogue));
  for (int i = 0; i < operations; ++i) {
    Step();
    if (i % 50 == 0 || i + 1 == operations) CheckAll();
    ASSERT_FALSE(HasFailure()) << "seed " << seed << ", operation " << i;
  }
  // A walk that never met these would prove little.
  for (const char* event :
       {"", "lease", "SUCCEEDED", "FAILED", "CANCELLED", "QUEUED", "DEAD_LETTERED", "redrive",
        "stale", "QUOTA_EXCEEDED", "SERVER_PAUSED"}) {
    EXPECT_GE(seen_[event], operations / 1000) << "'" << event << "'";
  }
}

}  // namespace quantd::testing
