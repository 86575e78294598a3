// quantd.v1.JobService over the wire.
#include <thread>

#include "absl/strings/str_cat.h"
#include "proto/wire/status_proto.h"
#include "tests/server/rpc/running_server.h"
#include "tests/support/striding_clock.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using testing::HasReason;
using testing::kParent;
using testing::NamesField;
using testing::RunningServer;
using testing::SampleSpec;
using testing::StatusIs;
using Stub = v1::JobService::Stub;

class JobServiceTest : public testing::ServerTest {
 protected:
  absl::StatusOr<v1::Job> Create(const v1::CreateJobRequest& request) {
    return RunningServer::Call(*server_.jobs, &Stub::CreateJob, request);
  }

  static v1::CreateJobRequest CreationOf(const v1::JobSpec& spec) {
    v1::CreateJobRequest request;
    request.set_parent(kParent);
    *request.mutable_job()->mutable_spec() = spec;
    return request;
  }

  // A spec whose work differs from every other one's.
  v1::JobSpec DistinctSpec() {
    v1::JobSpec spec = SampleSpec();
    spec.mutable_calibration()->set_seed(++seed_);
    return spec;
  }

  absl::StatusOr<v1::ListJobsResponse> List(const std::string& filter, int page_size = 0,
                                            const std::string& token = "",
                                            const std::string& order_by = "") {
    v1::ListJobsRequest request;
    request.set_parent(kParent);
    request.set_filter(filter);
    request.set_page_size(page_size);
    request.set_page_token(token);
    request.set_order_by(order_by);
    return RunningServer::Call(*server_.jobs, &Stub::ListJobs, request);
  }

  absl::StatusOr<v1::Job> Cancel(const std::string& name) {
    v1::CancelJobRequest request;
    request.set_name(name);
    return RunningServer::Call(*server_.jobs, &Stub::CancelJob, request);
  }

  absl::StatusOr<v1::Job> Redrive(const std::string& name) {
    v1::RedriveJobRequest request;
    request.set_name(name);
    return RunningServer::Call(*server_.jobs, &Stub::RedriveJob, request);
  }

  absl::Status Delete(const std::string& name, const std::string& etag = "") {
    v1::DeleteJobRequest request;
    request.set_name(name);
    request.set_etag(etag);
    return RunningServer::Call(*server_.jobs, &Stub::DeleteJob, request).status();
  }

  static absl::StatusOr<v1::Job> Wait(RunningServer& server, const std::string& name,
                                      int64_t seconds) {
    v1::WaitJobRequest request;
    request.set_name(name);
    request.mutable_timeout()->set_seconds(seconds);
    return RunningServer::Call(*server.jobs, &Stub::WaitJob, request);
  }

  absl::StatusOr<v1::ValidateJobResponse> Validate(const v1::JobSpec& spec) {
    v1::ValidateJobRequest request;
    request.set_parent(kParent);
    *request.mutable_spec() = spec;
    return RunningServer::Call(*server_.jobs, &Stub::ValidateJob, request);
  }

 private:
  uint64_t seed_ = 0;
};

TEST_F(JobServiceTest, ACreatedJobIsReturnedWithAllThatWasSaidAndFoundAgain) {
  server_.AnnounceWorker();
  v1::CreateJobRequest request = CreationOf(SampleSpec());
  request.mutable_job()->set_display_name("nightly");
  (*request.mutable_job()->mutable_labels())["branch"] = "main";
  ASSERT_OK_AND_ASSIGN(const v1::Job job, Create(request));
  EXPECT_EQ(job.name(), "tenants/team/jobs/id-000001");
  EXPECT_EQ(job.display_name(), "nightly");
  EXPECT_EQ(job.labels().at("branch"), "main");
  EXPECT_EQ(job.spec().SerializeAsString(), SampleSpec().SerializeAsString());
  EXPECT_EQ(job.state(), v1::Job::QUEUED);
  EXPECT_EQ(job.create_time().seconds(), absl::ToUnixSeconds(clock_.Now()));
  EXPECT_FALSE(job.etag().empty());
  EXPECT_TRUE(job.conditions().empty());
  EXPECT_EQ(server_.GetJob(job.name()).SerializeAsString(), job.SerializeAsString());
}

