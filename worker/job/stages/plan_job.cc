// What can be found wrong before work begins is found here: recipe, layers, operators, data.
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "worker/backend/backend.h"
#include "worker/formats/int_format.h"
#include "worker/exec/executor.h"
#include "worker/graph/rewrites/raise_to_21.h"
#include "worker/graph/shapes.h"
#include "worker/job/recipe_proto.h"
#include "worker/job/stages/stages.h"
#include "worker/methods/catalogue.h"
#include "worker/methods/export_form.h"
#include "worker/methods/recipe.h"
#include "worker/methods/recipe_opset.h"

namespace quantd {
namespace {

constexpr int64_t kDefaultCalibrationRows = 256;

absl::StatusOr<std::unique_ptr<Dataset>> OpenData(JobState& job, const v1::DataInput& input,
                                                  const std::string& role) {
  std::map<std::string, std::string> files;
  for (const v1::FileRef& file : input.files()) {
    files[file.name()] = job.folder.InputFile(file.digest());
    job.report.inputs.push_back({role, file.name(), file.digest()});
  }
  absl::StatusOr<std::unique_ptr<Dataset>> data =
      OpenDataset(FromProto(input), files, job.model.graph.inputs);
  // The reader calls whatever it reads "data".
  if (!data.ok()) return RenameFields(data.status(), "data", "spec." + role);
  return data;
}

// Rows are run in batches of any size, the last one smaller, unless the model takes one row at a time.
absl::Status CheckBatch(const Graph& graph) {
  for (const ValueInfo& input : graph.inputs) {
    if (!input.has_shape || input.shape.empty() || input.shape[0].extent <= 1) continue;
    const std::string description =
        absl::StrCat("fixes its batch to ", input.shape[0].extent,
                     "; export the model with a batch of 1 or with a dynamic one");
    return MakeError(absl::StatusCode::kUnimplemented,
                     absl::StrCat("the model's input '", input.name, "' ", description),
                     {.reason = "UNSUPPORTED_BATCH",
                      .violations = {{absl::StrCat("model.graph.input[", input.name, "]"), description}}});
  }
  return absl::OkStatus();
}

// Data comes as arrays of numbers, and outputs are compared as such.
absl::Status CheckSignature(const Graph& graph) {
  const auto check = [](const ValueInfo& value, absl::string_view role) {
    if (!value.is_sequence && !value.is_optional && value.dtype != DataType::kString) return absl::OkStatus();
    const std::string description =
        absl::StrCat("is ", value.is_sequence ? "a sequence" : value.is_optional ? "an optional value" : "a tensor of strings",
                     "; models with such inputs or outputs can be run, but not calibrated and compared");
    return MakeError(absl::StatusCode::kUnimplemented,
                     absl::StrCat("the model's ", role, " '", value.name, "' ", description),
                     {.reason = "UNSUPPORTED_MODEL",
                      .violations = {{absl::StrCat("model.graph.", role, "[", value.name, "]"), description}}});
  };
  for (const ValueInfo& input : graph.inputs) RETURN_IF_ERROR(check(input, "input"));
  for (const ValueInfo& output : graph.outputs) RETURN_IF_ERROR(check(output, "output"));
  return absl::OkStatus();
}

absl::Status SplitData(JobState& job) {
  const int64_t asked = job.spec.calibration().rows();
  const uint64_t seed = job.spec.calibration().seed();
  const int64_t rows = job.data->rows();
  if (job.evaluation_data == nullptr) {
    // Half the rows at most when the client left the number open, so that small sets can be evaluated too.
    const int64_t calibration = asked > 0 ? asked : std::min(kDefaultCalibrationRows, (rows + 1) / 2);
    ASSIGN_OR_RETURN(job.split, SplitRows(rows, calibration, job.spec.evaluation().rows(), seed));
    return absl::OkStatus();
  }
  // Each set stands for itself: the split of one only serves to draw from it.
  const int64_t calibration = std::min(asked > 0 ? asked : kDefaultCalibrationRows, rows);
  if (calibration == rows) {
    for (int64_t row = 0; row < rows; ++row) job.split.calibration.push_back(row);
  } else {
    ASSIGN_OR_RETURN(const Split split, SplitRows(rows, calibration, 0, seed));
    job.split.calibration = split.calibration;
  }
  ASSIGN_OR_RETURN(const Split split,
                   SplitRows(job.evaluation_data->rows(), 0, job.spec.evaluation().rows(), seed));
  job.split.evaluation = split.evaluation;
  return absl::OkStatus();
}

// One of both evaluation data sets being the other's would let calibration rows judge themselves.
absl::Status CheckSetsDiffer(const JobState& job) {
  for (const InputDigest& a : job.report.inputs) {
    for (const InputDigest& b : job.report.inputs) {
      if (a.role == "data" && b.role == "evaluation_data" && a.digest == b.digest) {
        return InvalidField("DATA_OVERLAP", "spec.evaluation_data",
                            absl::StrCat("'", b.name, "' is also in spec.data: calibration and evaluation must not "
                                         "share rows; leave evaluation_data out to split one set"));
      }
    }
  }
  return absl::OkStatus();
}

bool IsOtherFloat(DataType type) {
  return type == DataType::kDouble || type == DataType::kFloat16 || type == DataType::kBfloat16;
}

// Models of other floating-point types run, but codes are made from float32, and outputs compared in it.
absl::Status CheckFloats(const Model& model, const QuantizationPlan& plan) {
  const ShapeFacts facts = InferShapes(model.graph, model.opset());
  std::vector<std::string> tensors = TensorsToObserve(plan);
  for (const ValueInfo& output : model.graph.outputs) tensors.push_back(output.name);
  std::vector<FieldViolation> violations;
  const auto check = [&](const std::string& name, DataType type) {
    if (!IsOtherFloat(type)) return;
    violations.push_back({absl::StrCat("model.", name), absl::StrCat("is ", DataTypeName(type), "; export the model in float32")});
  };
  for (const std::string& name : tensors) {
    const auto it = facts.find(name);
    if (it != facts.end()) check(name, it->second.dtype);
  }
  for (const auto& [name, tensor] : model.graph.initializers) check(name, tensor.dtype());
  return violations.empty() ? absl::OkStatus() : InvalidFields("UNSUPPORTED_TYPE", violations);
}

// Every form that the spec asks for holds what `misfit` judges; fields are those of the exports, or the recipe's where the spec
// leaves the form open and none fits.
absl::Status CheckExportForms(const v1::JobSpec& spec,
                              const std::function<std::string(const ExportFormInfo&)>& misfit_of) {
  std::string able;
  for (const ExportFormInfo& form : ExportForms()) {
    if (misfit_of(form).empty()) absl::StrAppend(&able, able.empty() ? "" : ", ", form.id);
  }
  std::vector<FieldViolation> violations;
  const std::vector<v1::ExportSpec> exports = ExportsOf(spec);
  for (size_t i = 0; i < exports.size(); ++i) {
    const std::string misfit = misfit_of(*FindExportForm(exports[i].format()));
    if (misfit.empty()) continue;
    violations.push_back({spec.exports_size() == 0 ? "spec.recipe" : absl::StrCat("spec.exports[", i, "].format"),
                          absl::StrCat(misfit, able.empty() ? "; no form can" : "; forms that can: ", able)});
  }
  if (violations.empty()) return absl::OkStatus();
  return InvalidFields("FORM_DOES_NOT_FIT", violations);
}

// The same for each layer whose recipe rules changed.
absl::Status CheckExportForms(const v1::JobSpec& spec, const Recipe& recipe, const QuantizationPlan& plan) {
  const auto check = [&](const PlannedLayer& layer) {
    if (layer.excluded || (layer.weight_recipe == recipe.weight && layer.activation_recipe == recipe.activation)) {
      return absl::OkStatus();
    }
    const TensorRecipe activation =
        layer.dynamic || !layer.activations.empty() ? layer.activation_recipe : TensorRecipe();
    return Annotate(CheckExportForms(spec,
                                     [&](const ExportFormInfo& form) {
                                       const std::string misfit = MisfitOf(form, recipe);
                                       return misfit.empty() ? LayerMisfitOf(form, layer.weight_recipe, activation) : misfit;
                                     }),
                    absl::StrCat("layer '", layer.node, "', whose recipe rules change"));
  };
  for (const PlannedLayer& layer : plan.layers) RETURN_IF_ERROR(check(layer));
  for (const BodyLayer& body : plan.body_layers) RETURN_IF_ERROR(check(body.layer));
  return absl::OkStatus();
}

// What the plan stores, by id.
std::set<std::string> FormatsOf(const QuantizationPlan& plan) {
  std::set<std::string> formats;
  for (const CodeGroup& group : plan.groups) formats.insert(group.recipe.format.id);
  for (const PlannedLayer& layer : plan.layers) {
    if (!layer.excluded && !layer.weights.empty()) formats.insert(layer.weight_recipe.format.id);
  }
  for (const BodyLayer& body : plan.body_layers) {
    if (!body.layer.excluded) formats.insert(body.layer.weight_recipe.format.id);
  }
  return formats;
}

bool IsInteger8(const std::string& format_id) {
  const IntFormat* format = FindIntFormat(format_id);
  return format != nullptr && format->minifloat == nullptr && BitsOf(format->storage) == 8;
}

void WarnOfBlocks(JobState& job) {
  for (const PlannedLayer& layer : job.quantization_plan.layers) {
    const bool product = layer.op_type == "MatMul" || layer.op_type == "Gemm";
    if (layer.excluded || !product || layer.weights.empty() || layer.activations.empty()) continue;
    if (layer.weight_recipe.granularity.id != "per_block" || !IsInteger8(layer.weight_recipe.format.id) ||
        !IsInteger8(layer.activation_recipe.format.id)) {
      continue;
    }
    job.report.warnings.push_back(absl::StrCat(
        "ONNX Runtime (1.30) fuses 8-bit weights in blocks with 8-bit activations, as in layer '", layer.node,
        "', and then refuses to run them: run the model with the session option session.disable_quant_qdq = 1, or with graph "
        "optimization 'basic'"));
    job.progress.Warn(job.report.warnings.back());
    return;
  }
}

void WarnOfFormats(JobState& job) {
  for (const std::string& id : FormatsOf(job.quantization_plan)) {
    const IntFormat* format = FindIntFormat(id);
    if (format == nullptr || format->minifloat == nullptr) continue;
    job.report.warnings.push_back(absl::StrCat(
        "ONNX Runtime (1.30) takes ", id, " for 8-bit integers when it optimizes: run the model with graph optimization "
        "'disabled', or 'basic' with the session option session.disable_quant_qdq = 1"));
    job.progress.Warn(job.report.warnings.back());
  }
}

}  // namespace

absl::Status PlanJob(JobState& job) {
  ASSIGN_OR_RETURN(job.recipe, ExpandRecipe(job.spec.recipe()));
  RETURN_IF_ERROR(RenameFields(CheckRecipe(job.recipe), "recipe", "spec.recipe"));
  const std::string& preset = job.spec.recipe().preset();
  job.report.recipe_summary =
      absl::StrCat(preset, preset.empty() ? "" : ": ", DescribeRecipe(job.recipe));
  RETURN_IF_ERROR(CheckSignature(job.model.graph));
  RETURN_IF_ERROR(CheckExportForms(
      job.spec, [&](const ExportFormInfo& form) { return MisfitOf(form, job.recipe); }));
  if (LowestOpset(job.recipe) > job.model.opset()) RETURN_IF_ERROR(RaiseTo21(job.model));
  RETURN_IF_ERROR(CheckBatch(job.model.graph));
  // Compiling finds every operator that is missing, and attributes that make no sense.
  RETURN_IF_ERROR(CompileGraph(job.model.graph, job.model.opset(), CpuBackend()).status());
  absl::StatusOr<QuantizationPlan> plan = PlanQuantization(job.model.graph, job.recipe);
  if (!plan.ok()) return RenameFields(plan.status(), "recipe", "spec.recipe");
  job.quantization_plan = *std::move(plan);
  RETURN_IF_ERROR(CheckExportForms(job.spec, job.recipe, job.quantization_plan));
  RETURN_IF_ERROR(CheckFloats(job.model, job.quantization_plan));
  if (!QuantizesAnything(job.quantization_plan)) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "NOTHING_TO_QUANTIZE",
                     "the model has no layer that can be quantized (Conv, ConvTranspose, Gemm, MatMul, LSTM, GRU, RNN, "
                     "Gather of a table) and that the recipe does not exclude");
  }
  WarnOfFormats(job);
  WarnOfBlocks(job);
  ASSIGN_OR_RETURN(job.data, OpenData(job, job.spec.data(), "data"));
  if (job.spec.has_evaluation_data() && !job.spec.evaluation_data().files().empty()) {
    ASSIGN_OR_RETURN(job.evaluation_data, OpenData(job, job.spec.evaluation_data(), "evaluation_data"));
    RETURN_IF_ERROR(CheckSetsDiffer(job));
  }
  return SplitData(job);
}

}  // namespace quantd
