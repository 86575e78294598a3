#include "worker/quality/row_scores.h"

#include <cmath>
#include <limits>

#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using ::quantd::testing::HasReason;
using ::quantd::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

RowScores Score(OutputKind kind, const std::vector<double>& x, const std::vector<double>& q) {
  const OutputRow row{x, q};
  return ScoreRow(kind, {&row, 1}).value();
}

TEST(RowScores, KlOfProbabilitiesMatchesTheSum) {
  // 0.5 ln(0.5/0.25) + 0.5 ln(0.5/0.75) = 0.5 ln 2 + 0.5 ln(2/3) = 0.5 ln(4/3).
  EXPECT_NEAR(Score(OutputKind::kProbabilities, {.5, .5}, {.25, .75}).kl, 0.5 * std::log(4.0 / 3),
              1e-15);
}

TEST(RowScores, KlOfLogitsIsThatOfTheirSoftmax) {
  // softmax(0, ln 3) = (1/4, 3/4); adding a constant to a row changes nothing.
  const double expected = 0.5 * std::log(4.0 / 3);
  EXPECT_NEAR(Score(OutputKind::kLogits, {7, 7}, {0, std::log(3.0)}).kl, expected, 1e-14);
  EXPECT_NEAR(Score(OutputKind::kLogits, {7, 7}, {5000, 5000 + std::log(3.0)}).kl, expected, 1e-12);
}

TEST(RowScores, KlIsFlooredAndNeverNegative) {
  // All mass on a class that the quantized model rules out: -ln(1e-12).
  EXPECT_NEAR(Score(OutputKind::kProbabilities, {1, 0}, {0, 1}).kl, -std::log(1e-12), 1e-12);
  EXPECT_NEAR(Score(OutputKind::kLogits, {900, 0}, {0, 900}).kl, -std::log(1e-12), 1e-12);
  EXPECT_EQ(Score(OutputKind::kLogits, {1, 2, 3}, {1, 2, 3}).kl, 0);
  EXPECT_GE(Score(OutputKind::kLogits, {40, 0, -50}, {40, 1e-9, -50}).kl, 0);
}

TEST(RowScores, QuantizedProbabilitiesNeedNotSumToOne) {
  // Quantization leaves (0.5, 0.5, -0.004) and (0.52, 0.52): both mean one half each.
  EXPECT_NEAR(Score(OutputKind::kProbabilities, {.5, .5, 0}, {.52, .52, -.004}).kl, 0, 1e-15);
  // A row of zeros says nothing: every class at the floor.
  EXPECT_NEAR(Score(OutputKind::kProbabilities, {1, 0}, {0, 0}).kl, -std::log(1e-12), 1e-12);
}

TEST(RowScores, TheBestClassesComeBestFirstAndTiesByIndex) {
  const RowScores scores = Score(OutputKind::kLogits, {1, 5, 3, 5, 0, 4, 3}, {7, 6, 5, 4, 3, 2, 1});
  EXPECT_THAT(scores.reference_top, ElementsAre(1, 3, 5, 2, 6));
  EXPECT_THAT(scores.quantized_top, ElementsAre(0, 1, 2, 3, 4));
  EXPECT_EQ(scores.classes, 7);
  EXPECT_THAT(Score(OutputKind::kLogits, {1, 2}, {2, 2}).quantized_top,
              ElementsAre(0, 1, -1, -1, -1));
}

TEST(RowScores, DistancesTakeAllOutputsTogether) {
  const std::vector<double> x1 = {1, -2};
  const std::vector<double> q1 = {1.1, -2};
  const std::vector<double> x2 = {3, .5};
  const std::vector<double> q2 = {2.8, .5};
  const OutputRow rows[] = {{x1, q1}, {x2, q2}};
  const RowScores scores = ScoreRow(OutputKind::kOther, rows).value();
  EXPECT_NEAR(scores.signal, 14.25, 1e-12);
  EXPECT_NEAR(scores.noise, 0.05, 1e-12);
  EXPECT_NEAR(scores.cosine, .998779, 5e-7);
  EXPECT_EQ(scores.classes, 0);
}

TEST(RowScores, CosineOfNothingIsStated) {
  EXPECT_EQ(Score(OutputKind::kOther, {0, 0}, {0, 0}).cosine, 1);
  EXPECT_EQ(Score(OutputKind::kOther, {0, 0}, {1, 0}).cosine, 0);
  EXPECT_EQ(Score(OutputKind::kOther, {1, 0}, {0, 0}).cosine, 0);
  // Equal rows are so exactly, also where the square roots round.
  EXPECT_EQ(Score(OutputKind::kOther, {.1, .7, .3}, {.1, .7, .3}).cosine, 1);
}