TEST_F(JobServiceTest, ARepeatedRequestMakesOneJobAndAnotherOneIsRefused) {
  v1::CreateJobRequest request = CreationOf(SampleSpec());
  request.set_request_id("r1");
  ASSERT_OK_AND_ASSIGN(const v1::Job first, Create(request));
  ASSERT_OK_AND_ASSIGN(const v1::Job again, Create(request));
  EXPECT_EQ(again.name(), first.name());
  request.mutable_job()->set_display_name("other");
  EXPECT_THAT(Create(request), HasReason("REQUEST_ID_REUSED"));
}

TEST_F(JobServiceTest, EveryProblemOfACreationIsListedAtOnceAndNothingIsStored) {
  server_.AnnounceWorker();
  v1::CreateJobRequest request = CreationOf(SampleSpec());
  v1::JobSpec& spec = *request.mutable_job()->mutable_spec();
  spec.mutable_recipe()->set_preset("magic");
  spec.mutable_gates(0)->set_metric("bleu");
  spec.mutable_model()->mutable_files(0)->set_digest(std::string(64, '0'));
  const auto refused = Create(request);
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(refused, HasReason("UNKNOWN_PRESET"));
  EXPECT_THAT(refused, NamesField("spec.recipe.preset"));
  EXPECT_THAT(refused, NamesField("spec.gates[0].metric"));
  EXPECT_THAT(refused, NamesField("spec.model.files[0].digest"));
  ASSERT_OK_AND_ASSIGN(const auto list, List(""));
  EXPECT_EQ(list.jobs_size(), 0);
}

TEST_F(JobServiceTest, DescriptionsAreBounded) {
  v1::CreateJobRequest request = CreationOf(SampleSpec());
  request.mutable_job()->set_display_name(std::string(257, 'x'));
  request.set_request_id(std::string(129, 'x'));
  (*request.mutable_job()->mutable_labels())["No"] = "";
  const auto refused = Create(request);
  EXPECT_THAT(refused, NamesField("job.display_name"));
  EXPECT_THAT(refused, NamesField("request_id"));
  EXPECT_THAT(refused, NamesField("job.labels[No]"));
}

TEST_F(JobServiceTest, AQueuedJobSaysWhyItWaits) {
  const v1::Job job = server_.CreateJob();
  EXPECT_THAT(job.conditions(), ElementsAre("NO_WORKER_YET"));
  v1::Catalogue other = testing::SampleCatalogue();
  other.clear_presets();
  server_.AnnounceWorker(other);
  EXPECT_THAT(server_.GetJob(job.name()).conditions(), ElementsAre("NO_CAPABLE_WORKER"));
  server_.Lease("worker-b");
  EXPECT_TRUE(server_.GetJob(job.name()).conditions().empty());
}

TEST_F(JobServiceTest, AFinishedJobTellsResultAttemptsAndGates) {
  const v1::Job job = server_.FinishJob();
  EXPECT_EQ(job.state(), v1::Job::SUCCEEDED);
  EXPECT_THAT(job.result().artifact(), ::testing::StartsWith("tenants/team/artifacts/"));
  EXPECT_EQ(job.result().report().metrics(0).id(), "top1_agreement");
  EXPECT_EQ(job.result().cached_from(), "");
  ASSERT_EQ(job.attempts_size(), 1);
  EXPECT_EQ(job.attempts(0).worker(), "worker-a");
  EXPECT_EQ(job.attempts(0).outcome(), "SUCCEEDED");
  ASSERT_EQ(job.gate_results_size(), 1);
  EXPECT_EQ(job.gate_results(0).outcome(), v1::GateResult::PASSED);
  EXPECT_TRUE(job.has_start_time() && job.has_end_time());
}

TEST_F(JobServiceTest, AKnownResultAnswersAtOnceWithOtherGatesDecidedAnew) {
  const v1::Job source = server_.FinishJob();
  v1::JobSpec stricter = SampleSpec();
  stricter.mutable_gates(0)->set_threshold(0.9999);
  const v1::Job cached = server_.CreateJob(stricter);
  EXPECT_EQ(cached.state(), v1::Job::SUCCEEDED);
  EXPECT_EQ(cached.result().cached_from(), source.name());
  EXPECT_EQ(cached.result().artifact(), source.result().artifact());
  EXPECT_EQ(cached.gate_results(0).outcome(), v1::GateResult::FAILED);
}

