// What is wrong with a spec whatever the server has.
#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/rpc/spec_check.h"
#include "tests/server/rpc/sample_spec.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using testing::FileOf;
using testing::HasReason;
using testing::NamesField;
using testing::SampleSpec;
using testing::StatusIs;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Fault {
  std::string name;
  std::function<void(v1::JobSpec&)> make;
  std::string field;
  std::string reason = "INVALID_SPEC";
};

absl::Status CheckOf(const v1::JobSpec& spec) {
  SpecProblems problems;
  CheckStructure(spec, problems);
  return problems.ToStatus();
}

inline void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.name; }

class SpecFault : public ::testing::TestWithParam<Fault> {};

TEST_P(SpecFault, IsNamedByReasonAndFieldAndIsTheOnlyOne) {
  v1::JobSpec spec = SampleSpec();
  GetParam().make(spec);
  const absl::Status status = CheckOf(spec);
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(status, HasReason(GetParam().reason));
  EXPECT_THAT(status, NamesField(GetParam().field));
  EXPECT_EQ(GetErrorDetails(status).violations.size(), 1u) << status;
}

v1::Preprocessing* Pre(v1::JobSpec& s) { return s.mutable_data()->mutable_preprocessing(); }
v1::FileRef* ModelFile(v1::JobSpec& s) { return s.mutable_model()->mutable_files(0); }
v1::FileRef* DataFile(v1::JobSpec& s) { return s.mutable_data()->mutable_files(0); }
v1::ExecutionSpec* Execution(v1::JobSpec& s) { return s.mutable_execution(); }

void SetAlpha(v1::JobSpec& spec, int64_t numerator, int64_t denominator) {
  spec.mutable_evaluation()->mutable_alpha()->set_numerator(numerator);
  spec.mutable_evaluation()->mutable_alpha()->set_denominator(denominator);
}

void AddExport(v1::JobSpec& spec, const std::string& format, const std::string& file_name) {
  spec.add_exports()->set_format(format);
  spec.mutable_exports(spec.exports_size() - 1)->set_file_name(file_name);
}

void AddParameters(v1::Component& component, int count) {
  for (int i = 0; i < count; ++i) {
    (*component.mutable_parameters())[absl::StrCat("p", i)].set_number(1);
  }
}

const Fault kInputFaults[] = {
    {"TooLarge", [](auto& s) { DataFile(s)->set_name(std::string(16 << 20, 'x')); }, "spec"},
    {"NoModel", [](auto& s) { s.clear_model(); }, "spec.model.files"},
    {"TooManyModelFiles",
     [](auto& s) {
       for (int i = 0; i < 4096; ++i) {
         *s.mutable_model()->add_files() = FileOf(absl::StrCat("f", i), "x");
       }
       s.mutable_model()->set_main_file("model.onnx");
     },
     "spec.model.files"},
    {"NoFileName", [](auto& s) { ModelFile(s)->clear_name(); }, "spec.model.files[0].name"},
    {"AbsoluteName", [](auto& s) { ModelFile(s)->set_name("/etc/passwd"); },
     "spec.model.files[0].name"},
    {"NameThatClimbs", [](auto& s) { ModelFile(s)->set_name("a/../../b"); },
     "spec.model.files[0].name"},
    {"NameWithADot", [](auto& s) { ModelFile(s)->set_name("./b"); }, "spec.model.files[0].name"},
    {"NameWithAnEmptyPart", [](auto& s) { ModelFile(s)->set_name("a//b"); },
     "spec.model.files[0].name"},
    {"NameOfAFolder", [](auto& s) { ModelFile(s)->set_name("a/"); }, "spec.model.files[0].name"},
    {"NameWithNul", [](auto& s) { ModelFile(s)->set_name(std::string("a\0b", 3)); },
     "spec.model.files[0].name"},
    {"LongName", [](auto& s) { ModelFile(s)->set_name(std::string(1025, 'n')); },
     "spec.model.files[0].name"},
    {"NameTwice", [](auto& s) { *s.mutable_data()->add_files() = s.data().files(0); },
     "spec.data.files[1].name"},
    {"NoDigest", [](auto& s) { ModelFile(s)->clear_digest(); }, "spec.model.files[0].digest"},
    {"UpperCaseDigest", [](auto& s) { DataFile(s)->set_digest(std::string(64, 'A')); },
     "spec.data.files[0].digest"},
    {"NegativeSize", [](auto& s) { DataFile(s)->set_size_bytes(-1); },
     "spec.data.files[0].size_bytes"},
    {"NoMainFile", [](auto& s) { *s.mutable_model()->add_files() = FileOf("weights.bin", "w"); },
     "spec.model.main_file"},
    {"UnknownMainFile", [](auto& s) { s.mutable_model()->set_main_file("other.onnx"); },
     "spec.model.main_file"},
    {"ModelFormatThatIsNoWord", [](auto& s) { s.mutable_model()->set_format("on nx"); },
     "spec.model.format"},
    {"NoData", [](auto& s) { s.clear_data(); }, "spec.data.files"},
    {"UnknownDataFormat",
     [](auto& s) { s.mutable_data()->set_format(static_cast<v1::DataInput::Format>(99)); },
     "spec.data.format"},
    {"TooManyBindings",
     [](auto& s) {
       for (int i = 0; i < 257; ++i) (*s.mutable_data()->mutable_bindings())[std::to_string(i)];
     },
     "spec.data.bindings"},
    {"NegativeLabelColumn", [](auto& s) { s.mutable_data()->mutable_labels()->set_column(-1); },
     "spec.data.labels.column"},
    {"EmptyEvaluationData", [](auto& s) { s.mutable_evaluation_data(); },
     "spec.evaluation_data.files"},
};

