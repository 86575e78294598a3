// Identical work is done once.
#include "tests/conformance/job_queue/queue_fixture.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using testing::JobQueueConformance;

class JobQueueSharedWork : public JobQueueConformance {
 protected:
  void ExpectSharedResult(const JobName& name, const Job& source) {
    ASSERT_OK_AND_ASSIGN(const FullJob full, queue_.GetFull(name));
    EXPECT_EQ(full.job.state, JobState::kSucceeded);
    EXPECT_EQ(full.job.cached_from, source.name.ToString());
    EXPECT_EQ(full.job.artifact, source.artifact);
    EXPECT_EQ(full.job.engine_version, source.engine_version);
    EXPECT_TRUE(full.job.attempts.empty());
    EXPECT_TRUE(full.job.end_time.has_value());
    EXPECT_EQ(full.report, "a report");
    EXPECT_THAT(History(name), ElementsAre(JobState::kQueued, JobState::kSucceeded));
  }

  // Submits the same work again and expects that it has to be done.
  void ExpectNotReused() {
    const Job again = Submit(Work("same"));
    EXPECT_EQ(again.state, JobState::kQueued);
    EXPECT_EQ(again.cached_from, "");
  }
};

TEST_P(JobQueueSharedWork, AJobWaitsWhileItsTwinRunsAndBothFinishWithOneAttempt) {
  const Job first = Submit(Work("same"));
  const LeasedJob leased = Lease();
  const Job twin = Submit(Work("same"));
  EXPECT_EQ(twin.state, JobState::kQueued);
  EXPECT_EQ(TryLease("worker-b"), std::nullopt);
  const uint64_t seen = signal_.Generation(twin.name.ToString());
  ASSERT_OK(Complete(leased, Success()));
  const Job done = Get(first.name);
  EXPECT_EQ(done.attempts.size(), 1u);
  EXPECT_EQ(done.cached_from, "");
  ExpectSharedResult(twin.name, done);
  EXPECT_NE(signal_.Generation(twin.name.ToString()), seen);
}

TEST_P(JobQueueSharedWork, TwinsThatWereBothQueuedRunOnce) {
  const Job first = Submit(Work("same"));
  const Job twin = Submit(Work("same"));
  const LeasedJob leased = Lease();
  EXPECT_EQ(leased.job.name, first.name);
  EXPECT_EQ(TryLease("worker-b"), std::nullopt);
  ASSERT_OK(Complete(leased, Success()));
  ExpectSharedResult(twin.name, Get(first.name));
}

TEST_P(JobQueueSharedWork, ManyTwinsAreDoneToo) {
  const Job first = Submit(Work("same"));
  const LeasedJob leased = Lease();
  std::vector<JobName> twins;
  for (int i = 0; i < 250; ++i) twins.push_back(Submit(Work("same")).name);
  ASSERT_OK(Complete(leased, Success()));
  const Job done = Get(first.name);
  for (const JobName& twin : twins) ExpectSharedResult(twin, done);
}

TEST_P(JobQueueSharedWork, AWaitingTwinHoldsUpNobodyElse) {
  Submit(Work("same"));
  Lease();
  Submission urgent = Work("same");
  urgent.traits.priority = 100;
  Submit(urgent);
  const Job other = Submit(Work("other"));
  EXPECT_EQ(Lease("worker-b").job.name, other.name);
}

TEST_P(JobQueueSharedWork, WhenTheTwinFailsTheWaitingJobRuns) {
  Submit(Work("same"));
  const LeasedJob leased = Lease();
  const Job twin = Submit(Work("same"));
  ASSERT_OK(Complete(leased, Failure(absl::StatusCode::kInvalidArgument, "no model")));
  EXPECT_EQ(Lease().job.name, twin.name);
}

TEST_P(JobQueueSharedWork, WhenTheTwinIsCancelledTheWaitingJobRuns) {
  const Job first = Submit(Work("same"));
  const LeasedJob leased = Lease();
  const Job twin = Submit(Work("same"));
  ASSERT_OK(queue_.Cancel(first.name));
  ASSERT_OK(Complete(leased, AttemptCancelled{}));
  EXPECT_EQ(Lease().job.name, twin.name);
}

TEST_P(JobQueueSharedWork, AWaitingTwinThatWasCancelledStaysCancelled) {
  Submit(Work("same"));
  const LeasedJob leased = Lease();
  const Job twin = Submit(Work("same"));
  ASSERT_OK(queue_.Cancel(twin.name));
  ASSERT_OK(Complete(leased, Success()));
  EXPECT_EQ(Get(twin.name).state, JobState::kCancelled);
}

