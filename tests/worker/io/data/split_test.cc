#include "worker/io/data/split.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using testing::HasReason;
using ::testing::HasSubstr;
using testing::NamesField;
using testing::StatusIs;

TEST(SplitTest, PartsAreDisjointSortedAndOfTheSizesAskedFor) {
  for (const int64_t rows : {2, 3, 10, 257, 1000}) {
    for (const int64_t calibration : {int64_t{0}, int64_t{1}, rows / 2, rows - 1}) {
      for (const int64_t evaluation : {int64_t{0}, int64_t{1}, rows - calibration}) {
        for (uint64_t seed = 0; seed < 5; ++seed) {
          ASSERT_OK_AND_ASSIGN(const Split split, SplitRows(rows, calibration, evaluation, seed));
          EXPECT_EQ(static_cast<int64_t>(split.calibration.size()), calibration);
          EXPECT_EQ(static_cast<int64_t>(split.evaluation.size()),
                    evaluation == 0 ? rows - calibration : evaluation);
          std::map<int64_t, int> seen;
          for (const auto* part : {&split.calibration, &split.evaluation}) {
            EXPECT_TRUE(std::is_sorted(part->begin(), part->end()));
            for (const int64_t row : *part) {
              EXPECT_TRUE(row >= 0 && row < rows);
              EXPECT_EQ(++seen[row], 1);
            }
          }
        }
      }
    }
  }
}

TEST(SplitTest, TheSeedAloneDecides) {
  ASSERT_OK_AND_ASSIGN(const Split a, SplitRows(1000, 100, 0, 7));
  ASSERT_OK_AND_ASSIGN(const Split b, SplitRows(1000, 100, 0, 7));
  ASSERT_OK_AND_ASSIGN(const Split c, SplitRows(1000, 100, 0, 8));
  EXPECT_EQ(a.calibration, b.calibration);
  EXPECT_EQ(a.evaluation, b.evaluation);
  EXPECT_NE(a.calibration, c.calibration);
}

TEST(SplitTest, CalibrationRowsDoNotDependOnTheEvaluationCount) {
  ASSERT_OK_AND_ASSIGN(const Split all, SplitRows(1000, 100, 0, 7));
  ASSERT_OK_AND_ASSIGN(const Split some, SplitRows(1000, 100, 50, 7));
  EXPECT_EQ(all.calibration, some.calibration);
}

// Each of 4 rows is the one calibration row in a quarter of 4,000 seeds: mean 1000, standard
// deviation sqrt(4000 * 1/4 * 3/4) = 27.4; five of them are 137.
TEST(SplitTest, EveryRowIsEquallyLikely) {
  std::map<int64_t, int> count;
  for (uint64_t seed = 0; seed < 4000; ++seed) {
    ASSERT_OK_AND_ASSIGN(const Split split, SplitRows(4, 1, 0, seed));
    ++count[split.calibration[0]];
  }
  for (int64_t row = 0; row < 4; ++row) EXPECT_NEAR(count[row], 1000, 137);
}

TEST(SplitTest, TooFewRowsIsAnErrorWithTheNumbers) {
  const auto none_left = SplitRows(10, 10, 0, 0);
  EXPECT_THAT(none_left, HasReason("NOT_ENOUGH_ROWS"));
  EXPECT_THAT(none_left, NamesField("calibration.rows"));
  const auto too_many = SplitRows(10, 4, 7, 0);
  EXPECT_THAT(too_many, HasReason("NOT_ENOUGH_ROWS"));
  EXPECT_THAT(too_many, NamesField("evaluation.rows"));
  EXPECT_THAT(too_many, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("only 6 of 10")));
  EXPECT_THAT(SplitRows(0, 0, 0, 0), HasReason("NOT_ENOUGH_ROWS"));
  EXPECT_THAT(SplitRows(-1, 0, 0, 0), HasReason("NOT_ENOUGH_ROWS"));
  EXPECT_THAT(SplitRows(10, -1, 0, 0), HasReason("NOT_ENOUGH_ROWS"));
  EXPECT_THAT(SplitRows(10, 1, -1, 0), HasReason("NOT_ENOUGH_ROWS"));
  EXPECT_THAT(SplitRows(INT64_MAX, 1, 0, 0), HasReason("NOT_ENOUGH_ROWS"));
}

}  // namespace
}  // namespace quantd
