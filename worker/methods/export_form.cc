#include "worker/methods/export_form.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/check.h"

namespace quantd {
namespace {

const Component& ComponentAt(const Recipe& recipe, absl::string_view field) {
  const size_t dot = field.find('.');
  QUANTD_CHECK(dot != absl::string_view::npos);
  const absl::string_view part = field.substr(0, dot), axis = field.substr(dot + 1);
  QUANTD_CHECK(part == "weight" || part == "activation");
  const TensorRecipe& tensor = part == "weight" ? recipe.weight : recipe.activation;
  if (axis == "format") return tensor.format;
  if (axis == "granularity") return tensor.granularity;
  if (axis == "range") return tensor.range;
  QUANTD_CHECK(axis == "rounding");
  return tensor.rounding;
}

std::string Shown(const std::string& id) { return id.empty() ? "empty" : absl::StrCat("'", id, "'"); }

std::string MisfitOf(const ExportFormInfo& form, const RecipeCondition& condition, const Recipe& recipe) {
  const std::string& id = ComponentAt(recipe, condition.field).id;
  const bool listed = std::find(condition.ids.begin(), condition.ids.end(), id) != condition.ids.end();
  if (listed == condition.allowed) return "";
  if (!condition.allowed) return absl::StrCat("'", form.id, "' cannot hold ", Shown(id), " in recipe.", condition.field);
  const std::string ids = absl::StrJoin(condition.ids, ", ",
                                        [](std::string* out, const std::string& one) { out->append(Shown(one)); });
  return absl::StrCat("'", form.id, "' needs recipe.", condition.field, " to be ", ids, ", not ", Shown(id));
}

}  // namespace

absl::Span<const ExportFormInfo> ExportForms() {
  static const auto* const kForms = new std::vector<ExportFormInfo>{
      {.id = "onnx_qdq",
       .summary = "QuantizeLinear and DequantizeLinear around the layers; weights in blocks or of 4 bits need operator set 21",
       // Integers of 2 bits came with operator set 25, and ONNX Runtime does not read them; in blocks it does as MatMulNBits.
       .conditions = {{.field = "activation.range", .ids = {"dynamic"}, .allowed = false},
                      {.field = "weight.format", .ids = {"int2_sym", "uint2_asym"}, .allowed = false}}},
      {.id = "onnx_matmul_nbits",
       .summary = "Matrices in com.microsoft.MatMulNBits, for ONNX Runtime; other layers as in onnx_qdq",
       .conditions = {{.field = "activation.format", .ids = {""}},
                      {.field = "weight.granularity", .ids = {"per_block"}},
                      {.field = "weight.format",
                       .ids = {"int2_sym", "uint2_asym", "int4_sym", "uint4_asym", "int8_sym", "int8_asym", "uint8_sym",
                               "uint8_asym"}}}},
      {.id = "onnx_dynamic",
       .summary = "DynamicQuantizeLinear and MatMulInteger: activations get their codes at run time",
       .conditions = {{.field = "activation.range", .ids = {"dynamic"}},
                      {.field = "weight.format", .ids = {"int2_sym", "uint2_asym"}, .allowed = false}}},
  };
  return *kForms;
}

const ExportFormInfo* FindExportForm(absl::string_view id) {
  for (const ExportFormInfo& form : ExportForms()) {
    if (form.id == id) return &form;
  }
  return nullptr;
}

std::string MisfitOf(const ExportFormInfo& form, const Recipe& recipe) {
  for (const RecipeCondition& condition : form.conditions) {
    const std::string misfit = MisfitOf(form, condition, recipe);
    if (!misfit.empty()) return misfit;
  }
  return "";
}

std::string LayerMisfitOf(const ExportFormInfo& form, const TensorRecipe& weight, const TensorRecipe& activation) {
  for (const RecipeCondition& condition : form.conditions) {
    const std::string misfit =
        condition.allowed ? "" : MisfitOf(form, condition, {.weight = weight, .activation = activation});
    if (!misfit.empty()) return misfit;
  }
  return "";
}

const ExportFormInfo& DefaultExportForm(const Recipe& recipe) {
  for (const ExportFormInfo& form : ExportForms()) {
    if (MisfitOf(form, recipe).empty()) return form;
  }
  return ExportForms()[0];
}

}  // namespace quantd
