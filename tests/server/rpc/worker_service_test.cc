// quantd.v1.WorkerService over the wire.
#include <thread>

#include "absl/strings/str_cat.h"
#include "proto/wire/status_proto.h"
#include "tests/server/rpc/running_server.h"
#include "tests/support/striding_clock.h"

namespace quantd {
namespace {

using testing::HasReason;
using testing::NamesField;
using testing::RunningServer;
using testing::SampleCatalogue;
using testing::StatusIs;
using Stub = v1::WorkerService::Stub;

class WorkerServiceTest : public testing::ServerTest {
 protected:
  static absl::StatusOr<v1::LeaseJobResponse> LeaseFrom(RunningServer& server,
                                                        const v1::LeaseJobRequest& request) {
    return RunningServer::Call(*server.workers, &Stub::LeaseJob, request);
  }
  absl::StatusOr<v1::LeaseJobResponse> Lease(const v1::LeaseJobRequest& request) {
    return LeaseFrom(server_, request);
  }

  static v1::LeaseJobRequest Poll(int64_t wait_seconds = 0) {
    v1::LeaseJobRequest request;
    request.set_worker("worker-a");
    *request.mutable_catalogue() = SampleCatalogue();
    request.mutable_wait()->set_seconds(wait_seconds);
    return request;
  }

  absl::StatusOr<v1::HeartbeatResponse> Heartbeat(const v1::Lease& lease) {
    v1::HeartbeatRequest request;
    request.set_job(lease.job());
    request.set_token(lease.token());
    return RunningServer::Call(*server_.workers, &Stub::Heartbeat, request);
  }

  absl::Status Report(const v1::ReportEventsRequest& request) {
    return RunningServer::Call(*server_.workers, &Stub::ReportEvents, request).status();
  }

  absl::Status Complete(const v1::CompleteJobRequest& request) {
    return RunningServer::Call(*server_.workers, &Stub::CompleteJob, request).status();
  }

  static v1::CompleteJobRequest EndOf(const v1::Lease& lease) {
    v1::CompleteJobRequest request;
    request.set_job(lease.job());
    request.set_token(lease.token());
    return request;
  }

