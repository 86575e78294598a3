// How much of the queue a tenant may use, and what a paused server takes.
#include "server/core/tenant_registry.h"
#include "tests/conformance/job_queue/queue_fixture.h"

namespace quantd::testing {
namespace {

class JobQueueQuotas : public JobQueueConformance {
 protected:
  void SetLimits(const TenantLimits& limits) { ASSERT_OK(tenants_.Set("team", limits, 1)); }

  TenantRegistry tenants_{store_.get(), {}};
};

TEST_P(JobQueueQuotas, ATenantHasAtMostSoManyQueuedJobs) {
  SetLimits({.queued_jobs_max = 2});
  Submit();
  Submit();
  const absl::Status refused = queue_.Submit(SomeWork()).status();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(refused, HasReason("QUOTA_EXCEEDED"));
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kResourceExhausted,
                                ::testing::HasSubstr("queued_jobs_max is 2, and 2 are in use")));
  // Another tenant has its own.
  Submission other = SomeWork();
  other.tenant = "others";
  EXPECT_OK(queue_.Submit(other));
  // One that runs is queued no more.
  ASSERT_NE(TryLease("worker-of-it", Catalogue(), "team"), std::nullopt);
  EXPECT_OK(queue_.Submit(SomeWork()));
}

TEST_P(JobQueueQuotas, WhatTakesNoPlaceInTheQueueIsNotRefused) {
  Submission submission = Work("known");
  submission.request_id = "request-1";
  const Job done = Finish(submission);
  SetLimits({.queued_jobs_max = 0});
  // The same request, whose answer may have got lost, and other work that is known already.
  EXPECT_EQ(Submit(submission).name, done.name);
  submission.request_id = "request-2";
  EXPECT_EQ(Submit(submission).state, JobState::kSucceeded);
  EXPECT_THAT(queue_.Submit(SomeWork()), HasReason("QUOTA_EXCEEDED"));
}

TEST_P(JobQueueQuotas, JobsThatComeBackAreNeverRefused) {
  const Job job = Submit();
  const LeasedJob leased = Lease();
  SetLimits({.queued_jobs_max = 0});
  ASSERT_OK(Complete(leased, Failure()));
  EXPECT_EQ(Get(job.name).state, JobState::kQueued);
}

TEST_P(JobQueueQuotas, JobsBeyondThoseThatMayRunWait) {
  SetLimits({.running_jobs_max = 1});
  const Job first = Submit();
  const Job second = Submit();
  const LeasedJob running = Lease();
  EXPECT_EQ(running.job.name, first.name);
  EXPECT_EQ(TryLease(), std::nullopt);
  EXPECT_EQ(TryLease("worker-of-it", Catalogue(), "team"), std::nullopt);
  ASSERT_OK(Complete(running, Success()));
  EXPECT_EQ(Lease().job.name, second.name);
}

TEST_P(JobQueueQuotas, WhereATenantHasNoneTheServersHold) {
  JobQueue queue({.tenant_defaults = {.queued_jobs_max = 2, .running_jobs_max = 1}}, store_.get(),
                 &blobs_, &clock_, &ids_, &signal_);
  ASSERT_OK(queue.Submit(SomeWork()));
  ASSERT_OK(queue.Submit(SomeWork()));
  EXPECT_THAT(queue.Submit(SomeWork()), HasReason("QUOTA_EXCEEDED"));
  ASSERT_OK_AND_ASSIGN(auto leased, queue.Lease("worker", Catalogue(), std::nullopt));
  EXPECT_NE(leased, std::nullopt);
  ASSERT_OK_AND_ASSIGN(leased, queue.Lease("worker", Catalogue(), std::nullopt));
  EXPECT_EQ(leased, std::nullopt);
  SetLimits({.queued_jobs_max = 3, .running_jobs_max = 2});
  EXPECT_OK(queue.Submit(SomeWork()));
  ASSERT_OK_AND_ASSIGN(leased, queue.Lease("worker", Catalogue(), std::nullopt));
  EXPECT_NE(leased, std::nullopt);
}

TEST_P(JobQueueQuotas, APausedServerTakesNoNewJobAndFinishesThoseThatItHas) {
  Submission submission = SomeWork();
  submission.request_id = "request-1";
  const Job running = Submit(submission);
  const LeasedJob leased = Lease();
  const Job queued = Submit();
  ASSERT_OK(tenants_.SetPaused(true));
  EXPECT_THAT(queue_.Submit(SomeWork()), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(queue_.Submit(SomeWork()), HasReason("SERVER_PAUSED"));
  EXPECT_EQ(Submit(submission).name, running.name) << "the answer of the first time got lost";
  ASSERT_OK(Complete(leased, Success()));
  EXPECT_EQ(Lease().job.name, queued.name);
  ASSERT_OK(tenants_.SetPaused(false));
  EXPECT_OK(queue_.Submit(SomeWork()));
}

TEST_P(JobQueueQuotas, UseTellsWhatIsQueuedAndWhatRuns) {
  EXPECT_THAT(queue_.Use("team"), IsOkAndHolds(TenantUse{}));
  for (int i = 0; i < 3; ++i) Submit();
  Finish(SomeWork());
  Lease();
  // Of four, one succeeded and one runs.
  EXPECT_THAT(queue_.Use("team"), IsOkAndHolds(TenantUse{.queued_jobs = 2, .running_jobs = 1}));
  EXPECT_THAT(queue_.Use("others"), IsOkAndHolds(TenantUse{}));
}

INSTANTIATE_TEST_SUITE_P(AllStores, JobQueueQuotas, ::testing::ValuesIn(JobStores()),
                         [](const auto& store) { return store.param.name; });

}  // namespace
}  // namespace quantd::testing