TEST_P(JobQueueSharedWork, AKnownResultAnswersAtOnce) {
  const Job source = Finish(Work("same"));
  clock_.Advance(absl::Hours(1));
  const Job cached = Submit(Work("same"));
  EXPECT_EQ(cached.state, JobState::kSucceeded);
  EXPECT_EQ(cached, Get(cached.name));
  ExpectSharedResult(cached.name, source);
  EXPECT_EQ(cached.end_time, clock_.Now());
}

TEST_P(JobQueueSharedWork, ACopyIsMadeFromTheJobThatDidTheWork) {
  const Job source = Finish(Work("same"));
  Submit(Work("same"));
  ExpectSharedResult(Submit(Work("same")).name, source);
  // The copies alone are no source.
  ASSERT_OK(queue_.Delete(source.name, std::nullopt));
  ExpectNotReused();
}

TEST_P(JobQueueSharedWork, ACachedJobIsIdempotentLikeAnyOther) {
  Finish(Work("same"));
  Submission again = Work("same");
  again.request_id = "request-1";
  const Job first = Submit(again);
  EXPECT_EQ(first.state, JobState::kSucceeded);
  EXPECT_EQ(Submit(again), first);
}

TEST_P(JobQueueSharedWork, OtherWorkIsNotReused) {
  Finish(Work("same"));
  EXPECT_EQ(Submit(Work("other")).state, JobState::kQueued);
}

TEST_P(JobQueueSharedWork, AnotherTenantsResultIsNotReused) {
  Finish(Work("same"));
  Submission other = Work("same");
  other.tenant = "others";
  EXPECT_EQ(Submit(other).state, JobState::kQueued);
  // Nor does it wait for one.
  Submit(Work("more"));
  ASSERT_EQ(Lease().job.name.tenant, "others");
  Lease();
  other = Work("more");
  other.tenant = "others";
  const Job job = Submit(other);
  EXPECT_EQ(Lease().job.name, job.name);
}

TEST_P(JobQueueSharedWork, AResultIsNotReusedWhenOneOfItsBlobsIsGone) {
  Finish(Work("same"));
  ASSERT_OK(blobs_.Of("team")->Delete(Success().files[1].digest));
  ExpectNotReused();
}

TEST_P(JobQueueSharedWork, AResultIsNotReusedWhenItsArtifactIsGone) {
  const Job source = Finish(Work("same"));
  ASSERT_OK_AND_ASSIGN(const ArtifactName name, ParseArtifactName(source.artifact));
  ASSERT_OK(store_->Write([&](Transaction& t) { return t.artifacts().Delete(name); }));
  ExpectNotReused();
}

TEST_P(JobQueueSharedWork, AResultOfAnEngineThatNoWorkerRunsAnyMoreIsNotReused) {
  Finish(Work("same"));
  clock_.Advance(absl::Hours(25));
  EXPECT_EQ(TryLease("worker-b", Catalogue("2.0.0")), std::nullopt);
  ExpectNotReused();
}

TEST_P(JobQueueSharedWork, AResultOfAnyEngineThatSomeWorkerRunsIsReused) {
  const Job source = Finish(Work("same"));
  clock_.Advance(absl::Hours(23));
  EXPECT_EQ(TryLease("worker-b", Catalogue("2.0.0")), std::nullopt);
  ExpectSharedResult(Submit(Work("same")).name, source);
}

TEST_P(JobQueueSharedWork, AFailedJobIsNoResult) {
  Submit(Work("same"));
  ASSERT_OK(Complete(Lease(), Failure(absl::StatusCode::kInvalidArgument, "no model")));
  ExpectNotReused();
}

TEST_P(JobQueueSharedWork, ATwinThatWaitsForItsBackoffTakesTheResultToo) {
  const Job first = Submit(Work("same"));
  ASSERT_OK(Complete(Lease(), Failure()));
  const Job second = Submit(Work("same"));
  const LeasedJob leased = Lease();
  ASSERT_EQ(leased.job.name, second.name);
  ASSERT_OK(Complete(leased, Success()));
  const Job done = Get(first.name);
  EXPECT_EQ(done.state, JobState::kSucceeded);
  EXPECT_EQ(done.cached_from, second.name.ToString());
  EXPECT_EQ(done.attempts.size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(AllStores, JobQueueSharedWork, ::testing::ValuesIn(testing::JobStores()),
                         [](const auto& store) { return store.param.name; });

}  // namespace
}  // namespace quantd
