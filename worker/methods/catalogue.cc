#include "worker/methods/catalogue.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/error.h"
#include "worker/formats/int_format.h"
#include "worker/methods/code_format.h"
#include "worker/methods/export_form.h"
#include "worker/methods/granularity.h"
#include "worker/methods/presets/registry.h"
#include "worker/methods/range/registry.h"

namespace quantd {
namespace {

// Axes whose components are not families of interchangeable code yet: their meaning lives in worker/quantize.
constexpr MethodInfo kFixedMethods[] = {
    {.id = "bias_correction",
     .axis = "compensation",
     .summary = "Moves each layer's bias so that the mean of its output is that of full precision.",
     .paper = "Nagel et al. 2019, arXiv:1906.04721, section 4.2",
     .needs = "calibration data"},
    {.id = "random", .axis = "data", .summary = "Calibrates on a seeded random sample of the rows."},
    {.id = "per_block",
     .axis = "granularity",
     .summary = "One code per block of weights along the axis that a layer sums over.",
     .params = kPerBlockParams},
    {.id = "per_channel", .axis = "granularity", .summary = "One code per output channel of a weight."},
    {.id = "per_tensor", .axis = "granularity", .summary = "One code for the whole tensor."},
    {.id = "fused",
     .axis = "placement",
     .summary = "Codes stand where runtimes fuse them: also behind a Conv and its Relu, around residual adds and "
                "poolings, and shared by what only carries values on."},
    {.id = "inputs_only", .axis = "placement", .summary = "Only what layers read becomes codes."},
    {.id = "nearest", .axis = "rounding", .summary = "Each value becomes the nearest code, ties to even."},
};

class RecipeCheck {
 public:
  explicit RecipeCheck(const Catalogue& catalogue) : catalogue_(catalogue) {}

  void Check(const Component& component, absl::string_view axis, const std::string& field) {
    std::vector<std::string> known;
    for (const MethodInfo& method : catalogue_.methods) {
      if (method.axis != axis) continue;
      known.emplace_back(method.id);
      if (method.id != component.id) continue;
      for (const ParamProblem& problem : CheckParams(method.params, component)) {
        Add(problem.reason, absl::StrCat(field, ".parameters[", problem.name, "]"), problem.description);
      }
      return;
    }
    Add(component.id.empty() ? "INCOMPLETE_RECIPE" : "UNKNOWN_METHOD", field + ".id",
        absl::StrCat(component.id.empty() ? "is missing" : absl::StrCat("there is no '", component.id, "'"),
                     known.empty() ? "; this engine has none on this axis"
                                   : absl::StrCat("; known: ", absl::StrJoin(known, ", "))));
  }

  // Whole: every axis needs a component. In a rule, those that are left away stay what they are.
  void Check(const TensorRecipe& recipe, const std::string& field, bool is_weight, bool whole = true) {
    const auto check = [&](const Component& component, const char* axis) {
      if (whole || component != Component()) Check(component, axis, absl::StrCat(field, ".", axis));
    };
    check(recipe.format, "format");
    check(recipe.granularity, "granularity");
    check(recipe.range, "range");
    check(recipe.rounding, "rounding");
    for (const RangeInfo* range : range::All()) {
      if (range->method.id != recipe.range.id || (is_weight ? range->for_weights : range->for_activations)) continue;
      Add("INAPPLICABLE_METHOD", field + ".range.id",
          absl::StrCat("'", recipe.range.id, "' does not apply to ", is_weight ? "weights" : "activations"));
    }
    const IntFormat* format = FindIntFormat(recipe.format.id);
    if (!is_weight && format != nullptr && IsPacked(format->storage)) {
      Add("INAPPLICABLE_METHOD", field + ".format.id",
          absl::StrCat("activations take a format of 8 bits or more, not '", recipe.format.id, "'"));
    }
    if (!is_weight && !recipe.granularity.id.empty() && recipe.granularity.id != "per_tensor") {
      Add("INAPPLICABLE_METHOD", field + ".granularity.id",
          absl::StrCat("activations are quantized 'per_tensor', not '", recipe.granularity.id, "'"));
    }
    if (recipe.granularity.id == "per_block") CheckBlockSize(recipe.granularity, field + ".granularity");
  }

  // What weights and activations ask of each other.
  void CheckTogether(const TensorRecipe& weight, const std::string& weight_field, const TensorRecipe& activation,
                     const std::string& activation_field) {
    const IntFormat* format = FindIntFormat(weight.format.id);
    const bool at_run_time = std::any_of(range::All().begin(), range::All().end(), [&](const RangeInfo* range) {
      return range->at_run_time && range->method.id == activation.range.id;
    });
    if (at_run_time && activation.format.id != "uint8_asym") {
      Add("INAPPLICABLE_METHOD", activation_field + ".format.id",
          absl::StrCat("codes that are made at run time are 'uint8_asym', not '", activation.format.id, "'"));
    }
    const bool is_byte = format == nullptr || (BitsOf(format->storage) == 8 && format->minifloat == nullptr);
    if (at_run_time && (weight.granularity.id == "per_block" || !is_byte)) {
      Add("INAPPLICABLE_METHOD", weight_field,
          absl::StrCat("activations that get their codes at run time need weights that are integers of 8 bits with one scale a "
                       "channel or a tensor, not '", weight.format.id, "' '", weight.granularity.id, "'"));
    }
    // Integer sums of weights with a zero point would need the sum of the activations too; weights that are only
    // stored as codes may have any.
    if (format != nullptr && !format->symmetric && activation != TensorRecipe()) {
      Add("INAPPLICABLE_METHOD", weight_field + ".format.id",
          absl::StrCat("weights take a symmetric format where activations become codes too, not '", format->id, "'"));
    }
  }

