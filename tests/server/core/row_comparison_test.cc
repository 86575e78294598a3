#include "server/core/row_comparison.h"

#include <cmath>
#include <string>
#include <vector>

#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using testing::HasReason;
using testing::IsOkAndHolds;
using testing::StatusIs;

constexpr char kHeader[] = "row,label,reference_top1,quantized_top1,kl,cosine\n";

// A row on which the quantized model agrees with the reference, or not.
EvaluatedRow Row(int64_t number, bool agrees, double kl = 0, double cosine = 1) {
  return {.row = number,
          .reference_top1 = 3,
          .quantized_top1 = agrees ? 3 : 4,
          .kl = kl,
          .cosine = cosine};
}

// P(X >= k) of X ~ Bin(n, p), summed term by term.
double UpperTail(int k, int n, double p) {
  double sum = 0;
  for (int i = k; i <= n; ++i) {
    sum += std::exp(std::lgamma(n + 1) - std::lgamma(i + 1) - std::lgamma(n - i + 1)) *
           std::pow(p, i) * std::pow(1 - p, n - i);
  }
  return sum;
}

// The p at which P(X >= k) is `tail`: the lower end of Clopper and Pearson, by bisection.
double LowerEnd(int k, int n, double tail) {
  if (k == 0) return 0;
  double low = 0, high = 1;
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (UpperTail(k, n, middle) < tail ? low : high) = middle;
  }
  return low;
}

double UpperEnd(int k, int n, double tail) { return 1 - LowerEnd(n - k, n, tail); }

const RowDifference& Find(const std::vector<RowDifference>& all, const std::string& metric) {
  for (const RowDifference& difference : all) {
    if (difference.metric == metric) return difference;
  }
  ADD_FAILURE() << "no " << metric;
  return all.front();
}

TEST(ParseRowsCsv, ReadsRowsWithAndWithoutALabel) {
  EXPECT_THAT(ParseRowsCsv(std::string(kHeader) + "7,2,2,5,0.25,0.5\n9,,1,1,0,1\n"),
              IsOkAndHolds(std::vector<EvaluatedRow>{
                  {.row = 7,
                   .label = 2,
                   .reference_top1 = 2,
                   .quantized_top1 = 5,
                   .kl = 0.25,
                   .cosine = 0.5},
                  {.row = 9, .reference_top1 = 1, .quantized_top1 = 1, .kl = 0, .cosine = 1}}));
}

TEST(ParseRowsCsv, AHeaderAloneIsNoRow) {
  EXPECT_THAT(ParseRowsCsv(kHeader), IsOkAndHolds(std::vector<EvaluatedRow>()));
}

TEST(ParseRowsCsv, NamesTheLineThatIsDamaged) {
  const struct {
    const char* text;
    const char* line;
  } kCases[] = {
      {"", "line 1"},
      {"row,label\n", "line 1"},
      {"row,label,reference_top1,quantized_top1,kl,cosine\n1,2,3,4,5\n", "line 2"},
      {"row,label,reference_top1,quantized_top1,kl,cosine\n1,2,3,4,5,6,7\n", "line 2"},
      {"row,label,reference_top1,quantized_top1,kl,cosine\n1,,1,1,0,1\n1,x,1,1,0,1\n", "line 3"},
      {"row,label,reference_top1,quantized_top1,kl,cosine\n1.5,,1,1,0,1\n", "line 2"},
      {"row,label,reference_top1,quantized_top1,kl,cosine\n1,,,1,0,1\n", "line 2"},
      {"row,label,reference_top1,quantized_top1,kl,cosine\n1,,1,1,zero,1\n", "line 2"},
      {"row,label,reference_top1,quantized_top1,kl,cosine\n1,,1,1,0,\n", "line 2"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.text);
    EXPECT_THAT(ParseRowsCsv(c.text),
                StatusIs(absl::StatusCode::kDataLoss, ::testing::HasSubstr(c.line)));
  }
}

TEST(CompareRows, AgreementWithFewDiscordantRowsHasTheExactInterval) {
  // Six rows. Only the baseline agrees on row 1; only the candidate on rows 2 and 3.
  std::vector<EvaluatedRow> baseline, candidate;
  const bool in_baseline[] = {true, true, false, false, true, false};
  const bool in_candidate[] = {true, false, true, true, true, false};
  for (int i = 0; i < 6; ++i) {
    baseline.push_back(Row(i, in_baseline[i]));
    candidate.push_back(Row(i, in_candidate[i]));
  }
  ASSERT_OK_AND_ASSIGN(const auto all, CompareRows(baseline, candidate, {}));
  const RowDifference& agreement = Find(all, "top1_agreement");
  EXPECT_TRUE(agreement.exact);
  EXPECT_EQ(agreement.n, 6);
  EXPECT_DOUBLE_EQ(agreement.value, (2.0 - 1.0) / 6);
  // Each of the two rates has 1/40 for its two tails: 1/80 a tail.
  const double tail = 1.0 / 80;
  EXPECT_NEAR(agreement.bounds.lower, LowerEnd(2, 6, tail) - UpperEnd(1, 6, tail), 1e-9);
  EXPECT_NEAR(agreement.bounds.upper, UpperEnd(2, 6, tail) - LowerEnd(1, 6, tail), 1e-9);
}

