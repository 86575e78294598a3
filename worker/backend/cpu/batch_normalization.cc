// BatchNormalization in all its versions, inference and (since opset 14) training mode.
#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"

namespace quantd::cpu {
namespace {

struct Statistics {
  std::vector<double> mean;
  std::vector<double> variance;
};

// Whether the inputs are [N, C, ...] and four vectors of `features` values.
absl::Status CheckInputs(const Inputs& inputs, int64_t features) {
  for (size_t i = 1; i < 5; ++i) {
    RETURN_IF_ERROR(RequireFloat(inputs, i));
    if (inputs[i]->size() != features) {
      return BadShape(absl::StrCat("a parameter of BatchNormalization has shape ", ShapeString(inputs[i]->shape()),
                                   ", expected [", features, "]"));
    }
  }
  return absl::OkStatus();
}

Statistics GivenStatistics(const Inputs& inputs) {
  const float* mean = inputs[3]->data<float>();
  const float* variance = inputs[4]->data<float>();
  return {{mean, mean + inputs[3]->size()}, {variance, variance + inputs[4]->size()}};
}

// Of each channel over all else; the variance is that of the population.
Statistics MeasuredStatistics(const Tensor& x) {
  const size_t channels = static_cast<size_t>(x.dim(1));
  Statistics statistics{std::vector<double>(channels), std::vector<double>(channels)};
  const int64_t blocks = x.dim(0) * x.dim(1);
  const int64_t inner = blocks == 0 ? 0 : x.size() / blocks;
  const double count = static_cast<double>(x.dim(0) * inner);
  const auto each = [&](auto&& visit) {
    for (int64_t block = 0; block < blocks; ++block) {
      for (int64_t i = 0; i < inner; ++i) {
        visit(static_cast<size_t>(block % x.dim(1)), static_cast<double>(x.data<float>()[block * inner + i]));
      }
    }
  };
  each([&](size_t c, double value) { statistics.mean[c] += value; });
  for (double& mean : statistics.mean) mean /= count;
  each([&](size_t c, double value) {
    statistics.variance[c] += (value - statistics.mean[c]) * (value - statistics.mean[c]);
  });
  for (double& variance : statistics.variance) variance /= count;
  return statistics;
}

// Each feature is a run of `inner` elements; the features repeat.
absl::Status Normalize(const Inputs& inputs, const Statistics& statistics, double epsilon, int64_t inner,
                       Outputs& outputs) {
  const Tensor& x = *inputs[0];
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, x.shape()));
  const int64_t features = static_cast<int64_t>(statistics.mean.size());
  const int64_t blocks = inner == 0 ? 0 : x.size() / inner;
  for (int64_t block = 0; block < blocks; ++block) {
    const size_t c = static_cast<size_t>(block % features);
    const double scale = inputs[1]->data<float>()[c] / std::sqrt(statistics.variance[c] + epsilon);
    const double shift = inputs[2]->data<float>()[c] - statistics.mean[c] * scale;
    const float a = static_cast<float>(scale), b = static_cast<float>(shift);
    const float* from = x.data<float>() + block * inner;
    float* to = out.mutable_data<float>() + block * inner;
    for (int64_t i = 0; i < inner; ++i) to[i] = from[i] * a + b;
  }
  outputs[0] = std::move(out);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeTraining(const Node& node, double epsilon) {
  const double momentum = node.Float("momentum", 0.9f);
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    const Tensor& x = *inputs[0];
    if (x.rank() < 2) return BadShape("BatchNormalization needs [N, C, ...]");
    if (x.size() == 0) return BadShape("BatchNormalization in training mode has nothing to measure");
    RETURN_IF_ERROR(CheckInputs(inputs, x.dim(1)));
    const Statistics statistics = MeasuredStatistics(x);
    RETURN_IF_ERROR(Normalize(inputs, statistics, epsilon, x.size() / (x.dim(0) * x.dim(1)), outputs));
    for (size_t i = 1; i < outputs.size() && i < 3; ++i) {
      const std::vector<double>& measured = i == 1 ? statistics.mean : statistics.variance;
      ASSIGN_OR_RETURN(Tensor running, outputs.Make(DataType::kFloat, {x.dim(1)}));
      for (size_t c = 0; c < measured.size(); ++c) {
        running.mutable_data<float>()[c] = static_cast<float>(
            inputs[i + 2]->data<float>()[c] * momentum + measured[c] * (1 - momentum));
      }
      outputs[i] = std::move(running);
    }
    return absl::OkStatus();
  });
}

// Until opset 13 a node trains when it has further outputs, in opset 6 when it says that it is no test.
absl::Status RefuseOldTraining(const KernelContext& context) {
  bool trains = context.opset < 7 && context.node.Int("is_test", 0) == 0;
  for (size_t i = 1; i < context.node.outputs.size(); ++i) trains |= !context.node.outputs[i].empty();
  if (!trains) return absl::OkStatus();
  return BadAttribute("BatchNormalization in the training mode of opset 13 and below is not supported");
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeBatchNormalization(const KernelContext& context) {
  const double epsilon = context.node.Float("epsilon", 1e-5f);
  if (!(epsilon >= 0)) return BadAttribute(absl::StrCat("epsilon is ", epsilon));
  if (context.opset >= 14 && context.node.Int("training_mode", 0) != 0) return MakeTraining(context.node, epsilon);
  RETURN_IF_ERROR(RefuseOldTraining(context));
  // Until opset 8, spatial = 0 gives each position of a row its own statistics.
  const bool spatial = context.opset >= 9 || context.node.Int("spatial", 1) != 0;
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    const Tensor& x = *inputs[0];
    if (x.rank() < 1) return BadShape("BatchNormalization needs [N, C, ...]");
    int64_t features = x.rank() < 2 ? 1 : x.dim(1), inner = 1;
    for (size_t i = 2; i < x.rank(); ++i) (spatial ? inner : features) *= x.dim(i);
    RETURN_IF_ERROR(CheckInputs(inputs, features));
    return Normalize(inputs, GivenStatistics(inputs), epsilon, inner, outputs);
  });
}

constexpr KernelEntry kEntries[] = {{"BatchNormalization", 6, &MakeBatchNormalization}};

}  // namespace

std::span<const KernelEntry> BatchNormalizationKernels() { return kEntries; }

}  // namespace quantd::cpu
