#include "server/rpc/estimate_quality.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/random.h"
#include "proto/wire/work_digest.h"
#include "server/rpc/spec_needs.h"
#include "tests/server/rpc/running_server.h"

namespace quantd {
namespace {

using testing::HasReason;
using testing::NamesField;
using testing::SampleSpec;
using testing::StatusIs;

class EstimateQualityTest : public ::testing::Test {
 protected:
  static v1::Metric MetricOf(const std::string& id, double value) {
    v1::Metric metric;
    metric.set_id(id);
    metric.set_summary("What is compared.");
    metric.set_unit("fraction");
    metric.set_value(value);
    metric.set_status(v1::METRIC_OK);
    return metric;
  }

  // A finished job of this recipe whose report holds `metrics`.
  void Finish(const v1::JobSpec& spec, const std::vector<v1::Metric>& metrics,
              const std::string& tenant = "team") {
    Submission submission{.tenant = tenant,
                          .traits = {.work_digest = absl::StrCat("work ", ++jobs_),
                                     .requirements = RequirementsOf(spec)},
                          .spec = DeterministicBytes(spec)};
    ASSERT_OK(parts_.queue.Submit(submission));
    ASSERT_OK_AND_ASSIGN(const auto leased,
                         parts_.queue.Lease("worker", everything_, std::nullopt));
    ASSERT_TRUE(leased.has_value());
    v1::QualityReport report;
    for (const v1::Metric& metric : metrics) *report.add_metrics() = metric;
    ASSERT_OK(parts_.queue.Complete(leased->job.name, leased->job.lease.token,
                                    AttemptSucceeded{.report = report.SerializeAsString()}));
  }

  absl::StatusOr<v1::EstimateQualityResponse> Estimate(const v1::JobSpec& spec) {
    v1::EstimateQualityRequest request;
    request.set_parent(testing::kParent);
    *request.mutable_spec() = spec;
    return EstimateFromHistory(parts_.queue, request);
  }

  static v1::JobSpec WithAlpha(int64_t numerator, int64_t denominator) {
    v1::JobSpec spec = SampleSpec();
    spec.mutable_evaluation()->mutable_alpha()->set_numerator(numerator);
    spec.mutable_evaluation()->mutable_alpha()->set_denominator(denominator);
    return spec;
  }

  testing::FakeClock clock_;
  testing::ServerParts parts_{&clock_};
  WorkerCatalogue everything_ = ToCore(testing::SampleCatalogue());