TEST(CompareRows, NineteenDiscordantRowsAreExactAndTwentyAreResampled) {
  for (const int discordant : {19, 20}) {
    std::vector<EvaluatedRow> baseline, candidate;
    for (int i = 0; i < 200; ++i) {
      baseline.push_back(Row(i, true));
      candidate.push_back(Row(i, i >= discordant));
    }
    ASSERT_OK_AND_ASSIGN(const auto all, CompareRows(baseline, candidate, {}));
    const RowDifference& agreement = Find(all, "top1_agreement");
    EXPECT_EQ(agreement.exact, discordant < 20);
    EXPECT_DOUBLE_EQ(agreement.value, -discordant / 200.0);
    EXPECT_LT(agreement.bounds.upper, 0);
  }
}

TEST(CompareRows, ManyDiscordantRowsHaveAnIntervalOfTheRightWidth) {
  // 400 rows, 30 gains and 10 losses: mean 20/400 = 0.05, variance 40/400 - 0.05^2 = 0.0975,
  // standard error sqrt(0.0975 / 400) = 0.01561; so 0.05 -+ 1.96 * 0.01561 = [0.0194, 0.0806].
  // A mean moves in steps of 0.0025, and BCa shifts both ends up a little for the skew.
  std::vector<EvaluatedRow> baseline, candidate;
  for (int i = 0; i < 400; ++i) {
    baseline.push_back(Row(i, i >= 30));
    candidate.push_back(Row(i, i < 390));
  }
  ASSERT_OK_AND_ASSIGN(const auto all, CompareRows(baseline, candidate, {}));
  const RowDifference& agreement = Find(all, "top1_agreement");
  EXPECT_FALSE(agreement.exact);
  EXPECT_DOUBLE_EQ(agreement.value, 0.05);
  EXPECT_NEAR(agreement.bounds.lower, 0.0194, 0.005);
  EXPECT_NEAR(agreement.bounds.upper, 0.0806, 0.005);
}

TEST(CompareRows, MeansAreDifferencesOfPairedRows) {
  // kl rises by 0.2 on every second row of 100 and stays on the others: 0.1 in the mean, standard
  // error 0.1 / sqrt(100) = 0.01. The cosine falls by 0.02 on the same rows: -0.01, error 0.001.
  std::vector<EvaluatedRow> baseline, candidate;
  for (int i = 0; i < 100; ++i) {
    const double odd = i % 2;
    baseline.push_back(Row(i, true, 0.01 * i, 0.99));
    candidate.push_back(Row(i, true, 0.01 * i + 0.2 * odd, 0.99 - 0.02 * odd));
  }
  ASSERT_OK_AND_ASSIGN(const auto all, CompareRows(baseline, candidate, {}));
  const RowDifference& kl = Find(all, "kl");
  EXPECT_FALSE(kl.exact);
  EXPECT_EQ(kl.n, 100);
  EXPECT_NEAR(kl.value, 0.1, 1e-12);
  EXPECT_NEAR(kl.bounds.lower, 0.1 - 0.0196, 0.002);
  EXPECT_NEAR(kl.bounds.upper, 0.1 + 0.0196, 0.002);
  const RowDifference& cosine = Find(all, "cosine");
  EXPECT_NEAR(cosine.value, -0.01, 1e-12);
  EXPECT_NEAR(cosine.bounds.lower, -0.01 - 0.00196, 0.0002);
  EXPECT_NEAR(cosine.bounds.upper, -0.01 + 0.00196, 0.0002);
}

TEST(CompareRows, EqualDifferencesOnAllRowsKeepAWidth) {
  // At most s = 1 - 0.05^(1/49) of the population differs from what 50 rows showed, and lies
  // anywhere: within 27.7 nats of KL, within 2 of cosine.
  std::vector<EvaluatedRow> baseline, candidate;
  for (int i = 0; i < 50; ++i) {
    baseline.push_back(Row(i, true, 0.25, 0.5));
    candidate.push_back(Row(i, true, 0.75, 0.5));
  }
  const double s = 1 - std::pow(0.05, 1.0 / 49);
  ASSERT_OK_AND_ASSIGN(const auto all, CompareRows(baseline, candidate, {}));
  const RowDifference& kl = Find(all, "kl");
  EXPECT_TRUE(kl.exact);
  EXPECT_EQ(kl.value, 0.5);
  EXPECT_NEAR(kl.bounds.lower, (1 - s) * 0.5 - s * 27.7, 1e-9);
  EXPECT_NEAR(kl.bounds.upper, (1 - s) * 0.5 + s * 27.7, 1e-9);
  const RowDifference& cosine = Find(all, "cosine");
  EXPECT_TRUE(cosine.exact);
  EXPECT_EQ(cosine.value, 0);
  EXPECT_NEAR(cosine.bounds.lower, -2 * s, 1e-9);
  EXPECT_NEAR(cosine.bounds.upper, 2 * s, 1e-9);
}

