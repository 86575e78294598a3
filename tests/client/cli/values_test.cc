#include "client/cli/values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using ::quantd::testing::HasReason;
using ::quantd::testing::StatusIs;
using ::testing::ElementsAre;

TEST(ParseFractionTest, LevelsAreExact) {
  const struct {
    const char* text;
    int64_t numerator;
    int64_t denominator;
  } kCases[] = {
      {"0.05", 1, 20},  // 5/100.
      {".05", 1, 20},
      {"5%", 1, 20},
      {"2.5%", 1, 40},  // 25/1000.
      {"1/20", 1, 20},
      {" 3 / 60 ", 1, 20},
      {"0.1", 1, 10},  // No double is 1/10.
      {"0.001", 1, 1000},
      {"0.123456789", 123456789, 1000000000},
      {"0.30000000000000004", 7500000000000001, 25000000000000000},  // Kept, not rounded to 3/10.
      {"0", 0, 1},  // Out of range: for the server to say.
      {"1.5", 3, 2},
      {"1", 1, 1},
      {"-0.05", -1, 20},
      {"1/0", 1, 0},
  };
  for (const auto& c : kCases) {
    ASSERT_OK_AND_ASSIGN(const v1::Fraction fraction, ParseFraction(c.text));
    EXPECT_EQ(fraction.numerator(), c.numerator) << c.text;
    EXPECT_EQ(fraction.denominator(), c.denominator) << c.text;
  }
}

TEST(ParseFractionTest, WhatIsNoLevelIsRefused) {
  for (const char* text :
       {"", "junk", "1/", "/20", "1/2/3", "0.0.5", "1e-2", "0x1", "0.05 0.1", ".", "--1", "%",
        "123456789012345678901", "1.5/20", "0.0000000000000000000000001", "nan"}) {
    EXPECT_THAT(ParseFraction(text).status(), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
}

TEST(ParseNumbersTest, QuotientsAndLists) {
  EXPECT_DOUBLE_EQ(ParseRatio("1/255").value(), 1.0 / 255);
  EXPECT_DOUBLE_EQ(ParseRatio("-0.5").value(), -0.5);
  EXPECT_THAT(ParseNumbers("0.485, 0.456,1/2").value(), ElementsAre(0.485, 0.456, 0.5));
  for (const char* text : {"", "1/0", "1/2/3", "inf", "nan", "a"}) {
    EXPECT_THAT(ParseRatio(text).status(), HasReason("INVALID_VALUE")) << text;
  }
  EXPECT_THAT(ParseNumbers("1,,2").status(), HasReason("INVALID_VALUE"));
}

TEST(ParseSizeTest, WidthComesFirst) {
  EXPECT_EQ(ParseSize("320x240").value(), std::make_pair(320, 240));
  EXPECT_EQ(ParseSize("224").value(), std::make_pair(224, 224));
  for (const char* text : {"", "x", "0x5", "5x", "-1x5", "1x2x3", "70000x1", "axb"}) {
    EXPECT_THAT(ParseSize(text).status(), HasReason("INVALID_VALUE")) << text;
  }
}

TEST(ParsePairTest, BothPartsAreNeeded) {
  EXPECT_EQ(ParsePair("team=a=b").value(), std::make_pair(std::string("team"), std::string("a=b")));
  for (const char* text : {"", "=", "a=", "=b", "ab"})
    EXPECT_THAT(ParsePair(text).status(), HasReason("INVALID_VALUE"));
}

TEST(ParseGateMessageTest, AGateSurvivesBothDirections) {
  ASSERT_OK_AND_ASSIGN(const v1::Gate gate, ParseGateMessage("top1_agreement.lower >= 0.98"));
  EXPECT_EQ(gate.metric(), "top1_agreement");
  EXPECT_EQ(gate.statistic(), v1::Gate::LOWER);
  EXPECT_EQ(gate.comparison(), v1::Gate::AT_LEAST);
  EXPECT_EQ(gate.threshold(), 0.98);
  EXPECT_EQ(FormatGateMessage(gate), "top1_agreement.lower >= 0.98");
  EXPECT_THAT(ParseGateMessage("top1_agreement lower").status(), HasReason("INVALID_GATE"));
}

}  // namespace
}  // namespace quantd