  void CheckBlockSize(const Component& granularity, const std::string& field) {
    if (!CheckParams(kPerBlockParams, granularity).empty()) return;  // Said already.
    const auto size = static_cast<int64_t>(Params(kPerBlockParams, granularity).Get("block_size"));
    if ((size & (size - 1)) != 0) {
      Add("PARAMETER_OUT_OF_RANGE", field + ".parameters[block_size]", "must be a power of two");
    }
  }

  void Check(const std::vector<Component>& list, absl::string_view axis, const std::string& field) {
    for (size_t i = 0; i < list.size(); ++i) Check(list[i], axis, absl::StrCat(field, "[", i, "]"));
  }

  void Check(const LayerRule& rule, const std::string& field, bool with_activations) {
    const IntFormat* format = FindIntFormat(rule.weight.format.id);
    if (with_activations && format != nullptr && !format->symmetric) {
      Add("INAPPLICABLE_METHOD", field + ".weight.format.id",
          "weights take a symmetric format where activations become codes too");
    }
    Check(rule.weight, field + ".weight", /*is_weight=*/true, /*whole=*/false);
    Check(rule.activation, field + ".activation", /*is_weight=*/false, /*whole=*/false);
    if (rule.exclude && rule.SetsComponents()) {
      Add("CONTRADICTORY_RULES", field, "excludes nodes and says how to quantize them; write two rules, or one of both");
    }
  }

  void Optional(const Component& component, absl::string_view axis, const std::string& field) {
    if (!component.id.empty() || !component.params.empty()) Check(component, axis, field);
  }

  absl::Status Result() const {
    return violations_.empty() ? absl::OkStatus() : InvalidFields(reason_, violations_);
  }

 private:
  void Add(absl::string_view reason, std::string field, std::string description) {
    if (violations_.empty()) reason_ = std::string(reason);
    violations_.push_back({std::move(field), std::move(description)});
  }

  const Catalogue& catalogue_;
  std::string reason_;
  std::vector<FieldViolation> violations_;
};

}  // namespace

Catalogue MakeCatalogue() {
  Catalogue catalogue{.devices = {"cpu"}, .model_formats = {"onnx"}, };
  for (const ExportFormInfo& form : ExportForms()) catalogue.export_forms.push_back(&form);
  catalogue.methods.assign(std::begin(kFixedMethods), std::end(kFixedMethods));
  for (const IntFormat& format : IntFormats()) {
    catalogue.methods.push_back(
        {.id = format.id, .axis = "format", .summary = format.summary, .params = FormatParams(format)});
  }
  for (const RangeInfo* range : range::All()) catalogue.methods.push_back(range->method);
  std::sort(catalogue.methods.begin(), catalogue.methods.end(), [](const MethodInfo& a, const MethodInfo& b) {
    return std::tie(a.axis, a.id) < std::tie(b.axis, b.id);
  });
  const auto presets = presets::All();
  catalogue.presets.assign(presets.begin(), presets.end());
  std::sort(catalogue.presets.begin(), catalogue.presets.end(),
            [](const PresetInfo* a, const PresetInfo* b) { return a->id < b->id; });
  return catalogue;
}

absl::Status CheckRecipe(const Recipe& recipe) {
  const Catalogue catalogue = MakeCatalogue();
  RecipeCheck check(catalogue);
  check.Check(recipe.transforms, "transform", "recipe.transforms");
  check.Check(recipe.weight, "recipe.weight", /*is_weight=*/true);
  // Without any of its components only weights become codes.
  if (recipe.activation != TensorRecipe()) {
    check.Check(recipe.activation, "recipe.activation", /*is_weight=*/false);
  }
  check.CheckTogether(recipe.weight, "recipe.weight", recipe.activation, "recipe.activation");
  check.Optional(recipe.placement, "placement", "recipe.placement");
  check.Check(recipe.compensations, "compensation", "recipe.compensations");
  check.Optional(recipe.allocation, "allocation", "recipe.allocation");
  check.Optional(recipe.data, "data", "recipe.data");
  check.Check(recipe.recoveries, "recovery", "recipe.recoveries");
  for (size_t i = 0; i < recipe.rules.size(); ++i) {
    check.Check(recipe.rules[i], absl::StrCat("recipe.rules[", i, "]"), recipe.activation != TensorRecipe());
  }
  return check.Result();
}

absl::Status CheckLayerRecipe(const TensorRecipe& weight, const std::string& weight_field, const TensorRecipe& activation,
                              const std::string& activation_field) {
  const Catalogue catalogue = MakeCatalogue();
  RecipeCheck check(catalogue);
  check.Check(weight, weight_field, /*is_weight=*/true);
  if (activation != TensorRecipe()) check.Check(activation, activation_field, /*is_weight=*/false);
  check.CheckTogether(weight, weight_field, activation, activation_field);
  return check.Result();
}

}  // namespace quantd
