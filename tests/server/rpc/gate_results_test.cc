#include "server/rpc/gate_results.h"

#include <google/protobuf/text_format.h>

#include <string>

#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

v1::QualityReport Report() {
  v1::QualityReport report;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"pb(
        metrics {
          id: "top1_agreement"
          value: 0.99
          n: 1000
          status: METRIC_OK
          intervals { target: POPULATION_MEAN lower: 0.98 upper: 0.995 status: INTERVAL_OK }
        }
        metrics {
          id: "kl"
          value: 0.01
          n: 1000
          status: METRIC_OK
          # The prediction interval comes first: it must not be taken for the confidence interval.
          intervals { target: NEW_SAMPLE lower_infinite: true upper: 0.25 status: INTERVAL_OK }
          intervals { target: POPULATION_MEAN lower: 0.008 upper: 0.012 status: INTERVAL_OK }
        }
        metrics {
          id: "few_rows"
          value: 0.01
          n: 3
          status: METRIC_OK
          intervals { target: NEW_SAMPLE upper_infinite: true status: INSUFFICIENT_CALIBRATION }
        }
        metrics {
          id: "accuracy"
          status: METRIC_NOT_APPLICABLE
          status_detail: "the data has no labels"
        }
      )pb",
      &report));
  return report;
}

v1::Gate Gate(const std::string& metric, v1::Gate::Statistic statistic,
              v1::Gate::Comparison comparison, double threshold) {
  v1::Gate gate;
  gate.set_metric(metric);
  gate.set_statistic(statistic);
  gate.set_comparison(comparison);
  gate.set_threshold(threshold);
  return gate;
}

TEST(GateFromProto, EveryStatisticAndComparisonKeepsItsMeaning) {
  const std::pair<v1::Gate::Statistic, GateStatistic> kStatistics[] = {
      {v1::Gate::VALUE, GateStatistic::kValue},
      {v1::Gate::LOWER, GateStatistic::kLower},
      {v1::Gate::UPPER, GateStatistic::kUpper},
      {v1::Gate::CONFORMAL_UPPER, GateStatistic::kConformalUpper}};
  const std::pair<v1::Gate::Comparison, GateComparison> kComparisons[] = {
      {v1::Gate::AT_LEAST, GateComparison::kAtLeast},
      {v1::Gate::AT_MOST, GateComparison::kAtMost},
      {v1::Gate::ABOVE, GateComparison::kAbove},
      {v1::Gate::BELOW, GateComparison::kBelow}};
  // Unspecified apart, these are all that the API knows.
  EXPECT_EQ(std::size(kStatistics), static_cast<size_t>(v1::Gate::Statistic_MAX));
  EXPECT_EQ(std::size(kComparisons), static_cast<size_t>(v1::Gate::Comparison_MAX));
  for (const auto& [statistic, core_statistic] : kStatistics) {
    for (const auto& [comparison, core_comparison] : kComparisons) {
      EXPECT_EQ(FromProto(Gate("kl", statistic, comparison, 0.5)),
                (quantd::Gate{"kl", core_statistic, core_comparison, 0.5}));
    }
  }
}

TEST(DecideGate, FollowsTheFiguresOfTheReport) {
  using G = v1::Gate;
  using R = v1::GateResult;
  const struct {
    v1::Gate gate;
    R::Outcome outcome;
  } kCases[] = {
      {Gate("top1_agreement", G::VALUE, G::AT_LEAST, 0.99), R::PASSED},
      {Gate("top1_agreement", G::VALUE, G::ABOVE, 0.99), R::FAILED},
      {Gate("top1_agreement", G::LOWER, G::AT_LEAST, 0.98), R::PASSED},
      {Gate("top1_agreement", G::LOWER, G::AT_LEAST, 0.985), R::INCONCLUSIVE},
      {Gate("top1_agreement", G::LOWER, G::AT_LEAST, 0.999), R::FAILED},
      {Gate("kl", G::UPPER, G::AT_MOST, 0.012), R::PASSED},
      {Gate("kl", G::UPPER, G::AT_MOST, 0.01), R::INCONCLUSIVE},
      {Gate("kl", G::UPPER, G::BELOW, 0.001), R::FAILED},
      {Gate("kl", G::CONFORMAL_UPPER, G::AT_MOST, 0.25), R::PASSED},
      {Gate("kl", G::CONFORMAL_UPPER, G::BELOW, 0.25), R::FAILED},
      {Gate("few_rows", G::VALUE, G::AT_MOST, 0.1), R::PASSED},
      {Gate("few_rows", G::CONFORMAL_UPPER, G::AT_MOST, 0.1), R::INCONCLUSIVE},
      {Gate("few_rows", G::UPPER, G::AT_MOST, 0.1), R::INCONCLUSIVE},
      {Gate("accuracy", G::VALUE, G::AT_LEAST, 0), R::INCONCLUSIVE},
      {Gate("bleu", G::VALUE, G::AT_LEAST, 0), R::INCONCLUSIVE},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.gate.ShortDebugString());
    const v1::GateResult result = DecideGate(c.gate, Report());
    EXPECT_EQ(result.outcome(), c.outcome) << result.explanation();
    EXPECT_EQ(result.gate().SerializeAsString(), c.gate.SerializeAsString());
    EXPECT_FALSE(result.explanation().empty());
  }
}

TEST(DecideGate, SaysWhyThereIsNoFigure) {
  EXPECT_THAT(DecideGate(Gate("accuracy", v1::Gate::VALUE, v1::Gate::AT_LEAST, 0.9), Report())
                  .explanation(),
              ::testing::HasSubstr("the data has no labels"));
  EXPECT_THAT(
      DecideGate(Gate("bleu", v1::Gate::VALUE, v1::Gate::AT_LEAST, 0.9), Report()).explanation(),
      ::testing::HasSubstr("the report has no metric bleu"));
}

}  // namespace
}  // namespace quantd
