#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/error.h"
#include "common/file.h"
#include "common/status_macros.h"
#include "worker/io/onnx/writer.h"
#include "worker/job/recipe_proto.h"
#include "worker/job/stages/stages.h"
#include "worker/methods/catalogue.h"
#include "worker/methods/export_form.h"
#include "worker/quantize/lower_model.h"

#include <google/protobuf/util/json_util.h>

namespace quantd {
namespace {

// "models/vit.onnx" -> "vit".
std::string Stem(absl::string_view name) {
  const size_t slash = name.rfind('/');
  if (slash != absl::string_view::npos) name.remove_prefix(slash + 1);
  return std::string(absl::StripSuffix(name, ".onnx"));
}

// Where the model came from, in the model: whoever finds the file can tell how it was made. No time and no
// machine, so that equal work gives equal bytes.
absl::Status AddProvenance(const JobState& job, Model& model) {
  std::string recipe;
  if (!google::protobuf::util::MessageToJsonString(ToProto(job.recipe), &recipe).ok()) {
    return absl::InternalError("the recipe has no JSON form");
  }
  model.producer_name = "quantd";
  model.producer_version = kEngineVersion;
  model.metadata["quantd.version"] = kEngineVersion;
  model.metadata["quantd.recipe"] = recipe;
  for (const InputDigest& input : job.report.inputs) {
    if (input.role == "model") {
      model.metadata[absl::StrCat("quantd.input.", input.role, ".", input.name)] =
          "sha256:" + input.digest;
    }
  }
  model.metadata["quantd.data.rows"] = job.report.data_use.calibration_rows_digest;
  model.metadata["quantd.data.source"] = job.data->description();
  return absl::OkStatus();
}

}  // namespace

std::vector<v1::ExportSpec> ExportsOf(const v1::JobSpec& spec) {
  std::vector<v1::ExportSpec> exports(spec.exports().begin(), spec.exports().end());
  if (exports.empty()) exports.emplace_back();
  // A recipe that does not expand is refused elsewhere.
  const absl::StatusOr<Recipe> recipe = ExpandRecipe(spec.recipe());
  for (v1::ExportSpec& one : exports) {
    if (one.format().empty()) one.set_format(DefaultExportForm(recipe.ok() ? *recipe : Recipe()).id);
  }
  return exports;
}

std::string ExportFileName(const v1::JobSpec& spec, const v1::ExportSpec& one) {
  if (!one.file_name().empty()) return one.file_name();
  return absl::StrCat(Stem(MainFile(spec.model())), ".", one.format(), ".onnx");
}

absl::Status ExportModel(JobState& job) {
  Model simulated = job.model;
  simulated.graph = job.quantized;
  RETURN_IF_ERROR(AddProvenance(job, simulated));
  ModelSizes& sizes = job.report.sizes;
  for (const v1::ExportSpec& one : ExportsOf(job.spec)) {
    ASSIGN_OR_RETURN(const Model model, LowerModel(*FindExportForm(one.format()), simulated));
    ASSIGN_OR_RETURN(const std::string bytes, SerializeOnnxModel(model));
    RETURN_IF_ERROR(WriteFileAtomically(
        absl::StrCat(job.folder.OutputFilesFolder(), "/", ExportFileName(job.spec, one)), bytes));
    // Of several exports the first one counts.
    if (sizes.quantized_bytes == 0) sizes.quantized_bytes = static_cast<int64_t>(bytes.size());
  }
  sizes.original_bytes = job.original_bytes;
  sizes.ratio = static_cast<double>(sizes.quantized_bytes) /
                static_cast<double>(std::max<int64_t>(sizes.original_bytes, 1));
  for (const auto& [name, tensor] : job.model.graph.initializers) {
    if (tensor.dtype() == DataType::kFloat) sizes.parameters += tensor.size();
  }
  for (const auto& [node, coded] : job.quantization.weights) {
    sizes.quantized_parameters += coded.codes.size();
  }
  for (const auto& [node, coded] : job.quantization.body_weights) {
    sizes.quantized_parameters += coded.codes.size();
  }
  return absl::OkStatus();
}

}  // namespace quantd
