// The client against a real gRPC server in this process.
#include "client/lib/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/lib/transfer.h"
#include "common/error.h"
#include "common/file.h"
#include "tests/support/fake_server.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using ::quantd::testing::HasReason;
using ::quantd::testing::NamesField;
using ::quantd::testing::StatusIs;
using ::testing::ElementsAre;

constexpr char kJob[] = "tenants/default/jobs/j1";

class NoSleep final : public Sleeper {
 public:
  absl::Status Sleep(absl::Duration) override { return absl::OkStatus(); }
};

class ClientTest : public ::testing::Test {
 protected:
  // A finished job with five events; the last says that it succeeded.
  void AddFinishedJob() {
    server_.jobs.jobs[kJob].set_name(kJob);
    server_.jobs.jobs[kJob].set_state(v1::Job::SUCCEEDED);
    for (int i = 1; i <= 5; ++i) {
      v1::JobEvent event;
      event.set_sequence(i);
      event.mutable_progress()->set_step(i);
      if (i == 5) event.set_state(v1::Job::SUCCEEDED);
      server_.jobs.events.push_back(event);
    }
  }

  testing::FakeServer server_;
  SystemClock clock_;
  NoSleep sleeper_;
  Connection connection_ = Connection::Open(server_.address()).value();
  std::stop_source stop_;
  Client client_{
      &connection_, {RetryPolicy(), stop_.get_token()}, &clock_, &sleeper_, "tenants/default"};
};

TEST_F(ClientTest, ErrorsKeepReasonAndFields) {
  server_.jobs.create_error =
      InvalidField("UNKNOWN_PRESET", "job.spec.recipe.preset", "no preset 'w9'");
  const absl::Status status = client_.CreateJob(v1::CreateJobRequest()).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(status, HasReason("UNKNOWN_PRESET"));
  EXPECT_THAT(status, NamesField("job.spec.recipe.preset"));
}

TEST_F(ClientTest, CreationIsRepeatedOnlyWithARequestId) {
  server_.jobs.create_failures = 2;
  v1::CreateJobRequest request;
  request.set_parent("tenants/default");
  EXPECT_THAT(client_.CreateJob(request).status(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(server_.jobs.create_calls, 1);
  request.set_request_id("one");
  EXPECT_OK(client_.CreateJob(request).status());
  EXPECT_EQ(server_.jobs.create_calls, 3);
}

TEST_F(ClientTest, WatchingGoesOnAfterABrokenStreamWithoutGapOrRepetition) {
  AddFinishedJob();
  server_.jobs.break_watch_after_events = 2;
  std::vector<int64_t> seen;
  ASSERT_OK_AND_ASSIGN(const v1::Job job, client_.WatchJob(kJob, 0, absl::InfiniteFuture(),
                                                           [&](const v1::JobEvent& event) {
                                                             seen.push_back(event.sequence());
                                                           }));
  EXPECT_EQ(job.state(), v1::Job::SUCCEEDED);
  EXPECT_THAT(seen, ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(server_.jobs.watch_starts, ElementsAre(0, 2));
}

TEST_F(ClientTest, TheWaitForARunningJobEndsAtItsDeadline) {
  server_.jobs.jobs[kJob].set_state(v1::Job::RUNNING);
  const absl::Status status =
      client_.WatchJob(kJob, 0, clock_.Now() + absl::Milliseconds(50), [](const v1::JobEvent&) {})
          .status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_THAT(status, HasReason("STILL_RUNNING"));
}

TEST_F(ClientTest, AStopRequestEndsAWatch) {
  server_.jobs.jobs[kJob].set_state(v1::Job::RUNNING);
  v1::JobEvent event;
  event.set_sequence(1);
  server_.jobs.events.push_back(event);
  const auto job = client_.WatchJob(kJob, 0, absl::InfiniteFuture(),
                                    [&](const v1::JobEvent&) { stop_.request_stop(); });
  EXPECT_THAT(job.status(), StatusIs(absl::StatusCode::kCancelled));
}

TEST_F(ClientTest, AMissingJobIsNotFoundAtOnce) {
  EXPECT_THAT(
      client_.WatchJob(kJob, 0, absl::InfiniteFuture(), [](const v1::JobEvent&) {}).status(),
      StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(ClientTest, TransfersSurviveBrokenStreamsOnTheWire) {
  ASSERT_OK_AND_ASSIGN(const std::string folder, MakeTemporaryFolder("client_test"));
  std::string content(5'000'000, 'q');
  content[4'999'999] = 'e';
  ASSERT_OK(WriteFileAtomically(folder + "/f", content));
  ASSERT_OK_AND_ASSIGN(const LocalFile file, DescribeFile(folder + "/f", "f"));
  Transfer transfer(&client_, RetryPolicy(), &clock_, &sleeper_);

  server_.artifacts.break_write_after_bytes = 2'000'000;
  ASSERT_OK(transfer.Upload({file}).status());
  EXPECT_EQ(server_.artifacts.write_streams, 2);
  EXPECT_EQ(server_.artifacts.bytes_received, 5'000'000);

  server_.artifacts.break_read_after_bytes = 3'000'000;
  ASSERT_OK(transfer.Download(file.ref, folder + "/g"));
  EXPECT_THAT(server_.artifacts.read_offsets, ElementsAre(0, 3'000'000));
  EXPECT_EQ(ReadFile(folder + "/g", 6'000'000).value(), content);
  RemoveAll(folder).IgnoreError();
}

TEST_F(ClientTest, HealthIsAsked) { EXPECT_OK(client_.CheckHealth()); }

}  // namespace
}  // namespace quantd
