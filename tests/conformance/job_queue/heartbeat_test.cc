// What heartbeats cost, and how soon a worker is missed that sends none.
#include "tests/conformance/job_queue/queue_fixture.h"

namespace quantd::testing {
namespace {

// Passes everything on and counts the writes.
class CountingStore final : public JobStore {
 public:
  explicit CountingStore(JobStore* store) : store_(store) {}
  absl::Status Write(const Body& body) override {
    ++writes;
    return store_->Write(body);
  }
  absl::Status Read(const Body& body) override { return store_->Read(body); }

  int writes = 0;

 private:
  JobStore* store_;
};

class JobQueueHeartbeats : public JobQueueConformance {};

TEST_P(JobQueueHeartbeats, ALeaseIsWrittenOnlyOnceAThirdOfItHasPassed) {
  CountingStore store(store_.get());
  JobQueue queue({.lease_length = kLease}, &store, &blobs_, &clock_, &ids_, &signal_);
  Submit();
  const LeasedJob leased = Lease();
  const absl::Time first_end = leased.job.lease.expire_time;
  // A third of 15 s are ten heartbeats.
  for (int i = 0; i < 10; ++i) {
    clock_.Advance(absl::Milliseconds(500));
    ASSERT_OK_AND_ASSIGN(const HeartbeatAnswer answer,
                         queue.Heartbeat(leased.job.name, leased.job.lease.token));
    EXPECT_EQ(answer.expire_time, first_end);
  }
  EXPECT_EQ(store.writes, 0);
  clock_.Advance(absl::Milliseconds(500));
  ASSERT_OK_AND_ASSIGN(const HeartbeatAnswer answer,
                       queue.Heartbeat(leased.job.name, leased.job.lease.token));
  EXPECT_EQ(answer.expire_time, clock_.Now() + kLease);
  EXPECT_EQ(store.writes, 1);
  EXPECT_EQ(Get(leased.job.name).lease.expire_time, answer.expire_time);
}

TEST_P(JobQueueHeartbeats, TheyTellOfACancellationWithoutAWrite) {
  CountingStore store(store_.get());
  JobQueue queue({.lease_length = kLease}, &store, &blobs_, &clock_, &ids_, &signal_);
  Submit();
  const LeasedJob leased = Lease();
  ASSERT_OK(queue_.Cancel(leased.job.name));
  ASSERT_OK_AND_ASSIGN(const HeartbeatAnswer answer,
                       queue.Heartbeat(leased.job.name, leased.job.lease.token));
  EXPECT_TRUE(answer.cancel_requested);
  EXPECT_EQ(store.writes, 0);
}

TEST_P(JobQueueHeartbeats, AWorkerThatDiesIsMissedWithinThirtySeconds) {
  // As a server without flags has it: its maintenance looks every second.
  JobQueue queue(QueueOptions(), store_.get(), &blobs_, &clock_, &ids_, &signal_);
  const Job job = Submit();
  ASSERT_OK_AND_ASSIGN(const auto leased, queue.Lease("worker", Catalogue(), std::nullopt));
  ASSERT_NE(leased, std::nullopt);
  // Its last sign of life, just when the lease is written again.
  clock_.Advance(absl::Seconds(6));
  ASSERT_OK(queue.Heartbeat(job.name, leased->job.lease.token));
  const absl::Time died = clock_.Now();
  while (Get(job.name).state == JobState::kRunning) {
    ASSERT_LT(clock_.Now(), died + absl::Seconds(30));
    clock_.Advance(absl::Seconds(1));
    ASSERT_OK(queue.Reap());
  }
  EXPECT_EQ(Get(job.name).attempts.back().outcome, AttemptOutcome::kLeaseExpired);
}

TEST_P(JobQueueHeartbeats, CheckLeaseHearsTheHolderAlone) {
  const Job job = Submit();
  EXPECT_THAT(queue_.CheckLease(job.name, 0), HasReason("STALE_LEASE"));
  const LeasedJob lost = Lease();
  EXPECT_OK(queue_.CheckLease(job.name, lost.job.lease.token));
  clock_.Advance(kLease);
  const LeasedJob held = Lease();
  EXPECT_THAT(queue_.CheckLease(job.name, lost.job.lease.token), HasReason("STALE_LEASE"));
  EXPECT_OK(queue_.CheckLease(job.name, held.job.lease.token));
  ASSERT_OK(Complete(held, Success()));
  EXPECT_THAT(queue_.CheckLease(job.name, held.job.lease.token), HasReason("STALE_LEASE"));
  EXPECT_THAT(queue_.CheckLease({"team", "none"}, 1), HasReason("JOB_NOT_FOUND"));
}

INSTANTIATE_TEST_SUITE_P(AllStores, JobQueueHeartbeats, ::testing::ValuesIn(JobStores()),
                         [](const auto& store) { return store.param.name; });

}  // namespace
}  // namespace quantd::testing
