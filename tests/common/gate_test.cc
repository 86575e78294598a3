#include "common/gate.h"

#include <cmath>

#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using ::quantd::testing::HasReason;
using ::quantd::testing::IsOkAndHolds;
using ::quantd::testing::NamesField;
using ::testing::HasSubstr;

TEST(Gate, ReadsEveryStatisticAndComparison) {
  EXPECT_THAT(
      ParseGate("top1_agreement.lower >= 0.98"),
      IsOkAndHolds(Gate{"top1_agreement", GateStatistic::kLower, GateComparison::kAtLeast, 0.98}));
  EXPECT_THAT(
      ParseGate("kl.conformal_upper<=.05"),
      IsOkAndHolds(Gate{"kl", GateStatistic::kConformalUpper, GateComparison::kAtMost, 0.05}));
  EXPECT_THAT(ParseGate("  accuracy_difference > -1e-2 "),
              IsOkAndHolds(Gate{"accuracy_difference", GateStatistic::kValue,
                                GateComparison::kAbove, -0.01}));
  EXPECT_THAT(ParseGate("kl.value<3"),
              IsOkAndHolds(Gate{"kl", GateStatistic::kValue, GateComparison::kBelow, 3}));
  EXPECT_THAT(ParseGate("x.upper < 3"),
              IsOkAndHolds(Gate{"x", GateStatistic::kUpper, GateComparison::kBelow, 3}));
}

