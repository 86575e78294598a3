#include "worker/graph/operator_arity.h"

#include <gmock/gmock.h>

namespace quantd {
namespace {

using ::testing::HasSubstr;

std::string Problem(const std::string& type, std::vector<std::string> inputs, std::vector<std::string> outputs,
                    const std::string& domain = "") {
  return ArityProblem({.name = "n",
                       .op_type = type,
                       .domain = domain,
                       .inputs = std::move(inputs),
                       .outputs = std::move(outputs)});
}

TEST(OperatorArityTest, TakesWhatTheStandardAllows) {
  EXPECT_EQ(Problem("Relu", {"x"}, {"y"}), "");
  EXPECT_EQ(Problem("Conv", {"x", "w"}, {"y"}), "");
  EXPECT_EQ(Problem("Conv", {"x", "w", "b"}, {"y"}), "");
  EXPECT_EQ(Problem("Clip", {"x", "", "high"}, {"y"}), "");
  EXPECT_EQ(Problem("Resize", {"x", "", "", "sizes"}, {"y"}), "");
  EXPECT_EQ(Problem("Concat", std::vector<std::string>(100, "x"), {"y"}), "");
  EXPECT_EQ(Problem("Loop", {"", "", "state"}, {"y"}), "");
  EXPECT_EQ(Problem("LSTM", {"x", "w", "r"}, {"", "", "state"}), "");
  // A list may end with absent inputs that the operator does not even have.
  EXPECT_EQ(Problem("Relu", {"x", "", ""}, {"y"}), "");
  // Both the form with attributes, until version 12, and the one with inputs.
  EXPECT_EQ(Problem("Unsqueeze", {"x"}, {"y"}), "");
  EXPECT_EQ(Problem("Unsqueeze", {"x", "axes"}, {"y"}), "");
}

TEST(OperatorArityTest, SaysWhatIsMissingOrTooMuch) {
  EXPECT_THAT(Problem("Add", {"a"}, {"y"}), HasSubstr("number 2 is not given"));
  EXPECT_THAT(Problem("Add", {"", "b"}, {"y"}), HasSubstr("number 1 is not given"));
  EXPECT_THAT(Problem("BatchNormalization", {"x", "s", "b", "m", ""}, {"y"}), HasSubstr("number 5 is not given"));
  EXPECT_THAT(Problem("MatMul", {"a", "b", "c"}, {"y"}), HasSubstr("at most 2"));
  EXPECT_THAT(Problem("Identity", {"x"}, {"y", "z"}), HasSubstr("makes at most 1"));
  EXPECT_THAT(Problem("Relu", {"x"}, {}), HasSubstr("no outputs"));
}

TEST(OperatorArityTest, KnowsNothingOfOtherOperators) {
  EXPECT_EQ(Problem("Relu", {}, {"y"}, "com.example"), "");
  EXPECT_EQ(Problem("NoSuchOperator", {}, {"y", "z"}), "");
}

}  // namespace
}  // namespace quantd