  v1::Lease CreateAndLease() {
    server_.CreateJob();
    return server_.Lease();
  }
};

TEST_F(WorkerServiceTest, ALeaseBringsEverythingThatTheWorkerNeeds) {
  const v1::Job job = server_.CreateJob();
  ASSERT_OK_AND_ASSIGN(const auto response, Lease(Poll()));
  const v1::Lease& lease = response.lease();
  EXPECT_EQ(lease.job(), job.name());
  EXPECT_GT(lease.token(), 0u);
  EXPECT_EQ(lease.attempt(), 1);
  EXPECT_EQ(lease.spec().SerializeAsString(), job.spec().SerializeAsString());
  EXPECT_EQ(lease.expire_time().seconds(), absl::ToUnixSeconds(clock_.Now()) + 15);
  EXPECT_EQ(server_.GetJob(job.name()).state(), v1::Job::RUNNING);
}

TEST_F(WorkerServiceTest, WithoutAJobTheAnswerHasNoLease) {
  ASSERT_OK_AND_ASSIGN(const auto response, Lease(Poll()));
  EXPECT_FALSE(response.has_lease());
}

TEST_F(WorkerServiceTest, TheCatalogueIsNeededOnlyOnce) {
  v1::LeaseJobRequest bare = Poll();
  bare.clear_catalogue();
  EXPECT_THAT(Lease(bare), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(Lease(bare), HasReason("CATALOGUE_NEEDED"));
  ASSERT_OK(Lease(Poll()));
  const v1::Job job = server_.CreateJob();
  ASSERT_OK_AND_ASSIGN(const auto response, Lease(bare));
  EXPECT_EQ(response.lease().job(), job.name());
}

TEST_F(WorkerServiceTest, ACatalogueIsBounded) {
  v1::LeaseJobRequest poll = Poll();
  poll.mutable_catalogue()->set_engine_version(std::string(1 << 20, 'x'));
  EXPECT_THAT(Lease(poll), HasReason("CATALOGUE_TOO_LARGE"));
  EXPECT_THAT(Lease(poll), NamesField("catalogue"));
}

TEST_F(WorkerServiceTest, AFailureThatTellsTooMuchIsCutAndEndsTheAttemptAllTheSame) {
  v1::CompleteJobRequest failure = EndOf(CreateAndLease());
  *failure.mutable_failure() = ToProto(
      MakeError(absl::StatusCode::kUnimplemented, std::string(100'000, 'x'),
                ErrorDetails{.reason = "R", .metadata = {{"node", std::string(100'000, 'y')}}}));
  ASSERT_OK(Complete(failure));
  const v1::Job failed = server_.GetJob(failure.job());
  EXPECT_EQ(failed.state(), v1::Job::FAILED);
  EXPECT_EQ(failed.error().code(), failure.failure().code());
  EXPECT_EQ(failed.error().message(), std::string(16 << 10, 'x'));
}

TEST_F(WorkerServiceTest, AWorkerIsNamedAndWaitsAtMostAMinute) {
  v1::LeaseJobRequest request = Poll();
  for (const std::string& name : {std::string(), std::string(129, 'w')}) {
    request.set_worker(name);
    EXPECT_THAT(Lease(request), HasReason("INVALID_WORKER"));
    EXPECT_THAT(Lease(request), NamesField("worker"));
  }
  for (const int64_t seconds : {-1, 61}) {
    EXPECT_THAT(Lease(Poll(seconds)), HasReason("INVALID_TIMEOUT"));
    EXPECT_THAT(Lease(Poll(seconds)), NamesField("wait"));
  }
}

TEST_F(WorkerServiceTest, AWaitingWorkerGetsTheJobThatComes) {
  absl::StatusOr<v1::LeaseJobResponse> response;
  std::thread worker([&] { response = Lease(Poll(60)); });
  const v1::Job job = server_.CreateJob();
  worker.join();
  ASSERT_OK(response);
  EXPECT_EQ(response->lease().job(), job.name());
}

TEST_F(WorkerServiceTest, AWaitEndsWithoutALease) {
  const testing::StridingClock clock(absl::Minutes(1));
  RunningServer server(&clock);
  ASSERT_OK_AND_ASSIGN(const auto response, LeaseFrom(server, Poll(60)));
  EXPECT_FALSE(response.has_lease());
}

TEST_F(WorkerServiceTest, WhenTheServerShutsDownAWaitingWorkerIsToldToComeBack) {
  absl::StatusOr<v1::LeaseJobResponse> response;
  std::thread worker([&] { response = Lease(Poll(60)); });
  server_.parts.signal.Close();
  worker.join();
  EXPECT_THAT(response, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(response, HasReason("SHUTTING_DOWN"));
}

TEST_F(WorkerServiceTest, AHeartbeatExtendsTheLeaseAndTellsOfACancellation) {
  const v1::Lease lease = CreateAndLease();
  clock_.Advance(absl::Seconds(10));
  ASSERT_OK_AND_ASSIGN(const auto first, Heartbeat(lease));
  EXPECT_EQ(first.expire_time().seconds(), absl::ToUnixSeconds(clock_.Now()) + 15);
  EXPECT_FALSE(first.cancel_requested());
  ASSERT_OK(server_.parts.queue.Cancel({"team", "id-000001"}));
  ASSERT_OK_AND_ASSIGN(const auto second, Heartbeat(lease));
  EXPECT_TRUE(second.cancel_requested());
}

TEST_F(WorkerServiceTest, AStaleTokenIsToldToStop) {
  const v1::Lease lost = CreateAndLease();
  clock_.Advance(absl::Seconds(15));
  const v1::Lease held = server_.Lease("worker-b");
  EXPECT_EQ(held.attempt(), 2);
  EXPECT_GT(held.token(), lost.token());
  v1::ReportEventsRequest report;
  report.set_job(lost.job());
  report.set_token(lost.token());
  for (const absl::Status& status :
       {Heartbeat(lost).status(), Report(report), Complete(server_.SuccessOf(lost))}) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kAborted));
    EXPECT_THAT(status, HasReason("STALE_LEASE"));
  }
  EXPECT_OK(Complete(server_.SuccessOf(held)));
}

TEST_F(WorkerServiceTest, ProgressIsShownWithTheJob) {
  const v1::Lease lease = CreateAndLease();
  v1::ReportEventsRequest request;
  request.set_job(lease.job());
  request.set_token(lease.token());
  v1::Progress& progress = *request.add_events()->mutable_progress();
  progress.set_stage("calibrate");
  progress.set_step(3);
  progress.set_steps(8);
  progress.set_fraction(0.25);
  progress.mutable_eta()->set_seconds(90);
  progress.mutable_eta()->set_nanos(500'000'000);
  ASSERT_OK(Report(request));
  EXPECT_EQ(server_.GetJob(lease.job()).progress().SerializeAsString(),
            progress.SerializeAsString());
}

TEST_F(WorkerServiceTest, ReportsAreBounded) {
  const v1::Lease lease = CreateAndLease();
  v1::ReportEventsRequest request;
  request.set_job(lease.job());
  request.set_token(lease.token());
  request.add_events()->mutable_log()->set_text(std::string(64 << 10, 'x'));
  EXPECT_OK(Report(request));
  request.add_events()->mutable_log()->set_text(std::string((64 << 10) + 1, 'x'));
  EXPECT_THAT(Report(request), HasReason("EVENT_TOO_LONG"));
  EXPECT_THAT(Report(request), NamesField("events[1]"));
  request.mutable_events(1)->set_warning(std::string((64 << 10) + 1, 'x'));
  EXPECT_THAT(Report(request), HasReason("EVENT_TOO_LONG"));
  request.mutable_events(1)->mutable_progress()->set_stage(std::string(129, 'x'));
  EXPECT_THAT(Report(request), HasReason("EVENT_TOO_LONG"));
  request.clear_events();
  for (int i = 0; i < 257; ++i) request.add_events()->set_warning("w");
  EXPECT_THAT(Report(request), HasReason("TOO_MANY_EVENTS"));
  EXPECT_THAT(Report(request), NamesField("events"));
}

TEST_F(WorkerServiceTest, EveryOutcomeEndsTheAttemptAsItSays) {
  v1::CompleteJobRequest failure = EndOf(CreateAndLease());
  *failure.mutable_failure() = ToProto(
      MakeError(absl::StatusCode::kUnimplemented, "no kernel",
                ErrorDetails{.reason = "UNSUPPORTED_OPERATOR", .metadata = {{"node", "nms"}}}));
  ASSERT_OK(Complete(failure));
  const v1::Job failed = server_.GetJob(failure.job());
  EXPECT_EQ(failed.state(), v1::Job::FAILED);
  EXPECT_EQ(failed.attempts(0).outcome(), "FAILED");
  EXPECT_EQ(failed.error().SerializeAsString(), failure.failure().SerializeAsString());

  v1::CompleteJobRequest handed_back = EndOf(CreateAndLease());
  handed_back.set_handed_back(true);
  ASSERT_OK(Complete(handed_back));
  EXPECT_EQ(server_.GetJob(handed_back.job()).state(), v1::Job::QUEUED);

  v1::CompleteJobRequest cancelled = EndOf(server_.Lease());
  cancelled.set_cancelled(true);
  ASSERT_OK(Complete(cancelled));
  EXPECT_EQ(server_.GetJob(cancelled.job()).state(), v1::Job::CANCELLED);
}

TEST_F(WorkerServiceTest, TheAnswerToTheEndOfAnAttemptSaysWhetherTheJobRunsAgain) {
  v1::CompleteJobRequest handed_back = EndOf(CreateAndLease());
  handed_back.set_handed_back(true);
  const auto queued = RunningServer::Call(*server_.workers, &Stub::CompleteJob, handed_back);
  ASSERT_OK(queued);
  EXPECT_EQ(queued->state(), v1::Job::QUEUED);
  const auto done =
      RunningServer::Call(*server_.workers, &Stub::CompleteJob, server_.SuccessOf(server_.Lease()));
  ASSERT_OK(done);
  EXPECT_EQ(done->state(), v1::Job::SUCCEEDED);
}

TEST_F(WorkerServiceTest, ASandboxIsShownWithItsAttempt) {
  const v1::Lease lease = CreateAndLease();
  v1::ReportEventsRequest request;
  request.set_job(lease.job());
  request.set_token(lease.token());
  v1::Sandbox& sandbox = *request.add_events()->mutable_sandbox();
  sandbox.add_applied("seccomp");
  sandbox.add_missing("landlock: the kernel has none");
  ASSERT_OK(Report(request));
  EXPECT_EQ(server_.GetJob(lease.job()).attempts(0).sandbox().SerializeAsString(),
            sandbox.SerializeAsString());
  sandbox.add_missing(std::string(64 << 10, 'x'));
  EXPECT_THAT(Report(request), HasReason("EVENT_TOO_LONG"));
}

TEST_F(WorkerServiceTest, CompletingTwiceIsOk) {
  const v1::CompleteJobRequest success = server_.SuccessOf(CreateAndLease());
  EXPECT_OK(Complete(success));
  EXPECT_OK(Complete(success));
}

TEST_F(WorkerServiceTest, ACompletionWithoutItsBlobIsRefused) {
  const v1::Lease lease = CreateAndLease();
  v1::CompleteJobRequest success = server_.SuccessOf(lease);
  *success.mutable_success()->add_files() = testing::FileOf("more", "never uploaded");
  EXPECT_THAT(Complete(success), HasReason("BLOB_MISSING"));
  EXPECT_OK(Heartbeat(lease));
}

TEST_F(WorkerServiceTest, AnOutcomeThatSaysNothingIsRefused) {
  const v1::Lease lease = CreateAndLease();
  EXPECT_THAT(Complete(EndOf(lease)), HasReason("INVALID_OUTCOME"));
  EXPECT_THAT(Complete(EndOf(lease)), NamesField("outcome"));
  v1::CompleteJobRequest no_failure = EndOf(lease);
  no_failure.mutable_failure()->set_message("all is well");
  EXPECT_THAT(Complete(no_failure), HasReason("INVALID_OUTCOME"));
  EXPECT_THAT(Complete(no_failure), NamesField("failure.code"));
}

TEST_F(WorkerServiceTest, FilesThatNoClientMayNameAWorkerMayNotNameEither) {
  // A worker's child reads hostile models: what it names ends up on the clients' disks.
  const v1::Lease lease = CreateAndLease();
  for (const std::string name : {"../../.ssh/authorized_keys", "/etc/passwd", "a//b", ""}) {
    v1::CompleteJobRequest success = server_.SuccessOf(lease);
    success.mutable_success()->mutable_files(0)->set_name(name);
    EXPECT_THAT(Complete(success), StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(Complete(success), NamesField("success.files[0].name"));
  }
  v1::CompleteJobRequest twice = server_.SuccessOf(lease);
  *twice.mutable_success()->add_files() = twice.success().files(0);
  EXPECT_THAT(Complete(twice), NamesField("success.files[1].name"));
  EXPECT_OK(Complete(server_.SuccessOf(lease)));
}

}  // namespace
}  // namespace quantd