TEST(Gate, PointsAtWhatItCanNotRead) {
  const absl::Status status = ParseGate("top1_agreement => 0.98").status();
  EXPECT_THAT(status, HasReason("INVALID_GATE"));
  EXPECT_THAT(status, NamesField("gate"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("expected >=, <=, > or < at column 16\n"
                                                       "  top1_agreement => 0.98\n"
                                                       "                 ^\n"));
}

TEST(Gate, RefusesMalformedText) {
  for (const std::string& text :
       {std::string(), std::string("kl"), std::string("kl <="), std::string("kl.mean <= 1"),
        std::string("kl. <= 1"), std::string("<= 1"), std::string("kl <= nan"),
        std::string("kl <= inf"), std::string("kl <= 1e999"), std::string("kl <= 1 nat"),
        std::string("KL <= 1"), std::string("kl == 1"), std::string("kl <= 0.5 x"),
        std::string("9kl < 1"), std::string("kl\0<1", 5), std::string("\xff\xfe < 1"),
        std::string(1000, 'k') + " < 1"}) {
    EXPECT_THAT(ParseGate(text), HasReason("INVALID_GATE")) << text;
  }
}

TEST(Gate, FormattingAndParsingAreInverse) {
  for (const double threshold :
       {0.98, -0.01, 1.0 / 3, 5e-324, 1.7976931348623157e308, 0.0, 123456789.0}) {
    const Gate gate{"kl", GateStatistic::kUpper, GateComparison::kAtMost, threshold};
    EXPECT_THAT(ParseGate(FormatGate(gate)), IsOkAndHolds(gate));
  }
  EXPECT_EQ(FormatGate({"top1_agreement", GateStatistic::kLower, GateComparison::kAtLeast, 0.98}),
            "top1_agreement.lower >= 0.98");
  EXPECT_EQ(FormatGate({"kl", GateStatistic::kValue, GateComparison::kBelow, 0.1}), "kl < 0.1");
}

GateObservation Observed(double value, double lower, double upper) {
  GateObservation observation;
  observation.value = value;
  observation.confidence = GateInterval{.lower = lower, .upper = upper};
  observation.conformal = GateInterval{.upper = upper, .lower_infinite = true};
  return observation;
}

GateOutcome Decide(const std::string& text, const GateObservation& observation) {
  return EvaluateGate(ParseGate(text).value(), observation).outcome;
}

TEST(Gate, AValueDecidesByItself) {
  const GateObservation observation = Observed(0.98, 0.9, 0.99);
  EXPECT_EQ(Decide("m >= 0.98", observation), GateOutcome::kPassed);
  EXPECT_EQ(Decide("m > 0.98", observation), GateOutcome::kFailed);
  EXPECT_EQ(Decide("m <= 0.98", observation), GateOutcome::kPassed);
  EXPECT_EQ(Decide("m < 0.98", observation), GateOutcome::kFailed);
}

TEST(Gate, ABoundPassesFailsOrLeavesItOpen) {
  const GateObservation observation = Observed(0.97, 0.96, 0.98);
  // The lower end meets it; even the upper end misses it; the threshold lies in between.
  EXPECT_EQ(Decide("m.lower >= 0.95", observation), GateOutcome::kPassed);
  EXPECT_EQ(Decide("m.lower >= 0.99", observation), GateOutcome::kFailed);
  EXPECT_EQ(Decide("m.lower >= 0.97", observation), GateOutcome::kInconclusive);
  EXPECT_EQ(Decide("m.upper <= 0.99", observation), GateOutcome::kPassed);
  EXPECT_EQ(Decide("m.upper <= 0.95", observation), GateOutcome::kFailed);
  EXPECT_EQ(Decide("m.upper <= 0.97", observation), GateOutcome::kInconclusive);
  // On the very edge.
  EXPECT_EQ(Decide("m.lower >= 0.96", observation), GateOutcome::kPassed);
  EXPECT_EQ(Decide("m.lower >= 0.98", observation), GateOutcome::kInconclusive);
  EXPECT_EQ(Decide("m.lower > 0.98", observation), GateOutcome::kFailed);
}

TEST(Gate, AConformalBoundIsOneSided) {
  const GateObservation observation = Observed(0.01, 0.005, 0.04);
  EXPECT_EQ(Decide("kl.conformal_upper <= 0.05", observation), GateOutcome::kPassed);
  EXPECT_EQ(Decide("kl.conformal_upper <= 0.03", observation), GateOutcome::kFailed);
}

TEST(Gate, WhatIsNotKnownIsInconclusive) {
  GateObservation observation = Observed(std::nan(""), 0.9, 0.99);
  EXPECT_EQ(Decide("m >= 0", observation), GateOutcome::kInconclusive);

  observation.confidence->sufficient = false;
  EXPECT_EQ(Decide("m.lower >= 0", observation), GateOutcome::kInconclusive);

  observation.confidence = GateInterval{.lower = 0, .upper = 0, .upper_infinite = true};
  EXPECT_EQ(Decide("m.upper <= 5", observation), GateOutcome::kInconclusive);
  // The upper end could be anywhere above, so a missed lower end proves nothing.
  EXPECT_EQ(Decide("m.lower >= 5", observation), GateOutcome::kInconclusive);

  observation.conformal->upper_infinite = true;
  EXPECT_EQ(Decide("m.conformal_upper <= 5", observation), GateOutcome::kInconclusive);

  const GateObservation nothing{.absent_reason = "the data has no labels"};
  for (const char* text : {"m > 0", "m.lower > 0", "m.upper > 0", "m.conformal_upper > 0"}) {
    const GateDecision decision = EvaluateGate(ParseGate(text).value(), nothing);
    EXPECT_EQ(decision.outcome, GateOutcome::kInconclusive);
    EXPECT_THAT(decision.explanation, HasSubstr("the data has no labels"));
  }
}

TEST(Gate, ExplainsItselfWithTheFigures) {
  const GateObservation observation = Observed(0.97, 0.96, 0.98);
  const auto explain = [&](const char* text) {
    return EvaluateGate(ParseGate(text).value(), observation).explanation;
  };
  EXPECT_EQ(explain("m.lower >= 0.95"), "Passed: the lower end of m is 0.96, which meets >= 0.95.");
  EXPECT_EQ(explain("m.lower >= 0.99"),
            "Failed: all of the interval of m, 0.96 to 0.98, misses >= 0.99.");
  EXPECT_EQ(explain("m.lower >= 0.97"),
            "Inconclusive: the lower end misses the threshold, but the interval of m, 0.96 to "
            "0.98, holds it; more evaluation rows would tell, so m.lower >= 0.97 can not be "
            "decided.");
}

}  // namespace
}  // namespace quantd
