// Conv, by oneDNN; and quantd.FusedConv, which rewrites make:
//   y = activation(conv(x, w) + bias + residual), inputs x, w, bias (optional), residual (optional),
// with Conv's attributes, "activation" (a FusedActivation's name, "activation_alpha", "activation_beta") and
// "channels_last" (x, residual and y are [N, spatial..., C]; w stays [O, C / group, spatial...]).
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"
#include "worker/backend/cpu/onednn.h"
#include "worker/backend/cpu/shape_cache.h"
#include "worker/backend/cpu/window.h"

namespace quantd::cpu {
namespace {

const Tensor* Optional(const Inputs& inputs, size_t index) {
  return index < inputs.size() ? inputs[index] : nullptr;
}

Shape ChannelsFirst(const Shape& shape) {
  Shape moved = {shape.front(), shape.back()};
  moved.insert(moved.end(), shape.begin() + 1, shape.end() - 1);
  return moved;
}

Shape ChannelsLast(const Shape& shape) {
  Shape moved = {shape[0]};
  moved.insert(moved.end(), shape.begin() + 2, shape.end());
  moved.push_back(shape[1]);
  return moved;
}

// One axis: a plane of height 1.
void AddAxis(OneDnnConvolution::Problem& problem) {
  problem.input.insert(problem.input.begin() + 2, 1);
  problem.weight.insert(problem.weight.begin() + 2, 1);
  for (std::vector<int64_t>* ones : {&problem.window.kernel, &problem.window.strides,
                                     &problem.window.dilations, &problem.window.output}) {
    ones->insert(ones->begin(), 1);
  }
  problem.window.pads_begin.insert(problem.window.pads_begin.begin(), 0);
  problem.window.pads_end.insert(problem.window.pads_end.begin(), 0);
}

class ConvKernel final : public Kernel {
 public:
  ConvKernel(const Node& node, bool constant_weights)
      : node_(node),
        groups_(node.Int("group", 1)),
        channels_last_(node.Int("channels_last", 0) != 0),
        activation_{.name = node.String("activation", ""),
                    .alpha = node.Float("activation_alpha", 0),
                    .beta = node.Float("activation_beta", 0)},
        constant_weights_(constant_weights) {}

  absl::Status Run(const Inputs& inputs, Outputs& outputs) const override {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    RETURN_IF_ERROR(RequireFloat(inputs, 1));
    const Tensor& x = *inputs[0];
    const Tensor& w = *inputs[1];
    const Tensor* bias = Optional(inputs, 2);
    const Tensor* residual = Optional(inputs, 3);
    const bool permute = channels_last_ && x.rank() >= 3;
    Shape shape;
    ASSIGN_OR_RETURN(OneDnnConvolution::Problem problem,
                     MakeProblem(permute ? ChannelsFirst(x.shape()) : x.shape(), w.shape(), shape));
    if (permute) shape = ChannelsLast(shape);
    if (bias != nullptr) {
      RETURN_IF_ERROR(RequireFloat(inputs, 2));
      if (bias->shape() != Shape{w.dim(0)}) {
        return BadShape(absl::StrCat("the bias has shape ", ShapeString(bias->shape()),
                                     ", expected [", w.dim(0), "]"));
      }
    }
    if (residual != nullptr) {
      RETURN_IF_ERROR(RequireFloat(inputs, 3));
      if (residual->shape() != shape) {
        return BadShape(absl::StrCat("the residual has shape ", ShapeString(residual->shape()),
                                     ", expected ", ShapeString(shape)));
      }
    }
    problem.has_bias = bias != nullptr;
    problem.has_residual = residual != nullptr;
    Tensor out;
    const bool in_place = residual != nullptr && outputs.Reusable(3) != nullptr;
    if (in_place) {
      out = std::move(*outputs.Reusable(3));
    } else {
      ASSIGN_OR_RETURN(out, outputs.Make(DataType::kFloat, shape));
    }
    if (out.size() > 0) {
      ASSIGN_OR_RETURN(const std::shared_ptr<const OneDnnConvolution> convolution,
                       Prepare(problem, w.data<float>(), bias ? bias->data<float>() : nullptr));
      ASSIGN_OR_RETURN(Tensor scratch,
                       outputs.Make(DataType::kUint8,
                                    {static_cast<int64_t>(convolution->scratch_bytes())}));
      const float* added = in_place ? out.data<float>() : residual ? residual->data<float>() : nullptr;
      RETURN_IF_ERROR(convolution->Run(x.data<float>(), added, scratch.mutable_raw(),
                                       out.mutable_data<float>()));
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  }

 private:
  // `x` with channels first; so is `output`.
  absl::StatusOr<OneDnnConvolution::Problem> MakeProblem(const Shape& x, const Shape& w,
                                                         Shape& output) const {
    if (x.size() < 3 || x.size() > 5 || w.size() != x.size()) {
      return BadShape(absl::StrCat("input ", ShapeString(x), " and weight ", ShapeString(w),
                                   " are no convolution over one to three axes"));
    }
    if (groups_ < 1 || w[0] < 1 || x[1] < 1 || x[1] % groups_ != 0 || w[0] % groups_ != 0 ||
        w[1] != x[1] / groups_) {
      return BadShape(absl::StrCat("input ", ShapeString(x), ", weight ", ShapeString(w), " and group ",
                                   groups_, " do not fit"));
    }
    OneDnnConvolution::Problem problem{.input = x,
                                       .weight = w,
                                       .groups = groups_,
                                       .activation = activation_,
                                       .channels_last = channels_last_};
    ASSIGN_OR_RETURN(problem.window, ResolveWindow(node_, {w.begin() + 2, w.end()},
                                                   {x.begin() + 2, x.end()}, false));
    output = {x[0], w[0]};
    output.insert(output.end(), problem.window.output.begin(), problem.window.output.end());
    if (x.size() == 3) AddAxis(problem);
    return problem;
  }

  absl::StatusOr<std::shared_ptr<const OneDnnConvolution>> Prepare(
      const OneDnnConvolution::Problem& problem, const float* weights, const float* bias) const {
    const auto make = [&]() -> absl::StatusOr<std::shared_ptr<const OneDnnConvolution>> {
      return OneDnnConvolution::Create(problem, weights, bias);
    };
    return constant_weights_ ? prepared_.Get(problem.input, make) : make();
  }

  const Node node_;
  const int64_t groups_;
  const bool channels_last_;
  const FusedActivation activation_;
  const bool constant_weights_;
  mutable ShapeCache<OneDnnConvolution> prepared_;
};

absl::StatusOr<std::unique_ptr<Kernel>> MakeConv(const KernelContext& context) {
  const std::string activation = context.node.String("activation", "");
  if (!IsFusible({.name = activation})) {
    return BadAttribute(absl::StrCat("'", activation, "' cannot be fused into a convolution"));
  }
  // A bias that is absent is as constant as one that is stored.
  bool constant = context.constants.size() >= 2 && context.constants[1].defined();
  if (context.node.inputs.size() > 2 && !context.node.inputs[2].empty()) {
    constant &= context.constants[2].defined();
  }
  return std::make_unique<ConvKernel>(context.node, constant);
}

constexpr KernelEntry kEntries[] = {{"Conv", 1, &MakeConv},
                                    {"FusedConv", 1, &MakeConv, "quantd"}};

}  // namespace

std::span<const KernelEntry> ConvolutionKernels() { return kEntries; }

}  // namespace quantd::cpu
