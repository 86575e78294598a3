// Bad jobs, end to end: each ends with a verdict that says what is wrong and where, and none takes
// the process down.
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <string>

#include "common/file.h"
#include "tests/support/status_matchers.h"
#include "tests/worker/graph/rewrites/nodes.h"
#include "tests/worker/job/job_bench.h"
#include "worker/job/job_runner.h"

namespace quantd {
namespace {

using testing::FloatNpy;
using testing::GraphOf;
using testing::HasReason;
using testing::Int64Npy;
using testing::JobBench;
using testing::NamesField;
using testing::Noise;
using testing::Op;
using testing::Serialized;
using testing::StatusIs;
using testing::TinyGraph;
using testing::TinySpec;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

struct BadInput {
  std::string name;
  std::function<void(JobBench&, v1::JobSpec&)> spoil;  // Turns a good job into a bad one.
  absl::StatusCode code;
  std::string reason;
  std::string field;
  std::map<std::string, std::string> metadata = {};
};

void PrintTo(const BadInput& bad, std::ostream* out) { *out << bad.name; }

void SetModel(JobBench& bench, v1::JobSpec& spec, const std::string& bytes) {
  *spec.mutable_model()->mutable_files(0) = bench.AddFile("tiny.onnx", bytes);
}

void SetRows(JobBench& bench, v1::JobSpec& spec, const std::string& npy) {
  *spec.mutable_data()->mutable_files(0) = bench.AddFile("rows.npy", npy);
}

v1::ParameterValue Number(double value) {
  v1::ParameterValue number;
  number.set_number(value);
  return number;
}

v1::Component Range(const std::string& id, const std::string& parameter, double value) {
  v1::Component component;
  component.set_id(id);
  (*component.mutable_parameters())[parameter] = Number(value);
  return component;
}

std::vector<BadInput> BadModels() {
  return {
      {"EmptyFile", [](auto& bench, auto& spec) { SetModel(bench, spec, ""); }, kInvalid,
       "EMPTY_MODEL", "model"},
      {"TruncatedInTheMiddle",
       [](auto& bench, auto& spec) {
         const std::string whole = testing::TestModel("resnet8_cifar10");
         SetModel(bench, spec, whole.substr(0, whole.size() / 2));
       },
       kInvalid, "MALFORMED_MODEL", "model"},
      {"TruncatedBeforeTheLastByte",
       [](auto& bench, auto& spec) {
         const std::string whole = testing::TestModel("resnet8_cifar10");
         SetModel(bench, spec, whole.substr(0, whole.size() - 1));
       },
       kInvalid, "MALFORMED_MODEL", "model"},
      {"TextFile",
       [](auto& bench, auto& spec) { SetModel(bench, spec, "These are not the weights.\n"); },
       kInvalid, "MALFORMED_MODEL", "model"},
      {"MissingOperator",
       [](auto& bench, auto& spec) {
         Graph graph = TinyGraph();
         graph.nodes[1].op_type = "RandomNormalLike";
         SetModel(bench, spec, Serialized(graph));
       },
       absl::StatusCode::kUnimplemented,
       "UNSUPPORTED_OPERATOR",
       "model.middle",
       {{"op_type", "RandomNormalLike"}, {"node", "middle"}, {"domain", ""}}},
      {"SequenceAsOutput",
       [](auto& bench, auto& spec) {
         Graph graph = TinyGraph();
         graph.nodes.push_back(Op("SequenceConstruct", {"y", "y"}, {"both"}));
         graph.outputs.push_back({.name = "both", .dtype = DataType::kFloat, .is_sequence = true});
         SetModel(bench, spec, Serialized(graph));
       },
       absl::StatusCode::kUnimplemented, "UNSUPPORTED_MODEL", "model.graph.output[both]"},
      {"StringsAsInput",
       [](auto& bench, auto& spec) {
         Graph graph = TinyGraph();
         graph.inputs.push_back({.name = "words", .dtype = DataType::kString});
         SetModel(bench, spec, Serialized(graph));
       },
       absl::StatusCode::kUnimplemented, "UNSUPPORTED_MODEL", "model.graph.input[words]"},
      {"MissingOperatorInABody",
       [](auto& bench, auto& spec) {
         Graph graph = TinyGraph();
         Node& middle = graph.nodes[1];
         const Graph body{.nodes = {Op("RandomNormalLike", {middle.inputs[0]}, {"drawn"})},
                          .outputs = {{.name = "drawn"}}};
         const auto branch = std::make_shared<const Graph>(body);
         middle.op_type = "If";
         middle.inputs = {"condition"};
         middle.attributes = {{"then_branch", branch}, {"else_branch", branch}};
         graph.initializers["condition"] = Tensor::Scalar<bool>(true);
         SetModel(bench, spec, Serialized(graph));
       },
       absl::StatusCode::kUnimplemented,
       "UNSUPPORTED_OPERATOR",
       "model.middle.then_branch.drawn",
       {{"op_type", "RandomNormalLike"}, {"node", "middle.else_branch.drawn"}, {"domain", ""}}},
      {"OperatorWithAnUnsupportedAttribute",
       [](auto& bench, auto& spec) {
         Graph graph = TinyGraph();
         graph.nodes[1].op_type = "Cast";
         graph.nodes[1].attributes = {{"to", int64_t{99}}};
         SetModel(bench, spec, Serialized(graph));
       },
       kInvalid, "BAD_ATTRIBUTE", "model.middle"},
      {"OperatorOfAnotherDomain",
       [](auto& bench, auto& spec) {
         Graph graph = TinyGraph();
         graph.nodes[1].domain = "com.example";
         SetModel(bench, spec, Serialized(graph));
       },
       absl::StatusCode::kUnimplemented,
       "UNSUPPORTED_OPERATOR",
       "model.middle",
       {{"op_type", "Relu"}, {"node", "middle"}, {"domain", "com.example"}}},
      {"NoLayerToQuantize",
       [](auto& bench, auto& spec) {
         Graph graph = TinyGraph();
         graph.nodes = {Op("Relu", {"x"}, {"y"})};
         graph.initializers.clear();
         SetModel(bench, spec, Serialized(graph));
       },
       absl::StatusCode::kFailedPrecondition, "NOTHING_TO_QUANTIZE", ""},
      {"NanAmongTheWeights",
       [](auto& bench, auto& spec) {
         Graph graph = TinyGraph();
         graph.initializers["w2"].mutable_data<float>()[7] = std::nanf("");
         SetModel(bench, spec, Serialized(graph));
       },
       kInvalid, "NON_FINITE_WEIGHT", "model.graph.initializer[w2]"},
      {"OverflowInsideTheModel",
       [](auto& bench, auto& spec) {
         Graph graph = TinyGraph();
         graph.initializers["b1"] = Tensor::Of<float>({5}, {3e38f, 0, 0, 0, 0});
         graph.nodes[1] = Op("Add", {"h", "h"}, {"r"});
         SetModel(bench, spec, Serialized(graph));
       },
       kInvalid, "NON_FINITE_ACTIVATION", "model.r"},
      {"TensorsOfDouble",
       [](auto& bench, auto& spec) {
         Graph graph = TinyGraph();
         graph.inputs[0].dtype = DataType::kDouble;
         SetModel(bench, spec, Serialized(graph));
       },
       kInvalid, "UNSUPPORTED_TYPE", ""},
      {"OutputsThatAreNoRows",
       [](auto& bench, auto& spec) {
         Graph graph = TinyGraph();
         graph.nodes.push_back(Op("ReduceMean", {"y"}, {"mean"}, {{"keepdims", int64_t{0}}}));
         graph.outputs[0] = {.name = "mean", .dtype = DataType::kFloat};
         SetModel(bench, spec, Serialized(graph));
       },
       absl::StatusCode::kUnimplemented, "UNSUPPORTED_OUTPUT_SHAPE", "model.graph.output[mean]"},
      {"OutputsOfMoreRowsThanTheData",
       [](auto& bench, auto& spec) {
         Graph graph = TinyGraph();
         graph.nodes.push_back(Op("Reshape", {"y", "pieces"}, {"z"}));
         graph.initializers["pieces"] = Tensor::Of<int64_t>({2}, {-1, 1});
         graph.outputs[0] = {.name = "z", .dtype = DataType::kFloat};
         SetModel(bench, spec, Serialized(graph));
       },
       absl::StatusCode::kUnimplemented, "UNSUPPORTED_OUTPUT_SHAPE", "model.graph.output[z]"},
      {"BatchFixedToEight",
       [](auto& bench, auto& spec) {
         Graph graph = TinyGraph();
         graph.inputs[0].shape[0] = {8, ""};
         SetModel(bench, spec, Serialized(graph));
       },
       absl::StatusCode::kUnimplemented, "UNSUPPORTED_BATCH", "model.graph.input[x]"},
      {"WrongMainFile",
       [](auto&, auto& spec) { spec.mutable_model()->set_main_file("other.onnx"); }, kInvalid,
       "INVALID_SPEC", "spec.model.main_file"},
      {"UnknownModelFormat", [](auto&, auto& spec) { spec.mutable_model()->set_format("gguf"); },
       kInvalid, "UNKNOWN_FORMAT", "spec.model.format"},
  };
}

std::vector<BadInput> BadData() {
  return {
      {"LabelsForOtherRows",
       [](auto& bench, auto& spec) {
         *spec.mutable_data()->mutable_files(1) =
             bench.AddFile("labels.npy", Int64Npy({39}, testing::Classes(39, 3, 1)));
       },
       kInvalid, "LABEL_COUNT_MISMATCH", "spec.data.labels"},
      {"LabelsOfClassesThatTheModelLacks",
       [](auto& bench, auto& spec) {
         *spec.mutable_data()->mutable_files(1) =
             bench.AddFile("labels.npy", Int64Npy({40}, std::vector<int64_t>(40, 3)));
       },
       kInvalid, "LABEL_OUT_OF_RANGE", "spec.data.labels"},
      {"NanInTheRows",
       [](auto& bench, auto& spec) {
         std::vector<float> rows = Noise(160, -1, 1, 1);
         rows[77] = std::nanf("");
         SetRows(bench, spec, FloatNpy({40, 4}, rows));
       },
       kInvalid, "NOT_FINITE", "spec.data.files[rows.npy]"},
      {"InfinityInTheRows",
       [](auto& bench, auto& spec) {
         std::vector<float> rows = Noise(160, -1, 1, 1);
         rows[3] = std::numeric_limits<float>::infinity();
         SetRows(bench, spec, FloatNpy({40, 4}, rows));
       },
       kInvalid, "NOT_FINITE", "spec.data.files[rows.npy]"},
      {"BoundToAFileThatIsMissing",
       [](auto&, auto& spec) { (*spec.mutable_data()->mutable_bindings())["x"] = "absent.npy"; },
       kInvalid, "UNKNOWN_ARRAY", "spec.data.bindings[x]"},
      {"BoundToAnInputThatIsMissing",
       [](auto&, auto& spec) { (*spec.mutable_data()->mutable_bindings())["z"] = "rows.npy"; },
       kInvalid, "UNKNOWN_INPUT", "spec.data.bindings[z]"},
      {"RowsOfAnotherShape",
       [](auto& bench, auto& spec) {
         SetRows(bench, spec, FloatNpy({40, 5}, Noise(200, -1, 1, 1)));
       },
       kInvalid, "INPUT_SHAPE_MISMATCH", "spec.data.files[rows.npy]"},
      {"TruncatedRows",
       [](auto& bench, auto& spec) {
         const std::string npy = FloatNpy({40, 4}, Noise(160, -1, 1, 1));
         SetRows(bench, spec, npy.substr(0, npy.size() - 1));
       },
       kInvalid, "BAD_DATA", "spec.data.files[rows.npy]"},
      {"NoFileAtAll", [](auto&, auto& spec) { spec.clear_data(); }, kInvalid, "EMPTY_DATA",
       "spec.data.files"},
      {"AllRowsCalibrate", [](auto&, auto& spec) { spec.mutable_calibration()->set_rows(40); },
       kInvalid, "NOT_ENOUGH_ROWS", "calibration.rows"},
      {"MoreEvaluationThanIsLeft",
       [](auto&, auto& spec) { spec.mutable_evaluation()->set_rows(31); }, kInvalid,
       "NOT_ENOUGH_ROWS", "evaluation.rows"},
      {"EvaluatedOnItsCalibrationData",
       [](auto&, auto& spec) { *spec.mutable_evaluation_data() = spec.data(); }, kInvalid,
       "DATA_OVERLAP", "spec.evaluation_data"},
  };
}

std::vector<BadInput> BadRecipes() {
  return {
      {"UnknownPreset", [](auto&, auto& spec) { spec.mutable_recipe()->set_preset("w1a1"); },
       kInvalid, "UNKNOWN_PRESET", "spec.recipe.preset"},
      {"NoRecipe", [](auto&, auto& spec) { spec.clear_recipe(); }, kInvalid, "INCOMPLETE_RECIPE",
       "spec.recipe.weight.range.id"},
      {"UnknownMethod",
       [](auto&, auto& spec) {
         spec.mutable_recipe()->mutable_activation()->mutable_range()->set_id("guess");
       },
       kInvalid, "UNKNOWN_METHOD", "spec.recipe.activation.range.id"},
      {"MethodForActivationsOnly",
       [](auto&, auto& spec) {
         spec.mutable_recipe()->mutable_weight()->mutable_range()->set_id("entropy");
       },
       kInvalid, "INAPPLICABLE_METHOD", "spec.recipe.weight.range.id"},
      {"UnknownTransform",
       [](auto&, auto& spec) { spec.mutable_recipe()->add_transforms()->set_id("rotate"); },
       kInvalid, "UNKNOWN_METHOD", "spec.recipe.transforms[0].id"},
      {"UnknownParameter",
       [](auto&, auto& spec) {
         *spec.mutable_recipe()->mutable_activation()->mutable_range() =
             Range("percentile", "q", 0.9);
       },
       kInvalid, "UNKNOWN_PARAMETER", "spec.recipe.activation.range.parameters[q]"},
      {"ParameterOutOfRange",
       [](auto&, auto& spec) {
         *spec.mutable_recipe()->mutable_activation()->mutable_range() =
             Range("percentile", "p", 1.5);
       },
       kInvalid, "PARAMETER_OUT_OF_RANGE", "spec.recipe.activation.range.parameters[p]"},
      {"ParameterThatIsNoNumber",
       [](auto&, auto& spec) {
         *spec.mutable_recipe()->mutable_activation()->mutable_range() =
             Range("percentile", "p", std::nan(""));
       },
       kInvalid, "PARAMETER_OUT_OF_RANGE", "spec.recipe.activation.range.parameters[p]"},
      {"RuleThatMatchesNothing",
       [](auto&, auto& spec) {
         v1::LayerRule& rule = *spec.mutable_recipe()->add_rules();
         rule.set_node_name("frist");
         rule.set_exclude(true);
       },
       kInvalid, "RULE_MATCHES_NOTHING", "spec.recipe.rules[0]"},
      {"EveryLayerExcluded",
       [](auto&, auto& spec) { spec.mutable_recipe()->add_rules()->set_exclude(true); },
       absl::StatusCode::kFailedPrecondition, "NOTHING_TO_QUANTIZE", ""},
  };
}

void SetAlpha(v1::JobSpec& spec, int64_t numerator, int64_t denominator) {
  spec.mutable_evaluation()->mutable_alpha()->set_numerator(numerator);
  spec.mutable_evaluation()->mutable_alpha()->set_denominator(denominator);
}

BadInput BadFileName(const std::string& name, const std::string& file_name) {
  return {name, [file_name](auto&, auto& spec) { spec.add_exports()->set_file_name(file_name); },
          kInvalid, "INVALID_FILE_NAME", "spec.exports[0].file_name"};
}

std::vector<BadInput> BadRequests() {
  return {
      {"DataFormatThatIsNone",
       [](auto&, auto& spec) {
         spec.mutable_data()->set_format(static_cast<v1::DataInput::Format>(99));
       },
       kInvalid, "INVALID_SPEC", "spec.data.format"},
      {"ChannelOrderThatIsNone",
       [](auto&, auto& spec) {
         spec.mutable_data()->mutable_preprocessing()->set_channels(
             static_cast<v1::Preprocessing::Channels>(-1));
       },
       kInvalid, "INVALID_SPEC", "spec.data.preprocessing.channels"},
      {"AlphaOfZero", [](auto&, auto& spec) { SetAlpha(spec, 0, 1); }, kInvalid, "INVALID_ALPHA",
       "spec.evaluation.alpha"},
      {"AlphaAboveOne", [](auto&, auto& spec) { SetAlpha(spec, 3, 2); }, kInvalid, "INVALID_ALPHA",
       "spec.evaluation.alpha"},
      {"AlphaWithoutDenominator", [](auto&, auto& spec) { SetAlpha(spec, 1, 0); }, kInvalid,
       "INVALID_ALPHA", "spec.evaluation.alpha"},
      {"UnknownMetric", [](auto&, auto& spec) { spec.mutable_evaluation()->add_metrics("luck"); },
       kInvalid, "UNKNOWN_METRIC", "spec.evaluation.metrics[0]"},
      {"TooFewReplicates",
       [](auto&, auto& spec) { spec.mutable_evaluation()->set_bootstrap_replicates(99); }, kInvalid,
       "INVALID_SPEC", "spec.evaluation.bootstrap_replicates"},
      {"NegativeCalibrationRows",
       [](auto&, auto& spec) { spec.mutable_calibration()->set_rows(-1); }, kInvalid,
       "INVALID_SPEC", "spec.calibration.rows"},
      {"NegativeBatch", [](auto&, auto& spec) { spec.mutable_calibration()->set_batch_rows(-4); },
       kInvalid, "INVALID_SPEC", "spec.calibration.batch_rows"},
      {"UnknownExportFormat", [](auto&, auto& spec) { spec.add_exports()->set_format("tflite"); },
       kInvalid, "UNKNOWN_FORMAT", "spec.exports[0].format"},
      {"ExportFormThatCannotHoldTheRecipe",
       [](auto&, auto& spec) {
         spec.add_exports()->set_format("onnx_qdq");
         spec.add_exports()->set_format("onnx_matmul_nbits");
       },
       kInvalid, "FORM_DOES_NOT_FIT", "spec.exports[1].format"},
      {"RuleThatNoFormCanHold",
       [](auto&, auto& spec) {
         spec.mutable_recipe()->add_rules()->mutable_weight()->mutable_format()->set_id("int2_sym");
       },
       kInvalid, "FORM_DOES_NOT_FIT", "spec.recipe"},
      {"RuleThatTheFormCannotHold",
       [](auto&, auto& spec) {
         spec.add_exports()->set_format("onnx_qdq");
         spec.mutable_recipe()->add_rules()->mutable_weight()->mutable_format()->set_id("int2_sym");
       },
       kInvalid, "FORM_DOES_NOT_FIT", "spec.exports[0].format"},
      {"RuleThatGivesAnIncompleteRecipe",
       [](auto&, auto& spec) {
         spec.mutable_recipe()->set_preset("w8");
         spec.mutable_recipe()->add_rules()->mutable_activation()->mutable_format()->set_id("uint8_asym");
       },
       kInvalid, "INCOMPLETE_RECIPE", "spec.recipe.rules[0].activation.range.id"},
      {"RuleThatNoKernelComputes",
       [](auto&, auto& spec) {
         spec.mutable_recipe()->set_preset("w8a8-dynamic");
         spec.mutable_recipe()->add_rules()->mutable_weight()->mutable_format()->set_id("int4_sym");
       },
       kInvalid, "INAPPLICABLE_METHOD", "spec.recipe.rules[0].weight"},
      BadFileName("FileNameWithAFolder", "sub/model.onnx"),
      BadFileName("FileNameThatLeavesTheFolder", "../model.onnx"),
      BadFileName("FileNameOfTheParent", ".."),
      BadFileName("FileNameOfTheFolder", "."),
      BadFileName("AbsoluteFileName", "/tmp/model.onnx"),
      BadFileName("FileNameWithABackslash", "..\\model.onnx"),
      BadFileName("FileNameWithANul", std::string("a\0b", 3)),
      BadFileName("FileNameTooLong", std::string(241, 'a')),
      BadFileName("FileNameOfTheReport", "report.json"),
      {"OneFileNameTwice",
       [](auto&, auto& spec) {
         spec.add_exports()->set_file_name("a.onnx");
         spec.add_exports()->set_file_name("a.onnx");
       },
       kInvalid, "INVALID_FILE_NAME", "spec.exports[1].file_name"},
  };
}

class BadInputTest : public ::testing::TestWithParam<BadInput> {};

TEST_P(BadInputTest, EndsWithAVerdictThatNamesTheFault) {
  const BadInput& bad = GetParam();
  JobBench bench;
  v1::JobSpec spec = TinySpec(bench);
  bad.spoil(bench, spec);
  const absl::Status verdict = bench.Run(spec);
  EXPECT_THAT(verdict, StatusIs(bad.code));
  EXPECT_THAT(verdict, HasReason(bad.reason));
  if (!bad.field.empty()) {
    EXPECT_THAT(verdict, NamesField(bad.field));
  }
  EXPECT_EQ(GetErrorDetails(verdict).metadata, bad.metadata);
  EXPECT_FALSE(verdict.message().empty());
}

std::string NameOf(const ::testing::TestParamInfo<BadInput>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Models, BadInputTest, ::testing::ValuesIn(BadModels()), NameOf);
INSTANTIATE_TEST_SUITE_P(Data, BadInputTest, ::testing::ValuesIn(BadData()), NameOf);
INSTANTIATE_TEST_SUITE_P(Recipes, BadInputTest, ::testing::ValuesIn(BadRecipes()), NameOf);
INSTANTIATE_TEST_SUITE_P(Requests, BadInputTest, ::testing::ValuesIn(BadRequests()), NameOf);

TEST(TruncatedModelTest, APrefixOfAModelDoesNotPassForOne) {
  JobBench bench;
  v1::JobSpec spec = TinySpec(bench);
  const std::string whole = Serialized(TinyGraph());
  for (size_t size = 0; size < whole.size(); size += 13) {
    SetModel(bench, spec, whole.substr(0, size));
    const absl::Status verdict = bench.Run(spec);
    // Where the cut lies between two fields, the rest is a message without an operator set.
    EXPECT_THAT(verdict, ::testing::AnyOf(HasReason("MALFORMED_MODEL"), HasReason("EMPTY_MODEL"),
                                          HasReason("UNSUPPORTED_OPSET")))
        << size << " of " << whole.size() << " bytes";
  }
}

TEST(FailedJobTest, ASpecThatIsNoneIsAnErrorOfTheAgent) {
  JobBench bench;
  ASSERT_OK(WriteFileAtomically(bench.folder().SpecFile(), "no protobuf"));
  EXPECT_THAT(RunJob({.folder = bench.folder()}), StatusIs(absl::StatusCode::kInternal));
  EXPECT_FALSE(FileExists(bench.folder().StatusFile()));
}

TEST(FailedJobTest, NothingIsExportedWhenAJobFails) {
  JobBench bench;
  v1::JobSpec spec = TinySpec(bench);
  spec.add_exports()->set_file_name("../../escaped.onnx");
  EXPECT_FALSE(bench.Run(spec).ok());
  EXPECT_TRUE(bench.OutputFiles().empty());
}

}  // namespace
}  // namespace quantd