const Fault kPreprocessingFaults[] = {
    {"NegativeWidth",
     [](auto& s) {
       Pre(s)->set_resize_width(-1);
       Pre(s)->set_resize_height(8);
     },
     "spec.data.preprocessing.resize_width"},
    {"HugeHeight",
     [](auto& s) {
       Pre(s)->set_resize_width(8);
       Pre(s)->set_resize_height(65'536);
     },
     "spec.data.preprocessing.resize_height"},
    {"WidthAlone", [](auto& s) { Pre(s)->set_resize_width(8); },
     "spec.data.preprocessing.resize_width"},
    {"HeightAlone", [](auto& s) { Pre(s)->set_resize_height(8); },
     "spec.data.preprocessing.resize_width"},
    {"TwoWaysToResize",
     [](auto& s) {
       Pre(s)->set_resize_width(8);
       Pre(s)->set_resize_height(8);
       Pre(s)->set_resize_shorter_side(8);
     },
     "spec.data.preprocessing.resize_shorter_side"},
    {"NegativeShorterSide", [](auto& s) { Pre(s)->set_resize_shorter_side(-8); },
     "spec.data.preprocessing.resize_shorter_side"},
    {"CropWidthAlone", [](auto& s) { Pre(s)->set_crop_width(8); },
     "spec.data.preprocessing.crop_width"},
    {"NegativeCropHeight",
     [](auto& s) {
       Pre(s)->set_crop_width(8);
       Pre(s)->set_crop_height(-8);
     },
     "spec.data.preprocessing.crop_height"},
    {"UnknownLayout",
     [](auto& s) { Pre(s)->set_layout(static_cast<v1::Preprocessing::Layout>(9)); },
     "spec.data.preprocessing.layout"},
    {"UnknownChannels",
     [](auto& s) { Pre(s)->set_channels(static_cast<v1::Preprocessing::Channels>(9)); },
     "spec.data.preprocessing.channels"},
    {"InfiniteScale", [](auto& s) { Pre(s)->set_scale(kInfinity); },
     "spec.data.preprocessing.scale"},
    {"NanMean", [](auto& s) { Pre(s)->add_mean(kNan); }, "spec.data.preprocessing.mean"},
    {"TooManyMeans", [](auto& s) { Pre(s)->mutable_mean()->Resize(4097, 0); },
     "spec.data.preprocessing.mean"},
    {"ZeroStd", [](auto& s) { Pre(s)->add_std(0); }, "spec.data.preprocessing.std"},
    {"InfiniteStd", [](auto& s) { Pre(s)->add_std(kInfinity); }, "spec.data.preprocessing.std"},
    {"TooManyStds", [](auto& s) { Pre(s)->mutable_std()->Resize(4097, 1); },
     "spec.data.preprocessing.std"},
};

const Fault kRecipeFaults[] = {
    {"NoRecipe", [](auto& s) { s.clear_recipe(); }, "spec.recipe"},
    {"PresetThatIsNoWord", [](auto& s) { s.mutable_recipe()->set_preset("w8\na8"); },
     "spec.recipe.preset"},
    {"LongPreset", [](auto& s) { s.mutable_recipe()->set_preset(std::string(65, 'p')); },
     "spec.recipe.preset"},
    {"TransformWithoutId", [](auto& s) { s.mutable_recipe()->add_transforms(); },
     "spec.recipe.transforms[0].id"},
    {"CompensationWithoutId", [](auto& s) { s.mutable_recipe()->add_compensations(); },
     "spec.recipe.compensations[0].id"},
    {"RecoveryWithoutId", [](auto& s) { s.mutable_recipe()->add_recoveries(); },
     "spec.recipe.recoveries[0].id"},
    {"TooManyTransforms",
     [](auto& s) {
       for (int i = 0; i < 65; ++i) s.mutable_recipe()->add_transforms()->set_id("t");
     },
     "spec.recipe.transforms"},
    {"ComponentThatIsNoWord",
     [](auto& s) {
       s.mutable_recipe()->mutable_activation()->mutable_range()->set_id("range:mse");
     },
     "spec.recipe.activation.range.id"},
    {"TooManyParameters",
     [](auto& s) {
       v1::Component& range = *s.mutable_recipe()->mutable_weight()->mutable_range();
       range.set_id("mse");
       AddParameters(range, 65);
     },
     "spec.recipe.weight.range.id"},
    {"TooManyRules",
     [](auto& s) {
       for (int i = 0; i < 1025; ++i) s.mutable_recipe()->add_rules()->set_op_type("Conv");
     },
     "spec.recipe.rules"},
    {"RuleWithoutAPattern", [](auto& s) { s.mutable_recipe()->add_rules()->set_exclude(true); },
     "spec.recipe.rules[0]"},
    {"RuleThatExcludesAndSets",
     [](auto& s) {
       v1::LayerRule& rule = *s.mutable_recipe()->add_rules();
       rule.set_op_type("Conv");
       rule.set_exclude(true);
       rule.mutable_weight()->mutable_range()->set_id("minmax");
     },
     "spec.recipe.rules[0]"},
};

const Fault kEvaluationFaults[] = {
    {"NegativeCalibrationRows", [](auto& s) { s.mutable_calibration()->set_rows(-1); },
     "spec.calibration.rows"},
    {"TooManyCalibrationRows", [](auto& s) { s.mutable_calibration()->set_rows(1'000'001); },
     "spec.calibration.rows"},
    {"HugeBatch", [](auto& s) { s.mutable_calibration()->set_batch_rows(65'537); },
     "spec.calibration.batch_rows"},
    {"AlphaZero", [](auto& s) { SetAlpha(s, 0, 20); }, "spec.evaluation.alpha", "INVALID_ALPHA"},
    {"AlphaOne", [](auto& s) { SetAlpha(s, 1, 1); }, "spec.evaluation.alpha", "INVALID_ALPHA"},
    {"AlphaAboveOne", [](auto& s) { SetAlpha(s, 3, 2); }, "spec.evaluation.alpha", "INVALID_ALPHA"},
    {"AlphaNegative", [](auto& s) { SetAlpha(s, -1, -20); }, "spec.evaluation.alpha",
     "INVALID_ALPHA"},
    {"AlphaUnset", [](auto& s) { s.mutable_evaluation()->mutable_alpha(); },
     "spec.evaluation.alpha", "INVALID_ALPHA"},
    {"AlphaTooFine", [](auto& s) { SetAlpha(s, 1, 1'000'000'001); }, "spec.evaluation.alpha",
     "INVALID_ALPHA"},
    {"NegativeRows", [](auto& s) { s.mutable_evaluation()->set_rows(-1); }, "spec.evaluation.rows"},
    {"FewReplicates", [](auto& s) { s.mutable_evaluation()->set_bootstrap_replicates(99); },
     "spec.evaluation.bootstrap_replicates"},
    {"ManyReplicates", [](auto& s) { s.mutable_evaluation()->set_bootstrap_replicates(1'000'001); },
     "spec.evaluation.bootstrap_replicates"},
    {"TooManyMetrics",
     [](auto& s) {
       for (int i = 0; i < 65; ++i) s.mutable_evaluation()->add_metrics("kl");
     },
     "spec.evaluation.metrics"},
    {"MetricThatIsNoWord", [](auto& s) { s.mutable_evaluation()->add_metrics("k l"); },
     "spec.evaluation.metrics[0]"},
    {"GateWithoutMetric", [](auto& s) { s.mutable_gates(0)->clear_metric(); },
     "spec.gates[0].metric", "INVALID_GATE"},
    {"GateWithoutStatistic", [](auto& s) { s.mutable_gates(0)->clear_statistic(); },
     "spec.gates[0].statistic", "INVALID_GATE"},
    {"GateOfAnUnknownStatistic",
     [](auto& s) { s.mutable_gates(0)->set_statistic(static_cast<v1::Gate::Statistic>(5)); },
     "spec.gates[0].statistic", "INVALID_GATE"},
    {"GateWithoutComparison", [](auto& s) { s.mutable_gates(0)->clear_comparison(); },
     "spec.gates[0].comparison", "INVALID_GATE"},
    {"GateOfAnUnknownComparison",
     [](auto& s) { s.mutable_gates(0)->set_comparison(static_cast<v1::Gate::Comparison>(5)); },
     "spec.gates[0].comparison", "INVALID_GATE"},
    {"GateAtNan", [](auto& s) { s.mutable_gates(0)->set_threshold(kNan); },
     "spec.gates[0].threshold", "INVALID_GATE"},
    {"GateAtInfinity", [](auto& s) { s.mutable_gates(0)->set_threshold(-kInfinity); },
     "spec.gates[0].threshold", "INVALID_GATE"},
    {"TooManyGates",
     [](auto& s) {
       for (int i = 0; i < 64; ++i) *s.add_gates() = s.gates(0);
     },
     "spec.gates"},
};

const Fault kExportFaults[] = {
    {"ExportWithoutFormat", [](auto& s) { AddExport(s, "", "a.onnx"); }, "spec.exports[0].format"},
    {"ExportFormatThatIsNoWord", [](auto& s) { AddExport(s, "on nx", "a.onnx"); },
     "spec.exports[0].format"},
    {"ExportIntoAFolder", [](auto& s) { AddExport(s, "onnx_qdq", "a/b.onnx"); },
     "spec.exports[0].file_name"},
    {"ExportThatClimbs", [](auto& s) { AddExport(s, "onnx_qdq", ".."); },
     "spec.exports[0].file_name"},
    {"ExportOverTheReport", [](auto& s) { AddExport(s, "onnx_qdq", "report.json"); },
     "spec.exports[0].file_name"},
    {"ExportOverTheRows", [](auto& s) { AddExport(s, "onnx_qdq", "rows.csv"); },
     "spec.exports[0].file_name"},
    {"TwoExportsOfOneName",
     [](auto& s) {
       AddExport(s, "onnx_qdq", "a.onnx");
       AddExport(s, "onnx_qdq", "a.onnx");
     },
     "spec.exports[1].file_name"},
    {"TwoExportsWithoutAName",
     [](auto& s) {
       AddExport(s, "onnx_qdq", "");
       AddExport(s, "onnx_qdq", "");
     },
     "spec.exports[1].file_name"},
    {"TooManyExports",
     [](auto& s) {
       for (int i = 0; i < 9; ++i) AddExport(s, "onnx_qdq", absl::StrCat(i, ".onnx"));
     },
     "spec.exports"},
};

const Fault kExecutionFaults[] = {
    {"LowPriority", [](auto& s) { Execution(s)->set_priority(-101); }, "spec.execution.priority"},
    {"HighPriority", [](auto& s) { Execution(s)->set_priority(101); }, "spec.execution.priority"},
    {"NegativeAttempts", [](auto& s) { Execution(s)->set_max_attempts(-1); },
     "spec.execution.max_attempts"},
    {"ElevenAttempts", [](auto& s) { Execution(s)->set_max_attempts(11); },
     "spec.execution.max_attempts"},
    {"NegativeThreads", [](auto& s) { Execution(s)->set_threads(-1); }, "spec.execution.threads"},
    {"TooManyThreads", [](auto& s) { Execution(s)->set_threads(1025); }, "spec.execution.threads"},
    {"NoQueueTimeoutAtAll", [](auto& s) { Execution(s)->mutable_queue_timeout(); },
     "spec.execution.queue_timeout"},
    {"NegativeRunTimeout", [](auto& s) { Execution(s)->mutable_run_timeout()->set_seconds(-1); },
     "spec.execution.run_timeout"},
};

std::string NameOf(const ::testing::TestParamInfo<Fault>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Input, SpecFault, ::testing::ValuesIn(kInputFaults), NameOf);
INSTANTIATE_TEST_SUITE_P(Preprocessing, SpecFault, ::testing::ValuesIn(kPreprocessingFaults),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(Recipe, SpecFault, ::testing::ValuesIn(kRecipeFaults), NameOf);
INSTANTIATE_TEST_SUITE_P(Evaluation, SpecFault, ::testing::ValuesIn(kEvaluationFaults), NameOf);
INSTANTIATE_TEST_SUITE_P(Exports, SpecFault, ::testing::ValuesIn(kExportFaults), NameOf);
INSTANTIATE_TEST_SUITE_P(Execution, SpecFault, ::testing::ValuesIn(kExecutionFaults), NameOf);

TEST(SpecStructure, ASpecWithoutAFaultPasses) { EXPECT_OK(CheckOf(SampleSpec())); }

TEST(SpecStructure, ValuesAtTheirLimitsPass) {
  v1::JobSpec spec = SampleSpec();
  ModelFile(spec)->set_name(std::string(1024, 'n'));
  SetAlpha(spec, 999'999'999, 1'000'000'000);
  spec.mutable_evaluation()->set_bootstrap_replicates(100);
  spec.mutable_calibration()->set_rows(1'000'000);
  Pre(spec)->set_resize_width(65'535);
  Pre(spec)->set_resize_height(1);
  Pre(spec)->add_std(1e-300);
  for (int i = 0; i < 8; ++i) AddExport(spec, "onnx_qdq", absl::StrCat(i, ".onnx"));
  for (int i = 0; i < 63; ++i) *spec.add_gates() = spec.gates(0);
  Execution(spec)->set_priority(-100);
  Execution(spec)->set_max_attempts(10);
  Execution(spec)->mutable_queue_timeout()->set_nanos(1);
  spec.mutable_recipe()->set_preset(std::string(64, 'p'));
  EXPECT_OK(CheckOf(spec));
}

TEST(SpecStructure, EveryProblemIsListedInOneAnswer) {
  v1::JobSpec spec = SampleSpec();
  spec.clear_model();
  SetAlpha(spec, 3, 2);
  spec.mutable_gates(0)->set_threshold(kNan);
  Execution(spec)->set_priority(1000);
  const absl::Status status = CheckOf(spec);
  for (const std::string field : {"spec.model.files", "spec.evaluation.alpha",
                                  "spec.gates[0].threshold", "spec.execution.priority"}) {
    EXPECT_THAT(status, NamesField(field));
    EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr(field));
  }
  EXPECT_EQ(GetErrorDetails(status).violations.size(), 4u);
  // The reason is that of the first one.
  EXPECT_THAT(status, HasReason("INVALID_SPEC"));
}

TEST(SpecStructure, AnEmptySpecNamesEverythingThatIsRequired) {
  const absl::Status status = CheckOf({});
  for (const std::string field : {"spec.model.files", "spec.data.files", "spec.recipe"}) {
    EXPECT_THAT(status, NamesField(field));
  }
}

TEST(SpecStructure, OfThousandsOfProblemsAHundredAreTold) {
  v1::JobSpec spec = SampleSpec();
  for (int i = 0; i < 5000; ++i) spec.mutable_data()->add_files()->set_size_bytes(-1);
  const std::vector<FieldViolation> violations = GetErrorDetails(CheckOf(spec)).violations;
  ASSERT_EQ(violations.size(), 101u);
  // Name, digest and size of each: 15,000.
  EXPECT_EQ(violations.back().description, "and 14900 more problems");
}

}  // namespace
}  // namespace quantd
