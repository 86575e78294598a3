#include "worker/quality/metrics.h"

#include <cmath>
#include <limits>
#include <set>

#include "common/random.h"
#include "common/stats/binomial.h"
#include "common/stats/proportion.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using ::quantd::testing::HasReason;
using ::quantd::testing::NamesField;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kClasses = 7;

// A row whose best class is `reference` in one model and `quantized` in the other, the rest in
// index order.
RowScores Row(int reference, int quantized, double kl = 0.01) {
  RowScores row;
  row.classes = kClasses;
  for (auto [top, best] :
       {std::pair{&row.reference_top, reference}, {&row.quantized_top, quantized}}) {
    (*top)[0] = best;
    int next = 0;
    for (int place = 1; place < kTopClasses; ++place, ++next) {
      if (next == best) ++next;
      (*top)[static_cast<size_t>(place)] = next;
    }
  }
  row.kl = kl;
  row.cosine = 1 - kl;
  row.signal = 2;
  row.noise = kl;
  return row;
}

SummaryOptions Options() {
  SummaryOptions options;
  options.bootstrap_replicates = 500;
  options.seed = 3;
  options.population = "rows like these";
  return options;
}

const Metric& Find(const Summary& summary, const std::string& id) {
  for (const Metric& metric : summary.metrics) {
    if (metric.id == id) return metric;
  }
  ADD_FAILURE() << "no metric " << id;
  static const Metric kNone;
  return kNone;
}

TEST(Metrics, CountsAgreementAccuracyAndFlips) {
  // label, full precision, quantized:  6 6 6 | 6 6 5 | 2 3 2 | 2 3 4 | 2 3 3 | 1 1 1
  const std::vector<RowScores> rows = {Row(6, 6), Row(6, 5), Row(3, 2),
                                       Row(3, 4), Row(3, 3), Row(1, 1)};
  const std::vector<int64_t> labels = {6, 6, 2, 2, 2, 1};
  ASSERT_OK_AND_ASSIGN(const Summary summary,
                       Summarize(OutputKind::kLogits, rows, labels, Options()));
  const auto value = [&](const char* id) { return Find(summary, id).value; };
  EXPECT_DOUBLE_EQ(value("top1_agreement"), 3.0 / 6);
  // The best five of Row(., q) are q and the four lowest other classes, so 6 is not among those of
  // q = 5.
  EXPECT_DOUBLE_EQ(value("top5_agreement"), 5.0 / 6);
  EXPECT_DOUBLE_EQ(value("accuracy_reference"), 3.0 / 6);
  EXPECT_DOUBLE_EQ(value("accuracy_quantized"), 3.0 / 6);
  EXPECT_DOUBLE_EQ(value("top5_accuracy_reference"), 1);
  EXPECT_DOUBLE_EQ(value("top5_accuracy_quantized"), 5.0 / 6);
  EXPECT_DOUBLE_EQ(value("accuracy_difference"), 0);
  EXPECT_EQ(value("flips_right_to_wrong"), 1);
  EXPECT_EQ(value("flips_wrong_to_right"), 1);
  EXPECT_EQ(value("flips_wrong_to_wrong"), 1);
  EXPECT_EQ(Find(summary, "top1_agreement").n, 6);
  EXPECT_EQ(Find(summary, "top1_agreement").population, "rows like these");
}

TEST(Metrics, ReportsTheWholeCatalogueInOrder) {
  const std::vector<RowScores> rows(3, Row(1, 1));
  const std::vector<int64_t> labels(3, 1);
  ASSERT_OK_AND_ASSIGN(const Summary summary,
                       Summarize(OutputKind::kLogits, rows, labels, Options()));
  ASSERT_EQ(summary.metrics.size(), MetricCatalogue().size());
  std::set<std::string> ids;
  for (size_t i = 0; i < summary.metrics.size(); ++i) {
    EXPECT_EQ(summary.metrics[i].id, MetricCatalogue()[i].id);
    EXPECT_FALSE(summary.metrics[i].summary.empty());
    EXPECT_EQ(summary.metrics[i].status, MetricStatus::kOk) << summary.metrics[i].id;
    EXPECT_FALSE(summary.metrics[i].intervals.empty()) << summary.metrics[i].id;
    ids.insert(summary.metrics[i].id);
  }
  EXPECT_EQ(ids.size(), summary.metrics.size());
}

