// ConvInteger and QLinearConv: exact 32-bit sums of 8-bit codes over any number of spatial axes. Padding holds the
// input's zero point, which stands for 0.
#include <cstdint>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/integer_codes.h"
#include "worker/backend/cpu/kernel_support.h"
#include "worker/backend/cpu/window.h"

namespace quantd::cpu {
namespace {

struct Problem {
  Shape output;
  int64_t groups = 1;
  Window window;
  int32_t x_zero = 0;
  std::vector<int32_t> w_zero;
};

absl::StatusOr<Problem> Resolve(const Node& node, const Tensor& x, const Tensor& w) {
  Problem problem{.groups = node.Int("group", 1)};
  if (x.rank() < 3 || w.rank() != x.rank() || problem.groups < 1 || x.dim(1) % problem.groups != 0 ||
      w.dim(0) % problem.groups != 0 || w.dim(1) != x.dim(1) / problem.groups) {
    return BadShape(absl::StrCat("input ", ShapeString(x.shape()), ", weight ", ShapeString(w.shape()), " and group ",
                                 problem.groups, " do not fit"));
  }
  ASSIGN_OR_RETURN(problem.window, ResolveWindow(node, {w.shape().begin() + 2, w.shape().end()},
                                                 {x.shape().begin() + 2, x.shape().end()}, false));
  problem.output = {x.dim(0), w.dim(0)};
  problem.output.insert(problem.output.end(), problem.window.output.begin(), problem.window.output.end());
  return problem;
}

// Steps a position through `extents` in row-major order; false after the last one.
bool Next(const std::vector<int64_t>& extents, std::vector<int64_t>& position) {
  for (size_t axis = extents.size(); axis-- > 0;) {
    if (++position[axis] < extents[axis]) return true;
    position[axis] = 0;
  }
  return false;
}

// The sum over the window at output position `at`, for all input channels of output channel `channel`.
int32_t SumAt(const Problem& problem, const Tensor& x, const Tensor& w, int64_t image, int64_t channel,
              const std::vector<int64_t>& at) {
  const Window& window = problem.window;
  const int64_t inputs = w.dim(1);
  const int64_t first = channel / (w.dim(0) / problem.groups) * inputs;
  const int32_t w_zero = OfChannel(problem.w_zero, channel);
  int64_t plane = 1, taps = 1;
  for (size_t axis = 2; axis < x.rank(); ++axis) plane *= x.dim(axis);
  for (const int64_t extent : window.kernel) taps *= extent;
  uint32_t sum = 0;
  std::vector<int64_t> tap(window.kernel.size(), 0);
  int64_t tap_index = 0;
  do {
    int64_t offset = 0;
    bool inside = true;
    for (size_t axis = 0; axis < tap.size(); ++axis) {
      const int64_t pixel = at[axis] * window.strides[axis] + tap[axis] * window.dilations[axis] - window.pads_begin[axis];
      inside &= pixel >= 0 && pixel < x.dim(axis + 2);
      offset = offset * x.dim(axis + 2) + pixel;
    }
    for (int64_t c = 0; inside && c < inputs; ++c) {
      const int32_t pixel = CodeAt(x, (image * x.dim(1) + first + c) * plane + offset) - problem.x_zero;
      const int32_t weight = CodeAt(w, (channel * inputs + c) * taps + tap_index) - w_zero;
      sum += static_cast<uint32_t>(pixel * weight);
    }
    ++tap_index;
  } while (Next(window.kernel, tap));
  return static_cast<int32_t>(sum);
}

// Calls store(index, channel, sum) for every element of the output.
template <typename Store>
void ForEachSum(const Problem& problem, const Tensor& x, const Tensor& w, const Store& store) {
  int64_t index = 0;
  for (int64_t image = 0; image < problem.output[0]; ++image) {
    for (int64_t channel = 0; channel < problem.output[1]; ++channel) {
      std::vector<int64_t> at(problem.window.output.size(), 0);
      do {
        store(index++, channel, SumAt(problem, x, w, image, channel, at));
      } while (Next(problem.window.output, at));
    }
  }
}

// x, w, x_zero_point, w_zero_point.
absl::Status RunConvInteger(const Node& node, const Inputs& inputs, Outputs& outputs) {
  RETURN_IF_ERROR(RequireBytes(inputs, 0));
  RETURN_IF_ERROR(RequireBytes(inputs, 1));
  const Tensor& x = *inputs[0];
  const Tensor& w = *inputs[1];
  ASSIGN_OR_RETURN(Problem problem, Resolve(node, x, w));
  ASSIGN_OR_RETURN(const std::vector<int32_t> x_zero, ZeroPoints(inputs, 2, 0, 1));
  ASSIGN_OR_RETURN(problem.w_zero, ZeroPoints(inputs, 3, 1, w.dim(0)));
  problem.x_zero = x_zero[0];
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kInt32, problem.output));
  int32_t* y = out.mutable_data<int32_t>();
  ForEachSum(problem, x, w, [&](int64_t index, int64_t, int32_t sum) { y[index] = sum; });
  outputs[0] = std::move(out);
  return absl::OkStatus();
}