 private:
  int jobs_ = 0;
};

TEST_F(EstimateQualityTest, PredictsOrderStatisticsOfEarlierJobs) {
  // Level 1/2, so 1/4 a tail. Seven values: ranks floor(8/4) = 2 and ceil(8 * 3/4) = 6, median 4.
  std::vector<double> values = {0.91, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97};
  Random(1).Shuffle(values);
  for (const double value : values) Finish(SampleSpec(), {MetricOf("top1_agreement", value)});
  ASSERT_OK_AND_ASSIGN(const auto response, Estimate(WithAlpha(1, 2)));
  ASSERT_EQ(response.metrics_size(), 1);
  const v1::Metric& metric = response.metrics(0);
  EXPECT_EQ(metric.id(), "top1_agreement");
  EXPECT_EQ(metric.unit(), "fraction");
  EXPECT_EQ(metric.value(), 0.94);
  EXPECT_EQ(metric.n(), 7);
  EXPECT_EQ(metric.status(), v1::METRIC_OK);
  ASSERT_EQ(metric.intervals_size(), 1);
  const v1::Interval& interval = metric.intervals(0);
  EXPECT_EQ(interval.lower(), 0.92);
  EXPECT_EQ(interval.upper(), 0.96);
  EXPECT_EQ(interval.rank(), 6);
  EXPECT_EQ(interval.n(), 7);
  EXPECT_EQ(interval.n_required(), 3);
  EXPECT_EQ(interval.target(), v1::NEW_SAMPLE);
  EXPECT_EQ(interval.guarantee(), v1::FINITE_SAMPLE_MARGINAL);
  EXPECT_EQ(interval.status(), v1::INTERVAL_OK);
  EXPECT_FALSE(interval.lower_infinite() || interval.upper_infinite());
}

TEST_F(EstimateQualityTest, AtTheUsualLevelItTakesThirtyNineJobs) {
  // 1/40 a tail: ceil(1 / (1/40)) - 1 = 39.
  for (int i = 1; i <= 38; ++i) Finish(SampleSpec(), {MetricOf("kl", i)});
  const auto refused = Estimate(SampleSpec());
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(refused, HasReason("NOT_ENOUGH_HISTORY"));
  EXPECT_EQ(GetErrorDetails(refused.status()).metadata,
            (std::map<std::string, std::string>{{"jobs", "38"}, {"jobs_needed", "39"}}));
  Finish(SampleSpec(), {MetricOf("kl", 39)});
  ASSERT_OK_AND_ASSIGN(const auto response, Estimate(SampleSpec()));
  EXPECT_EQ(response.metrics(0).value(), 20);
  EXPECT_EQ(response.metrics(0).intervals(0).lower(), 1);
  EXPECT_EQ(response.metrics(0).intervals(0).upper(), 39);
}

TEST_F(EstimateQualityTest, WithoutAnyHistoryItSaysSo) {
  const auto refused = Estimate(SampleSpec());
  EXPECT_THAT(refused, HasReason("NOT_ENOUGH_HISTORY"));
  EXPECT_EQ(GetErrorDetails(refused.status()).metadata["jobs"], "0");
}

TEST_F(EstimateQualityTest, OnlyJobsOfTheTenantWithTheSameRecipeCount) {
  v1::JobSpec other = SampleSpec();
  other.mutable_recipe()->set_preset("w8a8-minmax");
  v1::JobSpec changed = SampleSpec();
  changed.mutable_recipe()->mutable_weight()->mutable_range()->set_id("minmax");
  for (int i = 0; i < 2; ++i) Finish(SampleSpec(), {MetricOf("kl", 1)});
  Finish(other, {MetricOf("kl", 100)});
  Finish(changed, {MetricOf("kl", 100)});
  Finish(SampleSpec(), {MetricOf("kl", 100)}, "others");
  const auto refused = Estimate(WithAlpha(1, 2));
  EXPECT_EQ(GetErrorDetails(refused.status()).metadata["jobs"], "2");
  // Another model, other data, other gates: the same recipe.
  v1::JobSpec same = SampleSpec();
  same.mutable_model()->mutable_files(0)->set_name("other.onnx");
  same.clear_gates();
  Finish(same, {MetricOf("kl", 3)});
  ASSERT_OK_AND_ASSIGN(const auto response, Estimate(WithAlpha(1, 2)));
  EXPECT_EQ(response.metrics(0).n(), 3);
}

TEST_F(EstimateQualityTest, ACopiedResultIsNoSecondObservation) {
  ASSERT_OK(parts_.catalogues.Announce(everything_));
  for (int i = 0; i < 2; ++i) Finish(SampleSpec(), {MetricOf("kl", 1)});
  const Submission twin{
      .tenant = "team",
      .traits = {.work_digest = "work 1", .requirements = RequirementsOf(SampleSpec())},
      .spec = DeterministicBytes(SampleSpec())};
  ASSERT_OK_AND_ASSIGN(const Job cached, parts_.queue.Submit(twin));
  ASSERT_NE(cached.cached_from, "");
  const auto refused = Estimate(WithAlpha(1, 2));
  EXPECT_EQ(GetErrorDetails(refused.status()).metadata["jobs"], "2");
}

TEST_F(EstimateQualityTest, AMetricWithTooFewValuesIsLeftOut) {
  for (int i = 0; i < 3; ++i) {
    v1::Metric absent = MetricOf("accuracy", 0);
    absent.set_status(v1::METRIC_NOT_APPLICABLE);
    std::vector<v1::Metric> metrics = {MetricOf("kl", i), absent};
    if (i > 0) metrics.push_back(MetricOf("cosine", i));
    Finish(SampleSpec(), metrics);
  }
  ASSERT_OK_AND_ASSIGN(const auto response, Estimate(WithAlpha(1, 2)));
  ASSERT_EQ(response.metrics_size(), 1);
  EXPECT_EQ(response.metrics(0).id(), "kl");
}

TEST_F(EstimateQualityTest, AWrongRequestIsRefusedLikeAWrongJob) {
  EXPECT_THAT(Estimate(WithAlpha(3, 2)), HasReason("INVALID_ALPHA"));
  EXPECT_THAT(Estimate(WithAlpha(3, 2)), NamesField("spec.evaluation.alpha"));
  v1::EstimateQualityRequest request;
  request.set_parent("team");
  EXPECT_THAT(EstimateFromHistory(parts_.queue, request), HasReason("INVALID_NAME"));
}

}  // namespace
}  // namespace quantd
