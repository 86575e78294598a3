// quantd.v1.QualityService over the wire.
#include "absl/strings/str_cat.h"
#include "tests/server/rpc/running_server.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using testing::HasReason;
using testing::RunningServer;
using testing::SampleCatalogue;
using testing::SampleSpec;
using testing::StatusIs;
using Stub = v1::QualityService::Stub;

constexpr char kHeader[] = "row,label,reference_top1,quantized_top1,kl,cosine\n";

class QualityServiceTest : public testing::ServerTest {
 protected:
  absl::StatusOr<v1::ListMethodsResponse> ListMethods(const std::string& axis) {
    v1::ListMethodsRequest request;
    request.set_axis(axis);
    return RunningServer::Call(*server_.quality, &Stub::ListMethods, request);
  }

  absl::StatusOr<v1::ListPresetsResponse> ListPresets() {
    return RunningServer::Call(*server_.quality, &Stub::ListPresets, v1::ListPresetsRequest());
  }

  absl::StatusOr<v1::Method> Describe(const std::string& axis, const std::string& id) {
    v1::DescribeMethodRequest request;
    request.set_axis(axis);
    request.set_id(id);
    return RunningServer::Call(*server_.quality, &Stub::DescribeMethod, request);
  }

  static std::vector<std::string> Ids(const v1::ListMethodsResponse& response) {
    std::vector<std::string> ids;
    for (const v1::Method& method : response.methods()) {
      ids.push_back(method.axis() + ":" + method.id());
    }
    return ids;
  }

  // A finished job whose artifact holds these rows, evaluated on data of this digest.
  std::string FinishWithRows(const std::string& csv, const std::string& data = "d1") {
    v1::JobSpec spec = SampleSpec();
    spec.mutable_calibration()->set_seed(++seed_);
    server_.CreateJob(spec);
    v1::CompleteJobRequest success = server_.SuccessOf(server_.Lease());
    if (!csv.empty()) {
      testing::PutBlob(*server_.parts.blobs.Of("team"), csv);
      *success.mutable_success()->add_files() = testing::FileOf("rows.csv", csv);
    }
    v1::QualityReport& report = *success.mutable_success()->mutable_report();
    report.mutable_metrics(0)->set_summary("Share of rows.");
    report.mutable_metrics(0)->set_unit("fraction");
    v1::InputDigest& input = *report.add_inputs();
    input.set_role("data");
    input.set_name("images.npy");
    input.set_digest(data);
    EXPECT_OK(
        RunningServer::Call(*server_.workers, &v1::WorkerService::Stub::CompleteJob, success));
    return success.job();
  }

  absl::StatusOr<v1::CompareJobsResponse> Compare(const std::string& baseline,
                                                  const std::string& candidate) {
    v1::CompareJobsRequest request;
    request.set_baseline(baseline);
    request.set_candidate(candidate);
    return RunningServer::Call(*server_.quality, &Stub::CompareJobs, request);
  }

 private:
  uint64_t seed_ = 0;
};

TEST_F(QualityServiceTest, BeforeAnyWorkerTheListsAreEmptyAndSaySo) {
  ASSERT_OK_AND_ASSIGN(const auto methods, ListMethods(""));
  EXPECT_TRUE(methods.no_worker_yet());
  EXPECT_EQ(methods.methods_size(), 0);
  ASSERT_OK_AND_ASSIGN(const auto presets, ListPresets());
  EXPECT_TRUE(presets.no_worker_yet());
}

TEST_F(QualityServiceTest, ListsTheMethodsOfAllWorkersOnceInOrder) {
  server_.AnnounceWorker();
  v1::Catalogue other = SampleCatalogue();
  other.set_engine_version("2.0.0");
  v1::Method& gptq = *other.add_methods();
  gptq.set_id("gptq");
  gptq.set_axis("rounding");
  server_.AnnounceWorker(other);
  ASSERT_OK_AND_ASSIGN(const auto all, ListMethods(""));
  EXPECT_FALSE(all.no_worker_yet());
  EXPECT_THAT(Ids(all), ElementsAre("compensation:bias_correction", "format:int8", "range:minmax",
                                    "range:mse", "rounding:gptq"));
  EXPECT_EQ(all.metrics_size(), 3);
  ASSERT_OK_AND_ASSIGN(const auto ranges, ListMethods("range"));
  EXPECT_THAT(Ids(ranges), ElementsAre("range:minmax", "range:mse"));
  EXPECT_EQ(ranges.metrics_size(), 0);
  ASSERT_OK_AND_ASSIGN(const auto metrics, ListMethods("metric"));
  EXPECT_EQ(metrics.methods_size(), 0);
  EXPECT_EQ(metrics.metrics_size(), 3);
  ASSERT_OK_AND_ASSIGN(const auto none, ListMethods("nothing"));
  EXPECT_EQ(none.methods_size(), 0);
}