// x, x_scale, x_zero_point, w, w_scale, w_zero_point, y_scale, y_zero_point, B.
absl::Status RunQLinearConv(const Node& node, const Inputs& inputs, Outputs& outputs) {
  for (const size_t codes : {0, 3, 7}) RETURN_IF_ERROR(RequireBytes(inputs, codes));
  const Tensor& x = *inputs[0];
  const Tensor& w = *inputs[3];
  ASSIGN_OR_RETURN(Problem problem, Resolve(node, x, w));
  ASSIGN_OR_RETURN(const std::vector<float> x_scale, Scales(inputs, 1, 1));
  ASSIGN_OR_RETURN(const std::vector<int32_t> x_zero, ZeroPoints(inputs, 2, 0, 1));
  ASSIGN_OR_RETURN(const std::vector<float> w_scale, Scales(inputs, 4, w.dim(0)));
  ASSIGN_OR_RETURN(problem.w_zero, ZeroPoints(inputs, 5, 3, w.dim(0)));
  ASSIGN_OR_RETURN(const std::vector<float> y_scale, Scales(inputs, 6, 1));
  ASSIGN_OR_RETURN(const std::vector<int32_t> y_zero, ZeroPoints(inputs, 7, 7, 1));
  problem.x_zero = x_zero[0];
  const Tensor* bias = inputs.size() > 8 ? inputs[8] : nullptr;
  if (bias != nullptr && bias->dtype() != DataType::kInt32) return BadType(*bias, "int32");
  if (bias != nullptr && bias->shape() != Shape{w.dim(0)}) {
    return BadShape(absl::StrCat("the bias has shape ", ShapeString(bias->shape()), ", expected [", w.dim(0), "]"));
  }
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(inputs[7]->dtype(), problem.output));
  auto* y = static_cast<uint8_t*>(out.mutable_raw());
  ForEachSum(problem, x, w, [&](int64_t index, int64_t channel, int32_t sum) {
    if (bias != nullptr) {
      sum = static_cast<int32_t>(static_cast<uint32_t>(sum) + static_cast<uint32_t>(bias->data<int32_t>()[channel]));
    }
    const float multiplier = x_scale[0] * OfChannel(w_scale, channel) / y_scale[0];
    y[index] = Requantize(sum, multiplier, y_zero[0], out.dtype());
  });
  outputs[0] = std::move(out);
  return absl::OkStatus();
}

template <absl::Status (*run)(const Node&, const Inputs&, Outputs&)>
absl::StatusOr<std::unique_ptr<Kernel>> Make(const KernelContext& context) {
  return MakeKernelFrom(
      [node = context.node](const Inputs& inputs, Outputs& outputs) { return run(node, inputs, outputs); });
}

constexpr KernelEntry kEntries[] = {
    {"ConvInteger", 10, &Make<RunConvInteger>},
    {"QLinearConv", 10, &Make<RunQLinearConv>},
};

}  // namespace

std::span<const KernelEntry> IntegerConvolutionKernels() { return kEntries; }

}  // namespace quantd::cpu
