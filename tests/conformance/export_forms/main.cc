// Quantizes one model in one form and writes down what our executor makes of it, for tests/node/check_form.js.
//
// usage: export_forms MODEL PRESET FORM FOLDER
//
// FOLDER gets:
//   float.onnx   the model before: how far ONNX Runtime's own outputs are from its outputs here is the noise of quantization
//   model.onnx   the export
//   probed.onnx  the same with further outputs: every weight as a runtime unpacks it, and the codes of activations
//   case.json    {"inputs": {name: file}, "outputs": [{name, file, kind}]} in graph order. Kind "exact" depends on nothing but
//                single operators, so that it must agree to the last bit; "codes" are those of inner activations; "output"
//                are the model's own. "hidden_codes" tells whether there are codes of inner activations that nobody can read
//   *.pb         inputs and our values, as serialized onnx.TensorProto
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/random.h"
#include "common/status_macros.h"
#include "tests/conformance/export_forms/small_models.h"
#include "worker/backend/backend.h"
#include "worker/exec/executor.h"
#include "worker/exec/fold_constants.h"
#include "worker/formats/minifloat.h"
#include "worker/graph/rewrites/convert_opset.h"
#include "worker/graph/rewrites/fold_batch_norm.h"
#include "worker/graph/rewrites/fold_conv_add.h"
#include "worker/graph/rewrites/raise_to_21.h"
#include "worker/graph/rewrites/remove_identities.h"
#include "worker/io/onnx/tensor_proto.h"
#include "worker/io/onnx/writer.h"
#include "worker/methods/catalogue.h"
#include "worker/methods/recipe_opset.h"
#include "worker/quantize/apply_quantization.h"
#include "worker/quantize/calibrate.h"
#include "worker/quantize/choose_codes.h"
#include "worker/quantize/lower_model.h"

