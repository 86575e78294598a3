// What is wrong with a spec given the blobs and the workers' catalogues.
#include <functional>
#include <limits>
#include <string>

#include "server/blob/memory/memory_blob_store.h"
#include "server/rpc/spec_check.h"
#include "tests/server/rpc/sample_spec.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using testing::HasReason;
using testing::NamesField;
using testing::SampleCatalogue;
using testing::SampleSpec;
using testing::StatusIs;

struct Fault {
  std::string name;
  std::function<void(v1::JobSpec&)> make;
  std::string reason;
  std::string field;
  std::string told = "";  // A part of the description.
};

absl::Status CheckOf(const v1::JobSpec& spec,
                     const std::vector<v1::Catalogue>& catalogues = {SampleCatalogue()}) {
  SpecProblems problems;
  CheckAgainstCatalogues(spec, catalogues, problems);
  return problems.ToStatus();
}

v1::Component& WeightRange(v1::JobSpec& spec, const std::string& id = "mse") {
  v1::Component& range = *spec.mutable_recipe()->mutable_weight()->mutable_range();
  range.set_id(id);
  return range;
}

v1::ParameterValue& Parameter(v1::JobSpec& spec, const std::string& name) {
  return (*WeightRange(spec).mutable_parameters())[name];
}

constexpr char kParameters[] = "spec.recipe.weight.range.parameters";

const Fault kFaults[] = {
    {"UnknownPreset", [](auto& s) { s.mutable_recipe()->set_preset("w4a4-magic"); },
     "UNKNOWN_PRESET", "spec.recipe.preset", "known: w8a8-minmax, w8a8-mse"},
    {"UnknownMethod", [](auto& s) { WeightRange(s, "percentile"); }, "UNKNOWN_METHOD",
     "spec.recipe.weight.range.id", "known: minmax, mse"},
    {"MethodOfAnotherAxis", [](auto& s) { s.mutable_recipe()->add_compensations()->set_id("mse"); },
     "UNKNOWN_METHOD", "spec.recipe.compensations[0].id", "known: bias_correction"},
    {"AxisWithoutAnyMethod",
     [](auto& s) { s.mutable_recipe()->add_transforms()->set_id("smooth"); }, "UNKNOWN_METHOD",
     "spec.recipe.transforms[0].id", "the workers offer none"},
    {"UnknownParameter", [](auto& s) { Parameter(s, "damping").set_number(1); },
     "UNKNOWN_PARAMETER", std::string(kParameters) + "[damping]"},
    {"NumberBelowItsRange", [](auto& s) { Parameter(s, "norm").set_number(0.5); },
     "PARAMETER_OUT_OF_RANGE", std::string(kParameters) + "[norm]", "0.5 is not in 1 to 4"},
    {"NumberAboveItsRange", [](auto& s) { Parameter(s, "norm").set_integer(5); },
     "PARAMETER_OUT_OF_RANGE", std::string(kParameters) + "[norm]", "5 is not in 1 to 4"},
    {"NumberThatIsNan",
     [](auto& s) { Parameter(s, "norm").set_number(std::numeric_limits<double>::quiet_NaN()); },
     "PARAMETER_OUT_OF_RANGE", std::string(kParameters) + "[norm]"},
    {"TextForANumber", [](auto& s) { Parameter(s, "norm").set_text("2"); },
     "PARAMETER_OUT_OF_RANGE", std::string(kParameters) + "[norm]", "must be a number"},
    {"NothingForANumber", [](auto& s) { Parameter(s, "norm"); }, "PARAMETER_OUT_OF_RANGE",
     std::string(kParameters) + "[norm]", "must be a number"},
    {"NumberForAnInteger", [](auto& s) { Parameter(s, "steps").set_number(100); },
     "PARAMETER_OUT_OF_RANGE", std::string(kParameters) + "[steps]", "must be an integer"},
    {"IntegerOutOfRange", [](auto& s) { Parameter(s, "steps").set_integer(9); },
     "PARAMETER_OUT_OF_RANGE", std::string(kParameters) + "[steps]", "9 is not in 10 to 1000"},
    {"NumberForText", [](auto& s) { Parameter(s, "mode").set_number(1); }, "PARAMETER_OUT_OF_RANGE",
     std::string(kParameters) + "[mode]", "must be text"},
    {"IntegerForAFlag", [](auto& s) { Parameter(s, "symmetric").set_integer(1); },
     "PARAMETER_OUT_OF_RANGE", std::string(kParameters) + "[symmetric]", "must be true or false"},
    {"UnknownMetric", [](auto& s) { s.mutable_evaluation()->add_metrics("bleu"); },
     "UNKNOWN_METRIC", "spec.evaluation.metrics[0]", "known: accuracy, kl, top1_agreement"},
    {"GateOnAnUnknownMetric", [](auto& s) { s.mutable_gates(0)->set_metric("bleu"); },
     "UNKNOWN_METRIC", "spec.gates[0].metric"},
    {"GateThatNeedsLabels",
     [](auto& s) {
       s.mutable_gates(0)->set_metric("accuracy");
       s.mutable_data()->clear_labels();
     },
     "LABELS_NEEDED", "spec.gates[0].metric", "'accuracy' needs labels"},
    {"GateThatNeedsLabelsOfTheEvaluationData",
     [](auto& s) {
       s.mutable_gates(0)->set_metric("accuracy");
       *s.mutable_evaluation_data() = s.data();
       s.mutable_evaluation_data()->clear_labels();
     },
     "LABELS_NEEDED", "spec.gates[0].metric"},
    {"UnknownExport", [](auto& s) { s.add_exports()->set_format("tflite"); }, "UNKNOWN_FORMAT",
     "spec.exports[0].format", "known: onnx_qdq"},
    {"UnknownModelFormat", [](auto& s) { s.mutable_model()->set_format("gguf"); }, "UNKNOWN_FORMAT",
     "spec.model.format", "known: onnx"},
};