TEST(CompareRows, AModelComparedWithItselfPromisesNoMoreThanTheRowsAllow) {
  std::vector<EvaluatedRow> rows;
  for (int i = 0; i < 1000; ++i) rows.push_back(Row(i, i % 10 != 0, 0.01 * (i % 7)));
  ASSERT_OK_AND_ASSIGN(const auto all, CompareRows(rows, rows, {}));
  const RowDifference& agreement = Find(all, "top1_agreement");
  EXPECT_EQ(agreement.value, 0);
  // docs/decisions/0002: 0.44 points at n = 1,000; 1 - (1/80)^(1/1000) = 0.004372.
  EXPECT_NEAR(agreement.bounds.lower, -0.004372, 1e-6);
  EXPECT_NEAR(agreement.bounds.upper, 0.004372, 1e-6);
}

TEST(CompareRows, AccuracyCountsWhatEqualsTheLabelWhateverTheReferenceSays) {
  // The label is 4: the baseline says 3, 4, 4 and the candidate 4, 4, 3. One gain, one loss.
  std::vector<EvaluatedRow> baseline, candidate;
  const int64_t baseline_top1[] = {3, 4, 4};
  const int64_t candidate_top1[] = {4, 4, 3};
  for (int i = 0; i < 3; ++i) {
    baseline.push_back({.row = i, .label = 4, .reference_top1 = 3});
    baseline.back().quantized_top1 = baseline_top1[i];
    candidate.push_back({.row = i, .label = 4, .reference_top1 = 3});
    candidate.back().quantized_top1 = candidate_top1[i];
  }
  ASSERT_OK_AND_ASSIGN(const auto all, CompareRows(baseline, candidate, {}));
  EXPECT_DOUBLE_EQ(Find(all, "accuracy_quantized").value, 0);
  // Agreement with the reference, 3: baseline on row 0, candidate on row 2.
  EXPECT_DOUBLE_EQ(Find(all, "top1_agreement").value, 0);
  candidate[2].quantized_top1 = 4;
  ASSERT_OK_AND_ASSIGN(const auto better, CompareRows(baseline, candidate, {}));
  EXPECT_DOUBLE_EQ(Find(better, "accuracy_quantized").value, 1.0 / 3);
  EXPECT_DOUBLE_EQ(Find(better, "top1_agreement").value, -1.0 / 3);
}

TEST(CompareRows, WithoutAllLabelsThereIsNoAccuracy) {
  std::vector<EvaluatedRow> rows = {Row(0, true), Row(1, true), Row(2, true)};
  ASSERT_OK_AND_ASSIGN(const auto unlabelled, CompareRows(rows, rows, {}));
  EXPECT_EQ(unlabelled.size(), 3u);
  rows[0].label = 3;
  ASSERT_OK_AND_ASSIGN(const auto partly, CompareRows(rows, rows, {}));
  EXPECT_EQ(partly.size(), 3u);
  for (EvaluatedRow& row : rows) row.label = 3;
  ASSERT_OK_AND_ASSIGN(const auto labelled, CompareRows(rows, rows, {}));
  EXPECT_EQ(labelled.size(), 4u);
}

TEST(CompareRows, ASmallerAlphaWidensTheInterval) {
  std::vector<EvaluatedRow> rows;
  for (int i = 0; i < 100; ++i) rows.push_back(Row(i, true));
  ASSERT_OK_AND_ASSIGN(const auto five, CompareRows(rows, rows, {.alpha = {1, 20}}));
  ASSERT_OK_AND_ASSIGN(const auto one, CompareRows(rows, rows, {.alpha = {1, 100}}));
  for (size_t i = 0; i < five.size(); ++i) {
    EXPECT_LT(one[i].bounds.lower, five[i].bounds.lower);
    EXPECT_GT(one[i].bounds.upper, five[i].bounds.upper);
  }
}

TEST(CompareRows, RowsOrLabelsThatDifferAreRefused) {
  const std::vector<EvaluatedRow> rows = {Row(0, true), Row(1, true)};
  std::vector<EvaluatedRow> renumbered = rows;
  renumbered[1].row = 2;
  std::vector<EvaluatedRow> labelled = rows;
  labelled[1].label = 1;
  for (const std::vector<EvaluatedRow>& other :
       {std::vector<EvaluatedRow>{rows[0]}, renumbered, labelled, {}}) {
    const auto result = CompareRows(rows, other, {});
    EXPECT_THAT(result, StatusIs(absl::StatusCode::kFailedPrecondition));
    EXPECT_THAT(result, HasReason("ROWS_DIFFER"));
  }
  EXPECT_THAT(CompareRows({}, {}, {}), HasReason("ROWS_DIFFER"));
}

}  // namespace
}  // namespace quantd