TEST_F(JobServiceTest, ListsJobsByFilterOrderAndPage) {
  std::vector<std::string> names;
  for (int i = 0; i < 5; ++i) {
    v1::CreateJobRequest request = CreationOf(DistinctSpec());
    request.mutable_job()->set_display_name(i < 4 ? "nightly" : "other");
    ASSERT_OK_AND_ASSIGN(const v1::Job job, Create(request));
    names.push_back(job.name());
  }
  ASSERT_OK(Cancel(names[1]));
  const auto names_of = [](const v1::ListJobsResponse& response) {
    std::vector<std::string> found;
    for (const v1::Job& job : response.jobs()) found.push_back(job.name());
    return found;
  };
  ASSERT_OK_AND_ASSIGN(const auto all, List(""));
  EXPECT_THAT(names_of(all), ElementsAre(names[4], names[3], names[2], names[1], names[0]));
  EXPECT_EQ(all.next_page_token(), "");
  ASSERT_OK_AND_ASSIGN(const auto some, List("state=QUEUED AND display_name=nightly"));
  EXPECT_THAT(names_of(some), ElementsAre(names[3], names[2], names[0]));

  ASSERT_OK_AND_ASSIGN(const auto first, List("", 2, "", "create_time"));
  EXPECT_THAT(names_of(first), ElementsAre(names[0], names[1]));
  ASSERT_OK_AND_ASSIGN(const auto second, List("", 3, first.next_page_token(), "create_time"));
  EXPECT_THAT(names_of(second), ElementsAre(names[2], names[3], names[4]));
  EXPECT_EQ(second.next_page_token(), "");
}

TEST_F(JobServiceTest, AListShowsNoSpecAndNoReport) {
  server_.FinishJob();
  ASSERT_OK_AND_ASSIGN(const auto list, List(""));
  ASSERT_EQ(list.jobs_size(), 1);
  EXPECT_FALSE(list.jobs(0).spec().has_model());
  EXPECT_FALSE(list.jobs(0).result().has_report());
}

TEST_F(JobServiceTest, AWrongListRequestNamesItsField) {
  EXPECT_THAT(List("state=DONE"), NamesField("filter"));
  EXPECT_THAT(List("", -1), NamesField("page_size"));
  EXPECT_THAT(List("", 0, "x"), NamesField("page_token"));
  EXPECT_THAT(List("", 0, "", "name"), NamesField("order_by"));
}

