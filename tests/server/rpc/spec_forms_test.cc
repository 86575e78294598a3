// Forms against recipes, as the workers' catalogues describe both.
#include "server/rpc/spec_forms.h"

#include <google/protobuf/text_format.h>

#include "common/check.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using testing::HasReason;
using testing::NamesField;
using ::testing::HasSubstr;

v1::Catalogue CatalogueOf(const std::string& text) {
  v1::Catalogue catalogue;
  QUANTD_CHECK(google::protobuf::TextFormat::ParseFromString(text, &catalogue));
  return catalogue;
}

constexpr char kCatalogue[] = R"pb(
  presets {
    id: "static"
    recipe {
      weight { granularity { id: "per_channel" } }
      activation { format { id: "uint8" } range { id: "mse" } }
    }
  }
  presets { id: "blocks" recipe { weight { granularity { id: "per_block" } } } }
  export_forms { id: "plain" conditions { field: "activation.range" ids: "dynamic" allowed: false } }
  export_forms {
    id: "nbits"
    conditions { field: "activation.format" ids: "" allowed: true }
    conditions { field: "weight.granularity" ids: "per_block" allowed: true }
  }
)pb";

v1::JobSpec SpecOf(const std::string& preset, const std::string& form) {
  v1::JobSpec spec;
  spec.mutable_recipe()->set_preset(preset);
  spec.add_exports()->set_format("plain");
  spec.add_exports()->set_format(form);
  return spec;
}

absl::Status Check(const v1::JobSpec& spec, const std::vector<v1::Catalogue>& catalogues = {CatalogueOf(kCatalogue)}) {
  SpecProblems problems;
  CheckExportForms(spec, catalogues, problems);
  return problems.ToStatus();
}

TEST(SpecFormsTest, AFormThatHoldsThePresetPasses) {
  EXPECT_OK(Check(SpecOf("static", "plain")));
  EXPECT_OK(Check(SpecOf("blocks", "nbits")));
}

TEST(SpecFormsTest, AMisfitNamesTheExportAndTheComponent) {
  const absl::Status status = Check(SpecOf("static", "nbits"));
  EXPECT_THAT(status, HasReason("FORM_DOES_NOT_FIT"));
  EXPECT_THAT(status, NamesField("spec.exports[1].format"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("'nbits' needs recipe.activation.format to be empty, not 'uint8'"));
}

TEST(SpecFormsTest, TheSpecsOwnComponentsCountBeforeThoseOfThePreset) {
  v1::JobSpec spec = SpecOf("blocks", "nbits");
  spec.mutable_recipe()->mutable_weight()->mutable_granularity()->set_id("per_channel");
  EXPECT_THAT(Check(spec), HasReason("FORM_DOES_NOT_FIT"));
  spec = SpecOf("static", "plain");
  spec.mutable_recipe()->mutable_activation()->mutable_range()->set_id("dynamic");
  EXPECT_THAT(Check(spec), NamesField("spec.exports[0].format"));
}

TEST(SpecFormsTest, OneWorkerThatCanIsEnough) {
  const v1::Catalogue newer = CatalogueOf(R"pb(
    presets { id: "static" recipe { weight { granularity { id: "per_channel" } } } }
    export_forms { id: "nbits" }
  )pb");
  EXPECT_OK(Check(SpecOf("static", "nbits"), {CatalogueOf(kCatalogue), newer}));
}

TEST(SpecFormsTest, WhatNoCatalogueKnowsIsNotJudgedHere) {
  EXPECT_OK(Check(SpecOf("magic", "nbits")));
  EXPECT_OK(Check(SpecOf("static", "magic")));
  EXPECT_OK(Check(SpecOf("static", "nbits"), {}));
  const v1::Catalogue odd = CatalogueOf(
      R"pb(presets { id: "static" } export_forms { id: "nbits" conditions { field: "cache.format" ids: "x" allowed: true } })pb");
  EXPECT_OK(Check(SpecOf("static", "nbits"), {odd}));
}

}  // namespace
}  // namespace quantd
