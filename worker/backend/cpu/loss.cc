// NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss.
#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;

enum class Reduction { kNone, kSum, kMean };

struct LossAttributes {
  Reduction reduction = Reduction::kMean;
  std::optional<int64_t> ignored;  // Targets of this class count nothing.
};

absl::StatusOr<LossAttributes> Attributes(const Node& node) {
  LossAttributes attributes;
  const std::string reduction = node.String("reduction", "mean");
  if (reduction == "none") {
    attributes.reduction = Reduction::kNone;
  } else if (reduction == "sum") {
    attributes.reduction = Reduction::kSum;
  } else if (reduction != "mean") {
    return BadAttribute(absl::StrCat("reduction is '", reduction, "'"));
  }
  if (node.Has("ignore_index")) attributes.ignored = node.Int("ignore_index", 0);
  return attributes;
}

// Input 0 [N, C, d...] float, input 1 [N, d...] classes, input 2 [C] weights or absent.
absl::Status CheckInputs(const Inputs& inputs) {
  RETURN_IF_ERROR(RequireFloat(inputs, 0));
  RETURN_IF_ERROR(RequireInput(inputs, 1));
  Shape expected = inputs[0]->shape();
  if (expected.size() < 2) return BadShape("a loss needs [N, C, ...]");
  expected.erase(expected.begin() + 1);
  if (inputs[1]->shape() != expected) {
    return BadShape(absl::StrCat("targets of shape ", ShapeString(inputs[1]->shape()), " for scores of shape ",
                                 ShapeString(inputs[0]->shape())));
  }
  if (inputs.size() < 3 || inputs[2] == nullptr) return absl::OkStatus();
  RETURN_IF_ERROR(RequireFloat(inputs, 2));
  if (inputs[2]->shape() == Shape{inputs[0]->dim(1)}) return absl::OkStatus();
  return BadShape(absl::StrCat("weights of shape ", ShapeString(inputs[2]->shape()), " for ", inputs[0]->dim(1),
                               " classes"));
}

// The loss of `log_probabilities` [N, C, d...]: -weight[target] * log_probabilities[target], reduced. The mean is weighted.
absl::Status SetLoss(const LossAttributes& attributes, const float* log_probabilities, const Inputs& inputs,
                     Outputs& outputs) {
  const Shape& shape = inputs[0]->shape();
  const Tensor* weights = inputs.size() > 2 ? inputs[2] : nullptr;
  const int64_t classes = shape[1];
  ASSIGN_OR_RETURN(const std::vector<int64_t> targets, Integers(*inputs[1]));
  const int64_t positions = static_cast<int64_t>(targets.size());
  const int64_t inner = positions == 0 ? 1 : positions / shape[0];
  const bool reduce = attributes.reduction != Reduction::kNone;
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, reduce ? Shape{} : inputs[1]->shape()));
  double sum = 0, weight_sum = 0;
  for (int64_t i = 0; i < positions; ++i) {
    const int64_t target = targets[static_cast<size_t>(i)];
    double loss = 0;
    if (target != attributes.ignored) {
      if (target < 0 || target >= classes) {
        return BadIndex(absl::StrCat("target ", target, " is none of ", classes, " classes"));
      }
      const double weight = weights == nullptr ? 1.0 : weights->data<float>()[target];
      loss = -weight * log_probabilities[(i / inner * classes + target) * inner + i % inner];
      weight_sum += weight;
    }
    sum += loss;
    if (!reduce) out.mutable_data<float>()[i] = static_cast<float>(loss);
  }
  if (attributes.reduction == Reduction::kMean) sum /= weight_sum;
  if (reduce) out.mutable_data<float>()[0] = static_cast<float>(sum);
  outputs[0] = std::move(out);
  return absl::OkStatus();
}

Maker MakeNegativeLogLikelihoodLoss(const KernelContext& context) {
  ASSIGN_OR_RETURN(const LossAttributes attributes, Attributes(context.node));
  return MakeKernelFrom([attributes](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(CheckInputs(inputs));
    return SetLoss(attributes, inputs[0]->data<float>(), inputs, outputs);
  });
}

// log(softmax(x)) along axis 1.
void LogSoftmaxOfChannels(const Tensor& x, float* y) {
  const int64_t classes = x.dim(1);
  const int64_t vectors = classes == 0 ? 0 : x.size() / classes;
  const int64_t inner = vectors == 0 ? 1 : vectors / x.dim(0);
  for (int64_t v = 0; v < vectors; ++v) {
    const int64_t begin = v / inner * classes * inner + v % inner;
    const float* from = x.data<float>() + begin;
    float highest = from[0];
    for (int64_t c = 1; c < classes; ++c) highest = std::max(highest, from[c * inner]);
    double sum = 0;
    for (int64_t c = 0; c < classes; ++c) sum += std::exp(static_cast<double>(from[c * inner]) - highest);
    const double log_sum = highest + std::log(sum);
    for (int64_t c = 0; c < classes; ++c) y[begin + c * inner] = static_cast<float>(from[c * inner] - log_sum);
  }
}

// The second output, where there is one, is the logarithm of the probabilities.
Maker MakeSoftmaxCrossEntropyLoss(const KernelContext& context) {
  ASSIGN_OR_RETURN(const LossAttributes attributes, Attributes(context.node));
  return MakeKernelFrom([attributes](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(CheckInputs(inputs));
    ASSIGN_OR_RETURN(Tensor log_probabilities, outputs.Make(DataType::kFloat, inputs[0]->shape()));
    LogSoftmaxOfChannels(*inputs[0], log_probabilities.mutable_data<float>());
    RETURN_IF_ERROR(SetLoss(attributes, log_probabilities.data<float>(), inputs, outputs));
    if (outputs.size() > 1) outputs[1] = std::move(log_probabilities);
    return absl::OkStatus();
  });
}

constexpr KernelEntry kEntries[] = {
    {"NegativeLogLikelihoodLoss", 12, &MakeNegativeLogLikelihoodLoss},
    {"SoftmaxCrossEntropyLoss", 12, &MakeSoftmaxCrossEntropyLoss},
};

}  // namespace

std::span<const KernelEntry> LossKernels() { return kEntries; }

}  // namespace quantd::cpu