TEST(RowScores, ADivergedRowKeepsItsLimits) {
  const RowScores scores = Score(OutputKind::kLogits, {1, 2}, {kInfinity, 0});
  EXPECT_TRUE(std::isinf(scores.noise));
  EXPECT_EQ(scores.cosine, 0);
  EXPECT_EQ(scores.quantized_top[0], 0);
  EXPECT_GT(scores.kl, 10);
  EXPECT_TRUE(std::isfinite(scores.kl));
  EXPECT_TRUE(std::isfinite(Score(OutputKind::kLogits, {1, 2}, {-kInfinity, -kInfinity}).kl));
  EXPECT_TRUE(std::isfinite(Score(OutputKind::kProbabilities, {.5, .5}, {kInfinity, 1}).kl));
}

TEST(RowScores, NotANumberIsAnError) {
  const std::vector<double> fine = {1, 2};
  const std::vector<double> nan = {1, std::nan("")};
  const std::vector<double> infinite = {1, kInfinity};
  const OutputRow bad[] = {{fine, nan}, {nan, fine}, {infinite, fine}};
  for (const OutputRow& row : bad) {
    EXPECT_THAT(ScoreRow(OutputKind::kLogits, {&row, 1}), HasReason("NON_FINITE_OUTPUT"));
  }
}

TEST(RowScores, ABatchIsItsRows) {
  const std::map<std::string, Tensor> reference = {
      {"y", Tensor::Of<float>({2, 3}, {1, 2, 3, 6, 5, 4})}};
  const std::map<std::string, Tensor> quantized = {
      {"y", Tensor::Of<float>({2, 3}, {1, 3, 2, 6, 5, 4})}};
  ASSERT_OK_AND_ASSIGN(const auto rows, ScoreBatch(OutputKind::kLogits, reference, quantized, 0));
  ASSERT_EQ(rows.size(), 2);
  EXPECT_EQ(rows[0].reference_top[0], 2);
  EXPECT_EQ(rows[0].quantized_top[0], 1);
  EXPECT_EQ(rows[0].kl, Score(OutputKind::kLogits, {1, 2, 3}, {1, 3, 2}).kl);
  EXPECT_EQ(rows[1].kl, 0);
}

TEST(RowScores, ABatchsErrorsNameRowAndOutput) {
  const Tensor good = Tensor::Of<float>({2, 2}, {1, 2, 3, 4});
  const Tensor bad = Tensor::Of<float>({2, 2}, {1, 2, 3, std::nanf("")});
  const absl::Status nan =
      ScoreBatch(OutputKind::kLogits, {{"y", good}}, {{"y", bad}}, 64).status();
  EXPECT_THAT(nan, HasReason("NON_FINITE_OUTPUT"));
  EXPECT_THAT(std::string(nan.message()), HasSubstr("evaluation row 65"));
  EXPECT_THAT(ScoreBatch(OutputKind::kLogits, {{"y", good}}, {{"z", good}}, 0),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("output y")));
  EXPECT_THAT(ScoreBatch(OutputKind::kOther, {{"y", Tensor::Of<bool>({1}, {true})}},
                         {{"y", Tensor::Of<bool>({1}, {true})}}, 0),
              HasReason("UNSUPPORTED_OUTPUT_TYPE"));
  EXPECT_THAT(ScoreBatch(OutputKind::kLogits, {}, {}, 0), StatusIs(absl::StatusCode::kInternal));
}

TEST(OutputKind, IsJudgedByTheReferenceOutputs) {
  EXPECT_EQ(DetectOutputKind({{"y", Tensor::Of<float>({2, 2}, {1, 2, 3, 4})}}),
            OutputKind::kLogits);
  EXPECT_EQ(DetectOutputKind({{"y", Tensor::Of<float>({2, 2}, {.2f, .8f, .9995f, 0})}}),
            OutputKind::kProbabilities);
  // One row that is no distribution makes the model one of logits.
  EXPECT_EQ(DetectOutputKind({{"y", Tensor::Of<float>({2, 2}, {.2f, .8f, .5f, .6f})}}),
            OutputKind::kLogits);
  EXPECT_EQ(DetectOutputKind({{"y", Tensor::Of<float>({1, 2, 1, 1}, {1, 2})}}),
            OutputKind::kLogits);
  EXPECT_EQ(DetectOutputKind({{"y", Tensor::Of<float>({1, 2, 2}, {1, 2, 3, 4})}}),
            OutputKind::kOther);
  EXPECT_EQ(DetectOutputKind({{"y", Tensor::Of<float>({2, 1}, {1, 2})}}), OutputKind::kOther);
  EXPECT_EQ(DetectOutputKind({{"y", Tensor::Of<int64_t>({1, 2}, {1, 2})}}), OutputKind::kOther);
  const Tensor logits = Tensor::Of<float>({1, 2}, {1, 2});
  EXPECT_EQ(DetectOutputKind({{"y", logits}, {"z", logits}}), OutputKind::kOther);
}

}  // namespace
}  // namespace quantd
