#include "worker/io/data/labels.h"

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using testing::HasReason;
using ::testing::HasSubstr;
using testing::NamesField;
using testing::StatusIs;

NamedArray Array(Tensor tensor) { return {"labels.npy", "", std::move(tensor), "labels.npy"}; }

TEST(LabelsTest, AColumnOfATableOrAWholeArray) {
  ASSERT_OK_AND_ASSIGN(const Labels column,
                       LabelsFromArray(Array(Tensor::Of<int32_t>({2, 3}, {9, 4, 9, 9, 7, 9})), 1));
  EXPECT_THAT(column.of_row, ElementsAre(4, 7));
  ASSERT_OK_AND_ASSIGN(const Labels floats,
                       LabelsFromArray(Array(Tensor::Of<float>({2}, {3, 0})), 0));
  EXPECT_THAT(floats.of_row, ElementsAre(3, 0));
}

TEST(LabelsTest, LabelsThatAreNoWholeNumbersAreRefusedByRow) {
  const auto negative = LabelsFromArray(Array(Tensor::Of<int8_t>({3}, {1, 2, -1})), 0);
  EXPECT_THAT(negative, HasReason("BAD_LABEL"));
  EXPECT_THAT(negative, NamesField("data.labels"));
  EXPECT_THAT(negative, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("row 2")));
  EXPECT_THAT(LabelsFromArray(Array(Tensor::Of<float>({1}, {0.5})), 0), HasReason("BAD_LABEL"));
  EXPECT_THAT(LabelsFromArray(Array(Tensor::Of<int8_t>({1}, {0})), 1), HasReason("BAD_LABEL"));
  EXPECT_THAT(LabelsFromArray(Array(Tensor::Of<int8_t>({1, 2}, {0, 0})), -1),
              HasReason("BAD_LABEL"));
  EXPECT_THAT(LabelsFromArray(Array(Tensor::Scalar<int8_t>(1)), 0), HasReason("BAD_LABEL"));
}

TEST(LabelsTest, CsvWithAndWithoutAHeading) {
  ASSERT_OK_AND_ASSIGN(const Labels headed, LabelsFromCsv("l.csv", "name,class\na,3\r\nb, 5\n", 1));
  EXPECT_THAT(headed.of_row, ElementsAre(3, 5));
  ASSERT_OK_AND_ASSIGN(const Labels bare, LabelsFromCsv("l.csv", "3\n5", 0));
  EXPECT_THAT(bare.of_row, ElementsAre(3, 5));
  EXPECT_THAT(LabelsFromCsv("l.csv", "3\n-5\n", 0),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("line 2")));
  EXPECT_THAT(LabelsFromCsv("l.csv", "3\n99999999999999999999\n", 0), HasReason("BAD_LABEL"));
  EXPECT_THAT(LabelsFromCsv("l.csv", "1,2\n3\n", 1), HasReason("BAD_LABEL"));
  EXPECT_THAT(LabelsFromCsv("l.csv", "\"3\"\n", 0), HasReason("BAD_LABEL"));
}

TEST(LabelsTest, FoldersAreClassesInByteOrder) {
  ASSERT_OK_AND_ASSIGN(const Labels labels,
                       LabelsFromFolders({"Zebra/1.jpg", "cat/1.jpg", "cat/x/2.jpg", "ant/1.jpg"}));
  EXPECT_THAT(labels.of_row, ElementsAre(0, 2, 2, 1));  // 'Z' is before 'a' in ASCII.
  EXPECT_THAT(labels.class_names, ElementsAre("Zebra", "ant", "cat"));
  EXPECT_THAT(LabelsFromFolders({"1.jpg"}), HasReason("BAD_LABEL"));
  EXPECT_THAT(LabelsFromFolders({"/1.jpg"}), HasReason("BAD_LABEL"));
}

TEST(LabelsTest, PrefixesAreTheDigitsBeforeTheFirstUnderscore) {
  ASSERT_OK_AND_ASSIGN(const Labels labels,
                       LabelsFromPrefixes({"a_b/0007_tench_1.jpg", "12_.png"}));
  EXPECT_THAT(labels.of_row, ElementsAre(7, 12));
  for (const char* bad : {"tench_7.jpg", "7.jpg", "_7.jpg", "-7_x.jpg", "1/x.jpg"}) {
    EXPECT_THAT(LabelsFromPrefixes({bad}), HasReason("BAD_LABEL")) << bad;
  }
}

}  // namespace
}  // namespace quantd
