// JobService/WatchJob: a stream that can be resumed and that ends with the job.
#include "absl/strings/str_cat.h"
#include "tests/server/rpc/running_server.h"

namespace quantd {
namespace {

using testing::HasReason;
using testing::NamesField;
using testing::RunningServer;
using testing::StatusIs;

// One open stream of events.
class Watch {
 public:
  Watch(RunningServer& server, const std::string& name, int64_t after = 0) {
    v1::WatchJobRequest request;
    request.set_name(name);
    request.set_after_sequence(after);
    reader_ = server.jobs->WatchJob(&context_, request);
  }

  // False at the end of the stream.
  bool Next(v1::JobEvent& event) { return reader_->Read(&event); }

  v1::Job::State NextState() {
    v1::JobEvent event;
    EXPECT_TRUE(Next(event));
    EXPECT_EQ(event.event_case(), v1::JobEvent::kState);
    return event.state();
  }

  // All events that are left.
  std::vector<v1::JobEvent> Rest() {
    std::vector<v1::JobEvent> events;
    v1::JobEvent event;
    while (Next(event)) events.push_back(event);
    return events;
  }

  absl::Status Finish() { return FromGrpc(reader_->Finish()); }
  void Cancel() { context_.TryCancel(); }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::JobEvent>> reader_;
};

class WatchJobTest : public testing::ServerTest {
 protected:
  absl::Status ReportLines(const v1::Lease& lease, int lines) {
    v1::ReportEventsRequest request;
    request.set_job(lease.job());
    request.set_token(lease.token());
    for (int i = 0; i < lines; ++i) {
      request.add_events()->mutable_log()->set_text(absl::StrCat("line ", i));
    }
    return RunningServer::Call(*server_.workers, &v1::WorkerService::Stub::ReportEvents, request)
        .status();
  }
  absl::Status Complete(const v1::CompleteJobRequest& request) {
    return RunningServer::Call(*server_.workers, &v1::WorkerService::Stub::CompleteJob, request)
        .status();
  }
};

TEST_F(WatchJobTest, TellsEventsAsTheyHappenAndEndsAfterTheFinalOne) {
  const v1::Job job = server_.CreateJob();
  Watch watch(server_, job.name());
  EXPECT_EQ(watch.NextState(), v1::Job::QUEUED);
  const v1::Lease lease = server_.Lease();
  EXPECT_EQ(watch.NextState(), v1::Job::RUNNING);
  ASSERT_OK(ReportLines(lease, 1));
  v1::JobEvent event;
  ASSERT_TRUE(watch.Next(event));
  EXPECT_EQ(event.log().text(), "line 0");
  EXPECT_EQ(event.sequence(), 3);
  ASSERT_OK(Complete(server_.SuccessOf(lease)));
  EXPECT_EQ(watch.NextState(), v1::Job::SUCCEEDED);
  EXPECT_FALSE(watch.Next(event));
  EXPECT_OK(watch.Finish());
}

TEST_F(WatchJobTest, ResumesBehindAnySequenceNumber) {
  const v1::Job job = server_.CreateJob();
  const v1::Lease lease = server_.Lease();
  // More than the server reads at once.
  for (int i = 0; i < 3; ++i) ASSERT_OK(ReportLines(lease, 200));
  ASSERT_OK(Complete(server_.SuccessOf(lease)));
  for (const int64_t after : {0, 1, 255, 256, 257, 601, 602}) {
    Watch watch(server_, job.name(), after);
    const std::vector<v1::JobEvent> events = watch.Rest();
    EXPECT_OK(watch.Finish());
    ASSERT_EQ(static_cast<int64_t>(events.size()), 603 - after);
    for (size_t i = 0; i < events.size(); ++i) {
      ASSERT_EQ(events[i].sequence(), after + 1 + static_cast<int64_t>(i));
    }
    EXPECT_EQ(events.back().state(), v1::Job::SUCCEEDED);
  }
}

TEST_F(WatchJobTest, BehindTheFinalEventItEndsAtOnce) {
  const v1::Job job = server_.FinishJob();
  for (const int64_t after : {3, 4, 1'000'000}) {
    Watch watch(server_, job.name(), after);
    EXPECT_TRUE(watch.Rest().empty());
    EXPECT_OK(watch.Finish());
  }
}

TEST_F(WatchJobTest, SeveralWatchersSeeTheSame) {
  const v1::Job job = server_.CreateJob();
  std::vector<std::unique_ptr<Watch>> watches;
  for (int i = 0; i < 5; ++i) watches.push_back(std::make_unique<Watch>(server_, job.name()));
  for (auto& watch : watches) EXPECT_EQ(watch->NextState(), v1::Job::QUEUED);
  ASSERT_OK(Complete(server_.SuccessOf(server_.Lease())));
  for (auto& watch : watches) {
    EXPECT_EQ(watch->Rest().size(), 2u);
    EXPECT_OK(watch->Finish());
  }
}

TEST_F(WatchJobTest, EndsWithNotFoundWhenTheJobIsDeletedMeanwhile) {
  const v1::Job job = server_.CreateJob();
  Watch watch(server_, job.name(), 1'000'000);
  ASSERT_OK(server_.parts.queue.Cancel({"team", "id-000001"}));
  ASSERT_OK(server_.parts.queue.Delete({"team", "id-000001"}, std::nullopt));
  EXPECT_TRUE(watch.Rest().empty());
  // It may have seen the final state before the record went.
  const absl::Status status = watch.Finish();
  EXPECT_THAT(status, ::testing::AnyOf(testing::IsOk(), HasReason("JOB_NOT_FOUND")));
}

TEST_F(WatchJobTest, AWatcherMayLeaveAtAnyTime) {
  const v1::Job job = server_.CreateJob();
  Watch watch(server_, job.name());
  EXPECT_EQ(watch.NextState(), v1::Job::QUEUED);
  watch.Cancel();
  EXPECT_THAT(watch.Finish(), StatusIs(absl::StatusCode::kCancelled));
}

TEST_F(WatchJobTest, AnUnknownJobOrAWrongSequenceIsRefused) {
  Watch unknown(server_, "tenants/team/jobs/none");
  EXPECT_TRUE(unknown.Rest().empty());
  EXPECT_THAT(unknown.Finish(), HasReason("JOB_NOT_FOUND"));
  Watch wrong(server_, server_.CreateJob().name(), -1);
  EXPECT_TRUE(wrong.Rest().empty());
  const absl::Status status = wrong.Finish();
  EXPECT_THAT(status, HasReason("INVALID_SEQUENCE"));
  EXPECT_THAT(status, NamesField("after_sequence"));
}

TEST_F(WatchJobTest, WhenTheServerShutsDownItsWatchersAreToldToComeBack) {
  const v1::Job job = server_.CreateJob();
  Watch watch(server_, job.name());
  EXPECT_EQ(watch.NextState(), v1::Job::QUEUED);
  server_.parts.signal.Close();
  EXPECT_TRUE(watch.Rest().empty());
  const absl::Status status = watch.Finish();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(status, HasReason("SHUTTING_DOWN"));
  EXPECT_EQ(GetErrorDetails(status).retry_after, absl::Seconds(1));
}

}  // namespace
}  // namespace quantd
