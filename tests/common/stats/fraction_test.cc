#include "common/stats/fraction.h"

#include <limits>

#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using ::quantd::testing::HasReason;
using ::quantd::testing::IsOkAndHolds;
using ::quantd::testing::NamesField;

TEST(Fraction, IsReducedToLowestTerms) {
  EXPECT_THAT(MakeLevel(50, 1000, "alpha"), IsOkAndHolds(Fraction{1, 20}));
  // The denominator's limit is for lowest terms.
  EXPECT_THAT(MakeLevel(200'000'000, 2'000'000'000, "alpha"), IsOkAndHolds(Fraction{1, 10}));
}

TEST(Fraction, OutsideTheOpenUnitIntervalIsAnErrorThatNamesTheField) {
  for (const auto& [p, q] : std::vector<std::pair<int64_t, int64_t>>{
           {0, 1}, {1, 1}, {3, 2}, {-1, 2}, {1, -2}, {1, 0}, {1, 1'000'000'007}}) {
    const auto level = MakeLevel(p, q, "spec.evaluation.alpha");
    EXPECT_THAT(level, HasReason("INVALID_ALPHA")) << p << "/" << q;
    EXPECT_THAT(level, NamesField("spec.evaluation.alpha"));
  }
}

TEST(Fraction, ReadsFractionsDecimalsAndPercentExactly) {
  EXPECT_THAT(ParseLevel("1/20", "a"), IsOkAndHolds(Fraction{1, 20}));
  EXPECT_THAT(ParseLevel(" 0.05 ", "a"), IsOkAndHolds(Fraction{1, 20}));
  EXPECT_THAT(ParseLevel("5%", "a"), IsOkAndHolds(Fraction{1, 20}));
  EXPECT_THAT(ParseLevel("2.5%", "a"), IsOkAndHolds(Fraction{1, 40}));
  EXPECT_THAT(ParseLevel(".45", "a"), IsOkAndHolds(Fraction{9, 20}));
  for (const char* text : {"", ".", "0", "1", "1.5", "-0.1", "1/2/3", "nan", "1e-2", "0x1", "5 %%",
                           "0.12345678901234567890", "1/"}) {
    EXPECT_THAT(ParseLevel(text, "a"), HasReason("INVALID_ALPHA")) << text;
  }
}

TEST(Fraction, RanksAreExactWhereDoublesAreNot) {
  // 1 - alpha = 55/100, n = 99: k = ceil(100 * 55/100) = 55. In doubles 100 * 0.55 is a little
  // above 55.
  EXPECT_EQ(UpperRank(99, {9, 20}), 55);
  // alpha = 1/10, n = 9: floor(10/10) = 1. In doubles (1 - 0.9) * 10 is a little below 1.
  EXPECT_EQ(LowerRank(9, {1, 10}), 1);
  EXPECT_EQ(UpperRank(9, {1, 10}), 9);
  EXPECT_EQ(UpperRank(100, {1, 10}), 91);
  EXPECT_EQ(UpperRank(999, {1, 10}), 900);
}

TEST(Fraction, RanksDoNotOverflow) {
  // ceil((2^63 - 1)(1 - 1/2)) = 2^62, for n + 1 = 2^63 - 1.
  EXPECT_EQ(UpperRank(std::numeric_limits<int64_t>::max() - 1, {1, 2}), int64_t{1} << 62);
}

TEST(Fraction, TheLeastSampleForAFiniteBoundIsKnown) {
  EXPECT_EQ(RequiredSamples({1, 5}), 4);
  EXPECT_EQ(RequiredSamples({1, 10}), 9);
  EXPECT_EQ(RequiredSamples({1, 20}), 19);
  EXPECT_EQ(RequiredSamples({1, 100}), 99);
  EXPECT_EQ(RequiredSamples({2, 5}), 2);  // ceil(2.5) - 1.
  EXPECT_EQ(RequiredSamples(DivideLevel({1, 10}, 2)), 19);
}

TEST(Fraction, RequiredSamplesIsTheFirstNWhoseRankExists) {
  for (const Fraction alpha : {Fraction{1, 20}, {3, 100}, {2, 7}, {9, 10}, {1, 3}}) {
    const int64_t n = RequiredSamples(alpha);
    EXPECT_LE(UpperRank(n, alpha), n) << FormatFraction(alpha);
    if (n > 0) {
      EXPECT_GT(UpperRank(n - 1, alpha), n - 1) << FormatFraction(alpha);
    }
  }
}

TEST(Fraction, DividesIntoTails) {
  EXPECT_EQ(DivideLevel({1, 20}, 2), (Fraction{1, 40}));
  EXPECT_EQ(DivideLevel({2, 5}, 2), (Fraction{1, 5}));
  EXPECT_EQ(DivideLevel({2, 5}, 4), (Fraction{1, 10}));
}

TEST(Fraction, SpellsItsCoverage) {
  EXPECT_EQ(CoveragePercent({1, 20}), "95");
  EXPECT_EQ(CoveragePercent({1, 40}), "97.5");
  EXPECT_EQ(CoveragePercent({1, 1000}), "99.9");
  EXPECT_EQ(CoveragePercent({1, 3}), "66.6666");
}

}  // namespace
}  // namespace quantd