TEST(Metrics, SharesCarryClopperPearson) {
  std::vector<RowScores> rows(90, Row(1, 1));
  rows.resize(100, Row(1, 2));
  ASSERT_OK_AND_ASSIGN(const Summary summary, Summarize(OutputKind::kLogits, rows, {}, Options()));
  const Interval& interval = Find(summary, "top1_agreement").intervals.at(0);
  EXPECT_EQ(interval.method, "clopper_pearson");
  EXPECT_EQ(interval.guarantee, GuaranteeClass::kExactConfidence);
  EXPECT_EQ(interval.target, IntervalTarget::kPopulationMean);
  EXPECT_EQ(interval.alpha, (Fraction{1, 20}));
  EXPECT_NEAR(interval.lower, .82378, 5e-6);
  EXPECT_NEAR(interval.upper, .95100, 5e-6);
  EXPECT_EQ(interval.n, 100);
  EXPECT_EQ(interval.status, IntervalStatus::kOk);
}

TEST(Metrics, FewDiscordantRowsGetTheExactDifference) {
  // 1,000 rows, none discordant: the bootstrap would claim [0, 0].
  const std::vector<RowScores> rows(1000, Row(1, 1));
  const std::vector<int64_t> labels(1000, 1);
  ASSERT_OK_AND_ASSIGN(const Summary summary,
                       Summarize(OutputKind::kLogits, rows, labels, Options()));
  const Interval& interval = Find(summary, "accuracy_difference").intervals.at(0);
  EXPECT_EQ(interval.method, "clopper_pearson_discordant");
  EXPECT_EQ(interval.guarantee, GuaranteeClass::kExactConfidence);
  EXPECT_NEAR(interval.upper, 1 - std::pow(0.0125, 1.0 / 1000), 1e-12);
  EXPECT_NEAR(interval.lower, -interval.upper, 1e-15);
}