TEST_F(JobServiceTest, CancelsAndThenDeletesWithTheRightEtag) {
  const v1::Job job = server_.CreateJob();
  EXPECT_THAT(Delete(job.name()), HasReason("JOB_NOT_FINISHED"));
  ASSERT_OK_AND_ASSIGN(const v1::Job cancelled, Cancel(job.name()));
  EXPECT_EQ(cancelled.state(), v1::Job::CANCELLED);
  EXPECT_EQ(FromProto(cancelled.error()).code(), absl::StatusCode::kCancelled);
  for (const std::string& etag : {job.etag(), std::string("nonsense")}) {
    EXPECT_THAT(Delete(job.name(), etag), StatusIs(absl::StatusCode::kAborted));
    EXPECT_THAT(Delete(job.name(), etag), HasReason("ETAG_MISMATCH"));
  }
  EXPECT_OK(Delete(job.name(), cancelled.etag()));
  EXPECT_THAT(Delete(job.name()), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(JobServiceTest, ADeadLetterIsShownListedAndRedriven) {
  server_.AnnounceWorker();
  v1::JobSpec spec = DistinctSpec();
  spec.mutable_execution()->set_max_attempts(1);
  const v1::Job job = server_.CreateJob(spec);
  server_.Lease();
  clock_.Advance(absl::Seconds(15));
  ASSERT_OK(server_.parts.queue.Reap());
  const v1::Job dead = server_.GetJob(job.name());
  EXPECT_EQ(dead.state(), v1::Job::DEAD_LETTERED);
  EXPECT_THAT(FromProto(dead.error()), HasReason("LEASE_EXPIRED"));
  EXPECT_TRUE(dead.has_end_time());
  ASSERT_OK_AND_ASSIGN(const auto list, List("state=DEAD_LETTERED"));
  EXPECT_EQ(list.jobs_size(), 1);
  // Whoever waits for it need not wait longer.
  ASSERT_OK_AND_ASSIGN(const v1::Job waited, Wait(server_, job.name(), 600));
  EXPECT_EQ(waited.state(), v1::Job::DEAD_LETTERED);

  ASSERT_OK_AND_ASSIGN(const v1::Job redriven, Redrive(job.name()));
  EXPECT_EQ(redriven.state(), v1::Job::QUEUED);
  EXPECT_EQ(redriven.attempts_size(), 1);
  EXPECT_FALSE(redriven.has_error());
  EXPECT_THAT(Redrive(job.name()), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(Redrive(job.name()), HasReason("JOB_NOT_DEAD_LETTERED"));
}

TEST_F(JobServiceTest, APausedServerSaysWhenToComeBack) {
  ASSERT_OK(server_.parts.store.Write([](Transaction& t) { return t.tenants().SetPaused(true); }));
  const absl::Status refused = Create(CreationOf(DistinctSpec())).status();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(refused, HasReason("SERVER_PAUSED"));
  EXPECT_TRUE(GetErrorDetails(refused).retry_after.has_value());
}

TEST_F(JobServiceTest, WaitingEndsWhenTheJobIsFinishedAlready) {
  const v1::Job job = server_.FinishJob();
  ASSERT_OK_AND_ASSIGN(const v1::Job waited, Wait(server_, job.name(), 600));
  EXPECT_EQ(waited.SerializeAsString(), job.SerializeAsString());
}

TEST_F(JobServiceTest, WaitingEndsWhenTheJobFinishesThoughNoTimePasses) {
  const v1::Job job = server_.CreateJob();
  absl::StatusOr<v1::Job> waited;
  std::thread waiter([&] { waited = Wait(server_, job.name(), 600); });
  ASSERT_OK(Cancel(job.name()));
  waiter.join();
  ASSERT_OK(waited);
  EXPECT_EQ(waited->state(), v1::Job::CANCELLED);
}

TEST_F(JobServiceTest, WaitingEndsAtItsTimeoutWithTheJobAsItIs) {
  const testing::StridingClock clock(absl::Minutes(1));
  RunningServer server(&clock);
  const v1::Job job = server.CreateJob();
  ASSERT_OK_AND_ASSIGN(const v1::Job waited, Wait(server, job.name(), 60));
  EXPECT_EQ(waited.state(), v1::Job::QUEUED);
}

TEST_F(JobServiceTest, WaitingForNoTimeAnswersAtOnce) {
  const v1::Job job = server_.CreateJob();
  ASSERT_OK_AND_ASSIGN(const v1::Job waited, Wait(server_, job.name(), 0));
  EXPECT_EQ(waited.state(), v1::Job::QUEUED);
}

TEST_F(JobServiceTest, WaitingTooLongOrForTheImpossibleIsRefused) {
  const v1::Job job = server_.CreateJob();
  for (const int64_t seconds : {-1, 601}) {
    EXPECT_THAT(Wait(server_, job.name(), seconds), HasReason("INVALID_TIMEOUT"));
    EXPECT_THAT(Wait(server_, job.name(), seconds), NamesField("timeout"));
  }
  EXPECT_THAT(Wait(server_, "tenants/team/jobs/none", 1), HasReason("JOB_NOT_FOUND"));
}

TEST_F(JobServiceTest, ValidationStoresNothingAndWarnsWhileNoWorkerHasSpoken) {
  ASSERT_OK_AND_ASSIGN(const auto early, Validate(SampleSpec()));
  EXPECT_EQ(early.warnings_size(), 1);
  server_.AnnounceWorker();
  ASSERT_OK_AND_ASSIGN(const auto later, Validate(SampleSpec()));
  EXPECT_EQ(later.warnings_size(), 0);
  ASSERT_OK_AND_ASSIGN(const auto list, List(""));
  EXPECT_EQ(list.jobs_size(), 0);
}

TEST_F(JobServiceTest, ValidationFindsWhatCreationWouldFind) {
  server_.AnnounceWorker();
  v1::JobSpec spec = SampleSpec();
  spec.mutable_recipe()->set_preset("magic");
  EXPECT_EQ(Validate(spec).status(), Create(CreationOf(spec)).status());
  EXPECT_THAT(Validate(spec), HasReason("UNKNOWN_PRESET"));
  spec.clear_recipe();
  EXPECT_EQ(Validate(spec).status(), Create(CreationOf(spec)).status());
}

}  // namespace
}  // namespace quantd