class CatalogueFault : public ::testing::TestWithParam<Fault> {};

TEST_P(CatalogueFault, IsNamedByReasonAndFieldAndSaysWhatIsKnown) {
  v1::JobSpec spec = SampleSpec();
  GetParam().make(spec);
  const absl::Status status = CheckOf(spec);
  EXPECT_THAT(status,
              StatusIs(absl::StatusCode::kInvalidArgument, ::testing::HasSubstr(GetParam().told)));
  EXPECT_THAT(status, HasReason(GetParam().reason));
  EXPECT_THAT(status, NamesField(GetParam().field));
  EXPECT_EQ(GetErrorDetails(status).violations.size(), 1u) << status;
}

INSTANTIATE_TEST_SUITE_P(All, CatalogueFault, ::testing::ValuesIn(kFaults),
                         [](const auto& fault) { return fault.param.name; });

TEST(CheckAgainstCatalogues, WhatSomeWorkerCanDoPasses) {
  v1::JobSpec spec = SampleSpec();
  Parameter(spec, "norm").set_number(2.4);
  Parameter(spec, "steps").set_integer(1000);
  Parameter(spec, "mode").set_text("anything");
  Parameter(spec, "symmetric").set_flag(false);
  spec.mutable_evaluation()->add_metrics("accuracy");
  spec.mutable_gates(0)->set_metric("accuracy");
  EXPECT_OK(CheckOf(spec));
}

TEST(CheckAgainstCatalogues, ANumberMayBeWrittenAsAnInteger) {
  v1::JobSpec spec = SampleSpec();
  Parameter(spec, "norm").set_integer(2);
  EXPECT_OK(CheckOf(spec));
}

TEST(CheckAgainstCatalogues, WhatOneOfSeveralWorkersCanDoPasses) {
  v1::Catalogue other;
  other.set_engine_version("2.0.0");
  other.add_presets()->set_id("w4a16-gptq");
  v1::JobSpec spec = SampleSpec();
  spec.mutable_recipe()->set_preset("w4a16-gptq");
  EXPECT_OK(CheckOf(spec, {SampleCatalogue(), other}));
}

TEST(CheckAgainstCatalogues, ManyKnownIdsAreCutShort) {
  v1::Catalogue catalogue = SampleCatalogue();
  for (int i = 100; i < 200; ++i) catalogue.add_presets()->set_id("p" + std::to_string(i));
  v1::JobSpec spec = SampleSpec();
  spec.mutable_recipe()->set_preset("unknown");
  const std::string message(CheckOf(spec, {catalogue}).message());
  EXPECT_THAT(message, ::testing::HasSubstr("p100, "));
  EXPECT_THAT(message, ::testing::EndsWith(", ..."));
  EXPECT_THAT(message, ::testing::Not(::testing::HasSubstr("p199")));
}

class CheckBlobsTest : public ::testing::Test {
 protected:
  absl::Status Check(const v1::JobSpec& spec) {
    SpecProblems problems;
    CheckBlobs(spec, blobs_, problems);
    return problems.ToStatus();
  }
  testing::FakeClock clock_;
  MemoryBlobStore blobs_{&clock_, "team"};
};

TEST_F(CheckBlobsTest, UploadedFilesPass) {
  testing::PutSampleBlobs(blobs_);
  EXPECT_OK(Check(SampleSpec()));
}

TEST_F(CheckBlobsTest, EveryMissingBlobIsNamed) {
  v1::JobSpec spec = SampleSpec();
  *spec.mutable_evaluation_data()->add_files() = testing::FileOf("more.npy", "more");
  const absl::Status status = Check(spec);
  EXPECT_THAT(status, HasReason("MISSING_BLOB"));
  EXPECT_THAT(status, NamesField("spec.model.files[0].digest"));
  EXPECT_THAT(status, NamesField("spec.data.files[0].digest"));
  EXPECT_THAT(status, NamesField("spec.evaluation_data.files[0].digest"));
}

TEST_F(CheckBlobsTest, AWrongSizeIsNamedWithTheRightOne) {
  testing::PutSampleBlobs(blobs_);
  v1::JobSpec spec = SampleSpec();
  spec.mutable_model()->mutable_files(0)->set_size_bytes(12);
  const absl::Status status = Check(spec);
  EXPECT_THAT(status, HasReason("MISSING_BLOB"));
  EXPECT_THAT(status, NamesField("spec.model.files[0].size_bytes"));
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("has 11 bytes, not 12"));
}

}  // namespace
}  // namespace quantd
