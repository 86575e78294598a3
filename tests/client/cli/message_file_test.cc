#include "client/cli/message_file.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "quantd/v1/spec.pb.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using ::quantd::testing::HasReason;
using ::quantd::testing::NamesField;
using ::quantd::testing::StatusIs;
using ::testing::HasSubstr;

TEST(MessageFileTest, ReadsARecipeWithItsShortForms) {
  v1::Recipe recipe;
  ASSERT_OK(ParseMessage(R"(
preset: w8a8-percentile   # A comment.
activation:
  format: uint8_asym
  range:
    id: percentile
    parameters: {percentile: 99.99, bins: 2048, two_sided: true, mode: "7"}
compensations: [bias_correction]
rules:
  - op_type: Softmax
    exclude: true
)",
                         "r.yaml", &recipe));
  EXPECT_EQ(recipe.preset(), "w8a8-percentile");
  EXPECT_EQ(recipe.activation().format().id(), "uint8_asym");
  const auto& parameters = recipe.activation().range().parameters();
  EXPECT_EQ(parameters.at("percentile").number(), 99.99);
  EXPECT_EQ(parameters.at("bins").integer(), 2048);
  EXPECT_TRUE(parameters.at("two_sided").flag());
  EXPECT_EQ(parameters.at("mode").text(), "7");  // Quoted: a text.
  EXPECT_EQ(recipe.compensations(0).id(), "bias_correction");
  EXPECT_TRUE(recipe.rules(0).exclude());
}

TEST(MessageFileTest, JsonWithTabsAndCamelCaseMeansTheSame) {
  v1::JobSpec yaml;
  v1::JobSpec json;
  ASSERT_OK(ParseMessage(R"(
calibration: {rows: 128}
evaluation: {alpha: 0.05, metrics: [top1_agreement]}
gates: [top1_agreement.lower >= 0.98]
execution: {run_timeout: 90s}
)",
                         "s.yaml", &yaml));
  ASSERT_OK(ParseMessage(
      "{\n\t\"calibration\": {\"rows\": 128},\n\t\"evaluation\": {\"alpha\": {\"numerator\": "
      "\"1\", "
      "\"denominator\": 20}, \"metrics\": [\"top1_agreement\"]},\n\t\"gates\": [{\"metric\": "
      "\"top1_agreement\", \"statistic\": \"LOWER\", \"comparison\": \"at_least\", \"threshold\": "
      "0.98}],\n"
      "\t\"execution\": {\"runTimeout\": \"90s\"}\n}",
      "s.json", &json));
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(yaml, json))
      << yaml.DebugString() << json.DebugString();
}

TEST(MessageFileTest, MistakesAreFoundByLineAndField) {
  const struct {
    const char* text;
    const char* place;
    const char* problem;
  } kCases[] = {
      {"preset: a\nactivation:\n  rouding: nearest\n",
       "r.yaml:3:3: activation.rouding: ", "did you mean 'rounding'?"},
      {"rules:\n- exclude: perhaps\n", "r.yaml:2:12: rules[0].exclude: ", "neither true nor false"},
      {"weight: [a]\n", "r.yaml:1:9: weight: ", "fields are expected"},
      {"preset: {a: b}\n", "r.yaml:1:9: preset: ", "single value"},
      {"weight:\n  range: {parameters: 7}\n",
       "r.yaml:2:23: weight.range.parameters: ", "pairs are expected"},
      {"preset: [unclosed\n", "r.yaml:", ""},
      {"- a\n- b\n", "r.yaml:1:1: document: ", "fields are expected"},
      {"", "r.yaml: ", "empty"},
      {"preset: a\n---\npreset: b\n", "r.yaml: ", "one document"},
      {"compensations:\n- {id: a, parameters: {x: {number: 1, text: b}}}\n",
       "r.yaml:2:", "only one field of 'value'"},
  };
  for (const auto& c : kCases) {
    v1::Recipe recipe;
    const absl::Status status = ParseMessage(c.text, "r.yaml", &recipe);
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.place))) << c.text;
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.problem)))
        << c.text;
    EXPECT_THAT(status, HasReason("INVALID_FILE"));
  }
  v1::Recipe recipe;
  EXPECT_THAT(ParseMessage("activation: {rouding: x}", "r.yaml", &recipe),
              NamesField("activation.rouding"));
}

TEST(MessageFileTest, NumbersMustFitTheirField) {
  v1::JobSpec spec;
  for (const char* text :
       {"calibration: {rows: 3000000000}", "calibration: {rows: 1.5}", "calibration: {seed: -1}",
        "evaluation: {alpha: lots}", "gates: ['x >']", "data: {preprocessing: {mean: [1, a]}}",
        "data: {format: PNG}", "execution: {run_timeout: soon}"}) {
    EXPECT_THAT(ParseMessage(text, "s.yaml", &spec), HasReason("INVALID_FILE")) << text;
  }
}

TEST(MessageFileTest, DeepNestingAndAliasBombsEnd) {
  v1::Recipe recipe;
  std::string deep = "weight: ";
  for (int i = 0; i < 200; ++i) deep += "{range: ";
  EXPECT_THAT(ParseMessage(deep, "r.yaml", &recipe), HasReason("INVALID_FILE"));
}

TEST(MessageFileTest, AMissingFileIsNamed) {
  v1::Recipe recipe;
  EXPECT_THAT(ReadMessageFile("/no/such.yaml", &recipe),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/no/such.yaml")));
}

}  // namespace
}  // namespace quantd