TEST(Metrics, ManyDiscordantRowsGetThePairedBootstrap) {
  std::vector<RowScores> rows(900, Row(1, 1));
  rows.resize(960, Row(1, 2));   // 60 losses,
  rows.resize(1000, Row(2, 1));  // 40 gains.
  const std::vector<int64_t> labels(1000, 1);
  SummaryOptions options = Options();
  options.bootstrap_replicates = 20'000;
  ASSERT_OK_AND_ASSIGN(const Summary summary,
                       Summarize(OutputKind::kLogits, rows, labels, options));
  const Metric& metric = Find(summary, "accuracy_difference");
  EXPECT_DOUBLE_EQ(metric.value, -0.02);
  const Interval& interval = metric.intervals.at(0);
  EXPECT_EQ(interval.method, "paired_bootstrap_bca");
  EXPECT_EQ(interval.guarantee, GuaranteeClass::kAsymptotic);
  EXPECT_EQ(interval.replicates, 20'000);
  EXPECT_EQ(interval.seed, 3u);
  // sd of the mean: sqrt((0.1 - 0.0004)/1000) = 0.00998; +-1.96 of it, on a grid of 1/1000.
  EXPECT_NEAR(interval.lower, -0.02 - 0.01956, 0.002);
  EXPECT_NEAR(interval.upper, -0.02 + 0.01956, 0.002);
}

TEST(Metrics, EqualRowsDoNotCollapseTheInterval) {
  const std::vector<RowScores> rows(200, Row(1, 1, 0));
  ASSERT_OK_AND_ASSIGN(const Summary summary, Summarize(OutputKind::kLogits, rows, {}, Options()));
  const double share = 1 - std::pow(0.05, 1.0 / 199);
  const Interval& kl = Find(summary, "kl").intervals.at(0);
  EXPECT_EQ(kl.method, "constant_rows");
  EXPECT_EQ(kl.lower, 0);
  EXPECT_NEAR(kl.upper, share * -std::log(1e-12), 1e-9);
  const Interval& cosine = Find(summary, "cosine").intervals.at(0);
  EXPECT_NEAR(cosine.lower, 1 - 2 * share, 1e-12);
  EXPECT_EQ(cosine.upper, 1);
  // A ratio of unbounded sums has no bound at all.
  const Interval& sqnr = Find(summary, "sqnr_db").intervals.at(0);
  EXPECT_EQ(Find(summary, "sqnr_db").value, 200);
  EXPECT_TRUE(sqnr.lower_infinite && sqnr.upper_infinite);
  EXPECT_EQ(sqnr.status, IntervalStatus::kInsufficientCalibration);
}

TEST(Metrics, KlCarriesASplitConformalBoundForANewRow) {
  // Scores 0.01 .. 1.00, alpha = 1/20: k = ceil(101 * 19/20) = 96.
  std::vector<RowScores> rows;
  for (int i = 100; i >= 1; --i) rows.push_back(Row(1, 1, i / 100.0));
  ASSERT_OK_AND_ASSIGN(const Summary summary, Summarize(OutputKind::kLogits, rows, {}, Options()));
  const Metric& metric = Find(summary, "kl");
  EXPECT_NEAR(metric.value, 0.505, 1e-12);
  ASSERT_EQ(metric.intervals.size(), 2);
  const Interval& bound = metric.intervals[1];
  EXPECT_EQ(bound.method, "split_conformal");
  EXPECT_EQ(bound.target, IntervalTarget::kNewSample);
  EXPECT_EQ(bound.guarantee, GuaranteeClass::kFiniteSampleMarginal);
  EXPECT_EQ(bound.rank, 96);
  EXPECT_EQ(bound.upper, 0.96);
  EXPECT_EQ(bound.n_required, 19);
  EXPECT_EQ(bound.calibration_digest.size(), 64);
  EXPECT_FALSE(bound.score.empty());

  EXPECT_EQ(summary.score_distribution.conformal_quantile, 0.96);
  EXPECT_EQ(summary.score_distribution.sorted_scores.size(), 100);
  EXPECT_EQ(summary.score_distribution.sorted_scores.front(), 0.01);
  EXPECT_EQ(summary.score_distribution.sorted_scores.back(), 1);
}

TEST(Metrics, TooFewRowsForABoundIsSaidAndNotRepaired) {
  const std::vector<RowScores> rows = {Row(1, 1, .1), Row(1, 1, .2), Row(1, 1, .3)};
  ASSERT_OK_AND_ASSIGN(const Summary summary, Summarize(OutputKind::kLogits, rows, {}, Options()));
  const Interval& bound = Find(summary, "kl").intervals.at(1);
  EXPECT_TRUE(bound.upper_infinite);
  EXPECT_EQ(bound.status, IntervalStatus::kInsufficientCalibration);
  EXPECT_EQ(bound.rank, 4);
  EXPECT_EQ(bound.n_required, 19);
  EXPECT_TRUE(summary.score_distribution.conformal_quantile_infinite);
  EXPECT_THAT(summary.warnings, Contains(HasSubstr("at least 19 evaluation rows")));
}

TEST(Metrics, ScoreDistributionKeepsFiveHundredAndTwelveEvenlySpacedOnes) {
  std::vector<RowScores> rows;
  for (int i = 0; i < 5111; ++i) rows.push_back(Row(1, 1, i * 1e-4));
  ASSERT_OK_AND_ASSIGN(const Summary summary, Summarize(OutputKind::kLogits, rows, {}, Options()));
  const std::vector<double>& scores = summary.score_distribution.sorted_scores;
  ASSERT_EQ(scores.size(), 512);
  // 5110 = 511 * 10: every tenth.
  EXPECT_EQ(scores[0], 0);
  EXPECT_EQ(scores[1], 10 * 1e-4);
  EXPECT_EQ(scores[511], 5110 * 1e-4);
}

TEST(Metrics, WhatTheDataDoNotAllowIsNotApplicable) {
  const std::vector<RowScores> rows(30, Row(1, 1));
  ASSERT_OK_AND_ASSIGN(const Summary unlabelled,
                       Summarize(OutputKind::kLogits, rows, {}, Options()));
  EXPECT_EQ(Find(unlabelled, "accuracy_quantized").status, MetricStatus::kNotApplicable);
  EXPECT_THAT(Find(unlabelled, "accuracy_quantized").status_detail, HasSubstr("no labels"));
  EXPECT_EQ(Find(unlabelled, "top1_agreement").status, MetricStatus::kOk);

  ASSERT_OK_AND_ASSIGN(const Summary other, Summarize(OutputKind::kOther, rows, {}, Options()));
  EXPECT_EQ(Find(other, "top1_agreement").status, MetricStatus::kNotApplicable);
  EXPECT_EQ(Find(other, "kl").status, MetricStatus::kNotApplicable);
  EXPECT_EQ(Find(other, "cosine").status, MetricStatus::kOk);
  EXPECT_TRUE(other.score_distribution.sorted_scores.empty());

  std::vector<RowScores> few = rows;
  for (RowScores& row : few) row.classes = 5;
  ASSERT_OK_AND_ASSIGN(const Summary five, Summarize(OutputKind::kLogits, few, {}, Options()));
  EXPECT_THAT(Find(five, "top5_agreement").status_detail, HasSubstr("5 classes"));
}

TEST(Metrics, OnlyTheMetricsAskedForAndTheirBitsDoNotDependOnTheRest) {
  std::vector<RowScores> rows;
  for (int i = 0; i < 300; ++i) rows.push_back(Row(i % 3, i % 4 % 3, std::fmod(i * 0.37, 1)));
  SummaryOptions options = Options();
  ASSERT_OK_AND_ASSIGN(const Summary all, Summarize(OutputKind::kLogits, rows, {}, options));
  options.metrics = {"cosine"};
  options.threads = 3;
  ASSERT_OK_AND_ASSIGN(const Summary one, Summarize(OutputKind::kLogits, rows, {}, options));
  ASSERT_EQ(one.metrics.size(), 1);
  EXPECT_EQ(one.metrics[0].intervals, Find(all, "cosine").intervals);
}

TEST(Metrics, ADivergedModelHasNoSqnrIntervalButAllItsCounts) {
  std::vector<RowScores> rows(50, Row(1, 1));
  rows[7].noise = std::numeric_limits<double>::infinity();
  ASSERT_OK_AND_ASSIGN(const Summary summary, Summarize(OutputKind::kLogits, rows, {}, Options()));
  EXPECT_EQ(Find(summary, "sqnr_db").value, -200);
  EXPECT_EQ(Find(summary, "sqnr_db").intervals.at(0).status,
            IntervalStatus::kInsufficientCalibration);
  EXPECT_EQ(Find(summary, "top1_agreement").value, 1);
  EXPECT_THAT(summary.warnings, Contains(HasSubstr("infinite")));
}

TEST(Metrics, ManyFlipsBehindASmallDifferenceAreSaid) {
  std::vector<RowScores> rows(940, Row(1, 1));
  rows.resize(970, Row(1, 2));
  rows.resize(1000, Row(2, 1));
  const std::vector<int64_t> labels(1000, 1);
  ASSERT_OK_AND_ASSIGN(const Summary summary,
                       Summarize(OutputKind::kLogits, rows, labels, Options()));
  EXPECT_THAT(summary.warnings, Contains(HasSubstr("6.0 % of the rows changed")));
}

TEST(Metrics, AModelThatItsLabelsDoNotTellFromGuessingIsSaid) {
  const auto warnings = [](int64_t right, int64_t wrong) {
    const std::vector<RowScores> rows(static_cast<size_t>(right + wrong), Row(1, 1));
    std::vector<int64_t> labels(static_cast<size_t>(right), 1);
    labels.resize(rows.size(), 2);
    return Summarize(OutputKind::kLogits, rows, labels, Options()).value().warnings;
  };
  // One of seven classes is 0.143: below it lies the lower end of 35 of 200, 0.125 at 95 %, but not
  // that of 45, 0.169.
  EXPECT_THAT(warnings(35, 165), Contains(HasSubstr("35 of 200 labelled rows")));
  EXPECT_THAT(warnings(45, 155), Not(Contains(HasSubstr("guessing"))));
}

TEST(Metrics, RefusesBadLabelsMetricsAndLevels) {
  const std::vector<RowScores> rows(3, Row(1, 1));
  const auto summarize = [&](std::vector<int64_t> labels, const SummaryOptions& options) {
    return Summarize(OutputKind::kLogits, rows, labels, options).status();
  };
  EXPECT_THAT(summarize({1, 2}, Options()), HasReason("LABEL_COUNT_MISMATCH"));
  EXPECT_THAT(summarize({1, 2}, Options()), NamesField("labels"));
  EXPECT_THAT(summarize({1, 2, 7}, Options()), HasReason("LABEL_OUT_OF_RANGE"));
  EXPECT_THAT(summarize({1, 2, 7}, Options()), NamesField("labels[2]"));
  EXPECT_THAT(summarize({1, -1, 0}, Options()), NamesField("labels[1]"));
  EXPECT_THAT(Summarize(OutputKind::kLogits, {}, {}, Options()), HasReason("NO_EVALUATION_ROWS"));

  SummaryOptions options = Options();
  options.metrics = {"kl", "perplexity"};
  EXPECT_THAT(summarize({}, options), HasReason("UNKNOWN_METRIC"));
  EXPECT_THAT(summarize({}, options), NamesField("metrics[1]"));
  options = Options();
  options.alpha = {3, 2};
  EXPECT_THAT(summarize({}, options), HasReason("INVALID_ALPHA"));
  options = Options();
  options.bootstrap_replicates = 7;
  EXPECT_THAT(summarize({}, options), HasReason("INVALID_BOOTSTRAP"));
}

}  // namespace
}  // namespace quantd