TEST_F(QualityServiceTest, ListsPresetsInOrder) {
  server_.AnnounceWorker();
  ASSERT_OK_AND_ASSIGN(const auto response, ListPresets());
  ASSERT_EQ(response.presets_size(), 2);
  EXPECT_EQ(response.presets(0).id(), "w8a8-minmax");
  EXPECT_EQ(response.presets(1).id(), "w8a8-mse");
  EXPECT_EQ(response.presets(1).summary(), "Ranges by error.");
}

TEST_F(QualityServiceTest, DescribesAMethodByAxisAndId) {
  server_.AnnounceWorker();
  ASSERT_OK_AND_ASSIGN(const auto method, Describe("range", "mse"));
  EXPECT_EQ(method.parameters_size(), 4);
  EXPECT_THAT(Describe("format", "mse"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Describe("format", "mse"), HasReason("METHOD_NOT_FOUND"));
}

TEST_F(QualityServiceTest, ComparesTwoJobsRowByRow) {
  // Four rows: the candidate gains two and loses none. 2/4.
  const std::string baseline = FinishWithRows(std::string(kHeader) +
                                              "1,,0,0,0.1,1\n2,,0,1,0.1,1\n3,,0,1,0.1,1\n"
                                              "4,,0,0,0.1,1\n");
  const std::string candidate = FinishWithRows(std::string(kHeader) +
                                               "1,,0,0,0.1,1\n2,,0,0,0.1,1\n3,,0,0,0.1,1\n"
                                               "4,,0,0,0.1,1\n");
  ASSERT_OK_AND_ASSIGN(const auto response, Compare(baseline, candidate));
  // Of the metrics that rows tell, the report knows only this one.
  ASSERT_EQ(response.differences_size(), 1);
  const v1::Metric& metric = response.differences(0);
  EXPECT_EQ(metric.id(), "top1_agreement");
  EXPECT_EQ(metric.value(), 0.5);
  EXPECT_EQ(metric.n(), 4);
  EXPECT_EQ(metric.unit(), "fraction");
  EXPECT_THAT(metric.summary(), ::testing::HasSubstr("Share of rows."));
  ASSERT_EQ(metric.intervals_size(), 1);
  EXPECT_EQ(metric.intervals(0).guarantee(), v1::EXACT_CONFIDENCE);
  EXPECT_EQ(metric.intervals(0).alpha().denominator(), 20);
  EXPECT_EQ(metric.intervals(0).replicates(), 0);
  ASSERT_OK_AND_ASSIGN(const auto mirrored, Compare(candidate, baseline));
  EXPECT_EQ(mirrored.differences(0).value(), -0.5);
  EXPECT_DOUBLE_EQ(mirrored.differences(0).intervals(0).lower(), -metric.intervals(0).upper());
}

TEST_F(QualityServiceTest, JobsOnOtherRowsOrOtherDataAreNotCompared) {
  const std::string rows = std::string(kHeader) + "1,,0,0,0.1,1\n";
  const std::string one = FinishWithRows(rows);
  const std::string other_rows = FinishWithRows(std::string(kHeader) + "2,,0,0,0.1,1\n");
  const std::string other_data = FinishWithRows(rows, "d2");
  for (const std::string& other : {other_rows, other_data}) {
    EXPECT_THAT(Compare(one, other), StatusIs(absl::StatusCode::kFailedPrecondition));
    EXPECT_THAT(Compare(one, other), HasReason("ROWS_DIFFER"));
  }
}

TEST_F(QualityServiceTest, AComparisonNeedsTwoSucceededJobsWithRows) {
  const std::string rows = std::string(kHeader) + "1,,0,0,0.1,1\n";
  const std::string one = FinishWithRows(rows);
  const std::string without_rows = FinishWithRows("");
  EXPECT_THAT(Compare(one, without_rows), HasReason("NO_ROWS"));
  EXPECT_THAT(Compare(one, "tenants/team/jobs/none"), HasReason("JOB_NOT_FOUND"));
  v1::JobSpec spec = SampleSpec();
  const std::string queued = server_.CreateJob(spec).name();
  EXPECT_THAT(Compare(queued, one), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(Compare(queued, one), HasReason("JOB_NOT_SUCCEEDED"));
}

TEST_F(QualityServiceTest, AnEstimateWithoutHistorySaysWhatItTakes) {
  v1::EstimateQualityRequest request;
  request.set_parent(testing::kParent);
  *request.mutable_spec() = SampleSpec();
  const auto refused = RunningServer::Call(*server_.quality, &Stub::EstimateQuality, request);
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(refused, HasReason("NOT_ENOUGH_HISTORY"));
  request.mutable_spec()->mutable_evaluation()->mutable_alpha()->set_numerator(1);
  request.mutable_spec()->mutable_evaluation()->mutable_alpha()->set_denominator(2);
  for (int i = 0; i < 3; ++i) FinishWithRows("");
  ASSERT_OK_AND_ASSIGN(const auto response,
                       RunningServer::Call(*server_.quality, &Stub::EstimateQuality, request));
  ASSERT_EQ(response.metrics_size(), 1);
  EXPECT_EQ(response.metrics(0).value(), 0.995);
}

}  // namespace
}  // namespace quantd
