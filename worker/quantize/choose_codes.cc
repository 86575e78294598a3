#include "worker/quantize/choose_codes.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "common/status_macros.h"
#include "worker/exec/executor.h"
#include "worker/methods/code_format.h"
#include "worker/quantize/code_values.h"
#include "worker/quantize/code_weights.h"

namespace quantd {
namespace {

using StatisticsMap = std::map<std::string, TensorStatistics>;

// What the group's code should cover: the known ranges, and the method's choice for everything else together.
ClipRange RangeOf(const CodeGroup& group, const StatisticsMap& statistics, const IntFormat& format) {
  TensorStatistics joint;
  ClipRange range;
  bool is_open = group.known.empty();
  for (const std::string& tensor : group.observed) {
    const auto known = group.known.find(tensor);
    if (known == group.known.end()) {
      joint.Join(statistics.at(tensor));
      is_open = true;
    } else {
      range.lower = std::min(range.lower, known->second.lower);
      range.upper = std::max(range.upper, known->second.upper);
    }
  }
  if (!is_open) return range;
  const ClipRange chosen = MakeRangeMethod(group.recipe.range)->ForActivation(joint, format);
  if (group.known.empty()) return chosen;
  return {std::min(range.lower, chosen.lower), std::max(range.upper, chosen.upper)};
}

ActivationDecision DecideActivation(const CodeGroup& group, const StatisticsMap& statistics) {
  const IntFormat format = MakeFormat(group.recipe.format);
  const ClipRange range = RangeOf(group, statistics, format);
  const QuantParams params = format.Params(range.lower, range.upper);
  return {.code = ScalarCode(format, params),
          .scale = params.scale,
          .zero_point = params.zero_point,
          .clip_lower = format.Lower(params),
          .clip_upper = format.Upper(params)};
}

// Constants that an integer kernel reads beside activations have one code for the tensor, like these.
void CodeConstants(const Graph& graph, const QuantizationPlan& plan, Quantization& quantization) {
  std::map<std::string, IntFormat> format_of;
  for (const CodeGroup& group : plan.groups) {
    for (const std::string& tensor : group.tensors) {
      if (graph.initializers.count(tensor) > 0) format_of[tensor] = MakeFormat(group.recipe.format);
    }
  }
  if (format_of.empty()) return;
  for (const Node& node : graph.nodes) {
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const auto format = format_of.find(node.inputs[i]);
      if (format == format_of.end() || plan.reads.count({node.name, i}) == 0) continue;
      const Tensor& values = graph.initializers.at(node.inputs[i]);
      const ActivationDecision& decision = quantization.activations.at(node.inputs[i]);
      const QuantParams params{decision.code.scale.data<float>()[0], decision.zero_point};
      CodedTensor coded{.codes = Tensor(format->second.storage, values.shape()), .code = decision.code};
      for (int64_t k = 0; k < values.size(); ++k) {
        SetCode(coded.codes, k, format->second.Code(values.data<float>()[k], params));
      }
      quantization.weights[{node.name, i}] = std::move(coded);
    }
  }
}

struct WeightTask {
  const PlannedLayer* layer;
  const PlannedWeight* weight;
  const Tensor* values;
  bool in_body = false;
};

std::vector<WeightTask> WeightTasks(const Graph& graph, const QuantizationPlan& plan) {
  std::vector<WeightTask> tasks;
  for (const PlannedLayer& layer : plan.layers) {
    if (layer.excluded) continue;
    for (const PlannedWeight& weight : layer.weights) {
      tasks.push_back({&layer, &weight, &graph.initializers.at(weight.initializer)});
    }
  }
  for (const BodyLayer& body : plan.body_layers) {
    for (size_t i = 0; i < body.values.size() && !body.layer.excluded; ++i) {
      tasks.push_back({&body.layer, &body.layer.weights[i], &body.values[i], /*in_body=*/true});
    }
  }
  return tasks;
}

}  // namespace

absl::StatusOr<Quantization> ChooseCodes(const Graph& graph, const QuantizationPlan& plan,
                                         const StatisticsMap& statistics, int threads) {
  Quantization quantization;
  for (const CodeGroup& group : plan.groups) {
    const ActivationDecision decision = DecideActivation(group, statistics);
    for (const std::string& tensor : group.tensors) quantization.activations[tensor] = decision;
  }
  const std::vector<WeightTask> tasks = WeightTasks(graph, plan);
  std::vector<CodedTensor> coded(tasks.size());
  RETURN_IF_ERROR(ParallelFor(static_cast<int64_t>(tasks.size()), threads, [&](int64_t i) -> absl::Status {
    const WeightTask& task = tasks[static_cast<size_t>(i)];
    const PlannedLayer& layer = *task.layer;
    IntegerBias bias;
    if (!layer.bias.empty() && !layer.activations.empty()) {
      bias = {&graph.initializers.at(layer.bias), quantization.activations.at(layer.activations[0]).scale};
    }
    ASSIGN_OR_RETURN(coded[static_cast<size_t>(i)], CodeWeight(*task.values, *task.weight, layer.weight_recipe, bias));
    return absl::OkStatus();
  }));
  for (size_t i = 0; i < tasks.size(); ++i) {
    auto& weights = tasks[i].in_body ? quantization.body_weights : quantization.weights;
    weights[{tasks[i].layer->node, tasks[i].weight->input}] = std::move(coded[i]);
  }
  CodeConstants(graph, plan, quantization);
  return quantization;
}

}  // namespace quantd