namespace quantd {
namespace {

constexpr int64_t kCalibrationBatches = 4;
constexpr int64_t kRows = 2;

TensorMap Feeds(const testing::SuiteModel& suite, uint64_t seed) {
  Random random(seed);
  TensorMap feeds;
  const std::vector<Shape> shapes = suite.Shapes(kRows);
  for (size_t i = 0; i < shapes.size(); ++i) {
    const ValueInfo& input = suite.model.graph.inputs[i];
    Tensor tensor(input.dtype, shapes[i]);
    for (int64_t k = 0; k < tensor.size(); ++k) {
      if (input.dtype == DataType::kInt64) {
        tensor.mutable_data<int64_t>()[k] = static_cast<int64_t>(random.Below(static_cast<uint64_t>(suite.vocabulary)));
      } else {
        tensor.mutable_data<float>()[k] = static_cast<float>((2 * random.Uniform() - 1) * suite.scale + suite.shift);
      }
    }
    feeds[input.name] = std::move(tensor);
  }
  return feeds;
}

// The recipe of a preset, or of a name that only this suite knows.
absl::StatusOr<Recipe> RecipeNamed(const std::string& name) {
  for (const PresetInfo* preset : MakeCatalogue().presets) {
    if (preset->id == name) return preset->recipe;
  }
  if (name == "w8a16") {
    return Recipe{.weight = {{"int8_sym"}, {"per_channel"}, {"mse"}, {"nearest"}},
                  .activation = {{"uint16_asym"}, {"per_tensor"}, {"minmax"}, {"nearest"}}};
  }
  if (name == "fp8") {
    return Recipe{.weight = {{"float8e4m3fn"}, {"per_channel"}, {"minmax"}, {"nearest"}},
                  .activation = {{"float8e4m3fn"}, {"per_tensor"}, {"minmax"}, {"nearest"}}};
  }
  const Component block_32{"per_block", {{"block_size", int64_t{32}}}};
  if (name == "w2-g32") return Recipe{.weight = {{"uint2_asym"}, block_32, {"mse"}, {"nearest"}}};
  if (name == "w8a8-g32") {
    return Recipe{.weight = {{"int8_sym"}, block_32, {"minmax"}, {"nearest"}},
                  .activation = {{"uint8_asym"}, {"per_tensor"}, {"minmax"}, {"nearest"}}};
  }
  if (name == "w8-g32-asym") return Recipe{.weight = {{"uint8_asym"}, block_32, {"minmax"}, {"nearest"}}};
  return absl::NotFoundError(absl::StrCat("there is no preset '", name, "'"));
}

// As a job does it, from the file to the form.
absl::StatusOr<Model> QuantizeModel(const testing::SuiteModel& suite, const Recipe& recipe) {
  Model model = suite.model;
  RETURN_IF_ERROR(CheckRecipe(recipe));
  RETURN_IF_ERROR(RaiseOpset(model, 13));
  RETURN_IF_ERROR(RemoveIdentities(model.graph));
  RETURN_IF_ERROR(FoldConstants(model.graph, model.opset(), CpuBackend()));
  RETURN_IF_ERROR(FoldBatchNorm(model.graph));
  RETURN_IF_ERROR(FoldConvAdd(model.graph));
  RemoveDeadNodes(model.graph);
  if (LowestOpset(recipe) > model.opset()) RETURN_IF_ERROR(RaiseTo21(model));
  ASSIGN_OR_RETURN(const QuantizationPlan plan, PlanQuantization(model.graph, recipe));
  const BatchSource rows{.batches = kCalibrationBatches,
                         .batch_rows = kRows,
                         .load = [&](int64_t batch) -> absl::StatusOr<TensorMap> {
                           return Feeds(suite, 100 + static_cast<uint64_t>(batch));
                         }};
  ASSIGN_OR_RETURN(const auto statistics,
                   CalibrateTensors(model.graph, model.opset(), TensorsToObserve(plan), rows, 1));
  ASSIGN_OR_RETURN(const Quantization quantization, ChooseCodes(model.graph, plan, statistics, 1));
  ASSIGN_OR_RETURN(model.graph, ApplyQuantization(model.graph, plan, quantization));
  model.producer_name = "quantd";
  return model;
}

struct Probe {
  std::string tensor;
  std::string kind;
};

// The model's outputs, and further tensors that tell more.
std::vector<Probe> ProbesOf(const Graph& graph) {
  std::set<std::string> inputs;
  for (const ValueInfo& input : graph.inputs) inputs.insert(input.name);
  std::vector<Probe> probes;
  for (const ValueInfo& output : graph.outputs) probes.push_back({output.name, "output"});
  for (const Node& node : graph.nodes) {
    const bool unpacks = node.Is("DequantizeLinear") && graph.initializers.count(node.inputs[0]) > 0;
    const bool codes = node.Is("QuantizeLinear") || node.Is("DynamicQuantizeLinear");
    const bool own = codes && inputs.count(node.inputs[0]) > 0;
    for (const std::string& output : node.outputs) {
      // ONNX Runtime hands no float8 out to JavaScript.
      const auto zero = node.inputs.size() > 2 ? graph.initializers.find(node.inputs[2]) : graph.initializers.end();
      const bool readable = unpacks || zero == graph.initializers.end() || FindMinifloat(zero->second.dtype()) == nullptr;
      if ((unpacks || own) && readable) probes.push_back({output, "exact"});
      if (node.Is("QuantizeLinear") && !own && readable) probes.push_back({output, "codes"});
    }
  }
  return probes;
}

absl::Status WriteTensor(const std::string& path, const std::string& name, const Tensor& tensor) {
  onnx::TensorProto proto;
  onnx_io::TensorToProto(tensor, name, proto);
  return WriteFileAtomically(path, proto.SerializeAsString());
}

// Makes what reads the codes read them from an input instead, whose name is returned, and the codes themselves an output.
std::string GiveCodes(const std::string& codes, DataType type, Graph& graph) {
  const std::string given = codes + "/given";
  graph.inputs.push_back({.name = given, .dtype = type});
  for (Node& node : graph.nodes) std::replace(node.inputs.begin(), node.inputs.end(), codes, given);
  graph.outputs.push_back({.name = codes, .dtype = type});
  return given;
}

// How far ONNX Runtime's optimizer may go: some codes it takes for others (docs/qdq_placement.md).
nlohmann::json OptimizationFor(const Recipe& recipe) {
  const IntFormat* format = FindIntFormat(recipe.weight.format.id);
  const bool float8 = format->minifloat != nullptr;
  const bool blocks = recipe.weight.granularity.id == "per_block" && !recipe.activation.format.id.empty();
  return {{"level", float8 ? "basic" : "all"}, {"leaves_codes_alone", float8 || blocks}};
}

// Whether activations become codes where no probe can look: of a format that ONNX Runtime does not hand out, or at run time.
bool HasHiddenCodes(const Graph& graph, const std::vector<Probe>& probes) {
  std::set<std::string> probed;
  for (const Probe& probe : probes) probed.insert(probe.tensor);
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const Node& node) {
    const bool codes = node.Is("QuantizeLinear") || node.Is("DynamicQuantizeLinear");
    return codes && probed.count(node.outputs[0]) == 0;
  });
}

