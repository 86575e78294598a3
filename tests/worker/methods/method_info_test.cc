#include "worker/methods/method_info.h"

#include <cmath>

#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr ParamSpec kSpecs[] = {
    {.name = "p", .min = 0.5, .max = 1, .initial = 0.75},
    {.name = "rounds", .type = ParamType::kInteger, .min = 1, .max = 10, .initial = 3}};

std::string ReasonOf(const Component& component) {
  const std::vector<ParamProblem> problems = CheckParams(kSpecs, component);
  return problems.empty() ? "" : problems[0].reason;
}

TEST(ParamsTest, AbsentOnesHaveTheirInitialValue) {
  const Params params(kSpecs, {"m", {{"rounds", int64_t{7}}}});
  EXPECT_EQ(params.Get("p"), 0.75);
  EXPECT_EQ(params.Get("rounds"), 7);
}

TEST(ParamsTest, LimitsAreInclusive) {
  EXPECT_EQ(ReasonOf({"m", {{"p", 0.5}, {"rounds", int64_t{10}}}}), "");
  EXPECT_EQ(ReasonOf({"m", {{"p", 1.0}, {"rounds", 1.0}}}), "");
  EXPECT_EQ(ReasonOf({"m", {{"p", 0.4999}}}), "PARAMETER_OUT_OF_RANGE");
  EXPECT_EQ(ReasonOf({"m", {{"p", 1.0001}}}), "PARAMETER_OUT_OF_RANGE");
  EXPECT_EQ(ReasonOf({"m", {{"rounds", int64_t{0}}}}), "PARAMETER_OUT_OF_RANGE");
}

TEST(ParamsTest, OnlyNumbersAreNumbers) {
  EXPECT_EQ(ReasonOf({"m", {{"p", std::string("0.75")}}}), "PARAMETER_OUT_OF_RANGE");
  EXPECT_EQ(ReasonOf({"m", {{"p", true}}}), "PARAMETER_OUT_OF_RANGE");
  EXPECT_EQ(ReasonOf({"m", {{"p", std::nan("")}}}), "PARAMETER_OUT_OF_RANGE");
  EXPECT_EQ(ReasonOf({"m", {{"rounds", 2.5}}}), "PARAMETER_OUT_OF_RANGE");
}

TEST(ParamsTest, EveryProblemIsTold) {
  const std::vector<ParamProblem> problems =
      CheckParams(kSpecs, {"m", {{"p", 2.0}, {"q", 1.0}, {"rounds", 0.5}}});
  ASSERT_THAT(problems, SizeIs(3));
  EXPECT_EQ(problems[0].name, "p");
  EXPECT_THAT(problems[0].description, HasSubstr("a number from 0.5 to 1"));
  EXPECT_EQ(problems[1].name, "q");
  EXPECT_EQ(problems[1].reason, "UNKNOWN_PARAMETER");
  EXPECT_THAT(problems[1].description, HasSubstr("p, rounds"));
  EXPECT_THAT(problems[2].description, HasSubstr("an integer from 1 to 10"));
}

TEST(ParamsTest, AMethodWithoutParametersSaysSo) {
  const std::vector<ParamProblem> problems = CheckParams({}, {"minmax", {{"p", 1.0}}});
  ASSERT_THAT(problems, SizeIs(1));
  EXPECT_EQ(problems[0].description, "'minmax' takes no parameters");
  EXPECT_THAT(CheckParams({}, {"minmax"}), IsEmpty());
}

}  // namespace
}  // namespace quantd