absl::Status WriteCase(const Model& unquantized, const Model& model, const nlohmann::json& optimization,
                       const TensorMap& feeds, const std::string& folder) {
  const std::vector<Probe> probes = ProbesOf(model.graph);
  std::vector<std::string> names;
  for (const Probe& probe : probes) names.push_back(probe.tensor);
  ASSIGN_OR_RETURN(const auto executor, CompileGraph(model.graph, model.opset(), CpuBackend(), {.keep = names}));
  TensorMap values;
  ASSIGN_OR_RETURN(const TensorMap outputs,
                   executor->RunObserved(feeds, [&](const std::string& name, const Tensor& tensor) { values[name] = tensor; }));
  values.insert(outputs.begin(), outputs.end());
  nlohmann::json description = {{"optimization", optimization}, {"hidden_codes", HasHiddenCodes(model.graph, probes)}};
  int files = 0;
  for (const auto& [name, tensor] : feeds) {
    const std::string file = absl::StrCat("input_", files++, ".pb");
    RETURN_IF_ERROR(WriteTensor(absl::StrCat(folder, "/", file), name, tensor));
    description["inputs"][name] = file;
  }
  Model probed = model, stepwise = model;
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string file = absl::StrCat("output_", i, ".pb");
    const Tensor& tensor = values.at(names[i]);
    RETURN_IF_ERROR(WriteTensor(absl::StrCat(folder, "/", file), names[i], tensor));
    description["outputs"].push_back({{"name", names[i]}, {"file", file}, {"kind", probes[i].kind}});
    if (probes[i].kind == "output") continue;
    probed.graph.outputs.push_back({.name = names[i], .dtype = tensor.dtype()});
    if (probes[i].kind == "codes") description["given"][GiveCodes(names[i], tensor.dtype(), stepwise.graph)] = file;
  }
  const std::map<std::string, const Model*> models = {
      {"float.onnx", &unquantized}, {"model.onnx", &model}, {"probed.onnx", &probed}, {"stepwise.onnx", &stepwise}};
  for (const auto& [file, written] : models) {
    ASSIGN_OR_RETURN(const std::string bytes, SerializeOnnxModel(*written));
    RETURN_IF_ERROR(WriteFileAtomically(absl::StrCat(folder, "/", file), bytes));
  }
  return WriteFileAtomically(absl::StrCat(folder, "/case.json"), description.dump(1));
}

absl::Status Run(const std::string& model_name, const std::string& preset, const std::string& form_id,
                 const std::string& folder) {
  ASSIGN_OR_RETURN(const testing::SuiteModel suite,
                   testing::MakeSuiteModel(model_name, std::string(QUANTD_TEST_DATA) + "/models"));
  ASSIGN_OR_RETURN(const Recipe recipe, RecipeNamed(preset));
  const ExportFormInfo* form = FindExportForm(form_id);
  if (form == nullptr) return absl::NotFoundError(absl::StrCat("there is no form '", form_id, "'"));
  const std::string misfit = MisfitOf(*form, recipe);
  if (!misfit.empty()) return absl::InvalidArgumentError(misfit);
  ASSIGN_OR_RETURN(const Model simulated, QuantizeModel(suite, recipe));
  ASSIGN_OR_RETURN(const Model model, LowerModel(*form, simulated));
  return WriteCase(suite.model, model, OptimizationFor(recipe), Feeds(suite, 1), folder);
}

}  // namespace
}  // namespace quantd

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: export_forms MODEL PRESET FORM FOLDER\n";
    return 2;
  }
  const absl::Status status = quantd::Run(argv[1], argv[2], argv[3], argv[4]);
  if (!status.ok()) std::cerr << "export_forms: " << status << "\n";
  return status.ok() ? 0 : 1;
}
