// Layers of a quantized model computed in integers, which rewrites make from QuantizeLinear/DequantizeLinear around Conv,
// Gemm and MatMul:
//
//   quantd.IntegerConv, quantd.IntegerMatMul
//   inputs  x, x_scale, x_zero_point, w, w_scale, w_zero_point, bias, y_scale, y_zero_point
//
// x is uint8 or int8 with a scalar scale; w int8 with zero points 0 and one scale, or one an output channel; bias is
// int32 in units of x_scale * w_scale, or absent. Without y_scale the output is float, with it codes of
// y_zero_point's type. All but x are constants. Conv's attributes, "transB" of Gemm, "relu" and "channels_last" (see
// convolution.cc) apply. The same numbers as the float simulation, but for its float32 rounding.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"
#include "worker/backend/cpu/onednn_int8.h"
#include "worker/backend/cpu/shape_cache.h"

namespace quantd::cpu {
namespace {

// The constants of one layer, checked.
struct Layer {
  Node node;
  DataType input_type = DataType::kUint8;
  int32_t input_zero_point = 0;
  Tensor weight;
  Tensor bias;  // Undefined when absent.
  IntegerResult result;
};

bool IsByte(DataType type) { return type == DataType::kUint8 || type == DataType::kInt8; }

int32_t ByteAt(const Tensor& tensor, int64_t index) {
  return tensor.dtype() == DataType::kUint8 ? tensor.data<uint8_t>()[index] : tensor.data<int8_t>()[index];
}

absl::Status CheckScale(const Tensor& scale, absl::string_view name) {
  if (scale.dtype() != DataType::kFloat || scale.size() < 1) {
    return BadAttribute(absl::StrCat(name, " must hold floats"));
  }
  for (int64_t i = 0; i < scale.size(); ++i) {
    if (!(scale.data<float>()[i] > 0)) return BadAttribute(absl::StrCat(name, " must be above 0"));
  }
  return absl::OkStatus();
}

absl::Status ReadWeight(const std::vector<Tensor>& constants, int64_t channels, Layer& layer) {
  const Tensor& scale = constants[4];
  const Tensor& zero_point = constants[5];
  RETURN_IF_ERROR(CheckScale(scale, "w_scale"));
  if (layer.weight.dtype() != DataType::kInt8 || (scale.size() != 1 && scale.size() != channels)) {
    return BadShape("the weight must be int8 with one scale, or one an output channel");
  }
  for (int64_t i = 0; i < zero_point.size(); ++i) {
    if (!IsByte(zero_point.dtype()) || ByteAt(zero_point, i) != 0) return BadAttribute("w_zero_point must be 0");
  }
  const Tensor& bias = layer.bias;
  if (bias.defined() && (bias.dtype() != DataType::kInt32 || bias.size() != channels)) {
    return BadShape("the bias must be int32, one an output channel");
  }
  return absl::OkStatus();
}

absl::StatusOr<Layer> Read(const KernelContext& context, int64_t channels_axis) {
  const std::vector<Tensor>& constants = context.constants;
  const auto given = [&](size_t i) { return i < constants.size() && constants[i].defined(); };
  for (const size_t i : {1, 2, 3, 4, 5}) {
    if (!given(i)) return BadAttribute(absl::StrCat("input ", i, " must be a constant"));
  }
  Layer layer{.node = context.node, .input_type = constants[2].dtype(), .weight = constants[3]};
  if (given(6)) layer.bias = constants[6];
  RETURN_IF_ERROR(CheckScale(constants[1], "x_scale"));
  if (constants[1].size() != 1 || constants[2].size() != 1 || !IsByte(layer.input_type)) {
    return BadShape("x must be uint8 or int8 with one scale");
  }
  layer.input_zero_point = ByteAt(constants[2], 0);
  if (layer.weight.rank() < 2) return BadShape("the weight needs two axes or more");
  const size_t axis = static_cast<size_t>(channels_axis);
  RETURN_IF_ERROR(ReadWeight(constants, layer.weight.dim(axis), layer));
  double y_scale = 1;
  if (given(7)) {
    RETURN_IF_ERROR(CheckScale(constants[7], "y_scale"));
    if (constants[7].size() != 1 || !given(8) || constants[8].size() != 1 || !IsByte(constants[8].dtype())) {
      return BadShape("y must be uint8 or int8 with one scale");
    }
    y_scale = *constants[7].data<float>();
    layer.result.dtype = constants[8].dtype();
    layer.result.zero_point = ByteAt(constants[8], 0);
  }
  for (int64_t c = 0; c < constants[4].size(); ++c) {
    const double scale = static_cast<double>(*constants[1].data<float>()) * constants[4].data<float>()[c];
    layer.result.scale.push_back(static_cast<float>(scale / y_scale));
  }
  layer.result.relu = context.node.Int("relu", 0) != 0;
  return layer;
}

class IntegerConv final : public Kernel {
 public:
  explicit IntegerConv(Layer layer)
      : layer_(std::move(layer)), channels_last_(layer_.node.Int("channels_last", 0) != 0) {}

  absl::Status Run(const Inputs& inputs, Outputs& outputs) const override {
    RETURN_IF_ERROR(RequireInput(inputs, 0));
    const Tensor& x = *inputs[0];
    const Shape& w = layer_.weight.shape();
    const int64_t groups = layer_.node.Int("group", 1);
    if (x.dtype() != layer_.input_type) return BadType(x, DataTypeName(layer_.input_type));
    if (x.rank() != 4 || w.size() != 4) return BadShape("an integer convolution has two spatial axes");
    OneDnnIntegerConvolution::Problem problem{.input = x.shape(),
                                              .weight = w,
                                              .groups = groups,
                                              .input_type = layer_.input_type,
                                              .input_zero_point = layer_.input_zero_point,
                                              .has_bias = layer_.bias.defined(),
                                              .result = layer_.result,
                                              .channels_last = channels_last_};
    if (channels_last_) problem.input = {x.dim(0), x.dim(3), x.dim(1), x.dim(2)};
    const Shape& in = problem.input;
    if (groups < 1 || in[1] % groups != 0 || w[0] % groups != 0 || w[1] != in[1] / groups) {
      return BadShape(absl::StrCat("input ", ShapeString(x.shape()), ", weight ", ShapeString(w), " and group ",
                                   groups, " do not fit"));
    }
    ASSIGN_OR_RETURN(problem.window, ResolveWindow(layer_.node, {w[2], w[3]}, {in[2], in[3]}, false));
    const int64_t height = problem.window.output[0], width = problem.window.output[1];
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(layer_.result.dtype, channels_last_
                                                                       ? Shape{in[0], height, width, w[0]}
                                                                       : Shape{in[0], w[0], height, width}));
    if (out.size() > 0) {
      ASSIGN_OR_RETURN(
          const auto convolution,
          prepared_.Get(in, [&]() -> absl::StatusOr<std::shared_ptr<const OneDnnIntegerConvolution>> {
            return OneDnnIntegerConvolution::Create(
                problem, layer_.weight.data<int8_t>(),
                problem.has_bias ? layer_.bias.data<int32_t>() : nullptr);
          }));
      ASSIGN_OR_RETURN(Tensor scratch, outputs.Make(DataType::kUint8,
                                                    {static_cast<int64_t>(convolution->scratch_bytes())}));
      RETURN_IF_ERROR(convolution->Run(x.raw(), scratch.mutable_raw(), out.mutable_raw()));
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  }

 private:
  const Layer layer_;
  const bool channels_last_;
  mutable ShapeCache<OneDnnIntegerConvolution> prepared_;
};

class IntegerMatMul final : public Kernel {
 public:
  explicit IntegerMatMul(Layer layer) : layer_(std::move(layer)) {}

  absl::Status Run(const Inputs& inputs, Outputs& outputs) const override {
    RETURN_IF_ERROR(RequireInput(inputs, 0));
    const Tensor& x = *inputs[0];
    const bool transposed = layer_.node.Int("transB", 0) != 0;
    const int64_t k = layer_.weight.dim(transposed ? 1 : 0), n = layer_.weight.dim(transposed ? 0 : 1);
    if (x.dtype() != layer_.input_type) return BadType(x, DataTypeName(layer_.input_type));
    if (x.rank() < 2 || x.shape().back() != k) {
      return BadShape(absl::StrCat("input ", ShapeString(x.shape()), " and weight ",
                                   ShapeString(layer_.weight.shape()), " cannot be multiplied"));
    }
    Shape shape = x.shape();
    shape.back() = n;
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(layer_.result.dtype, shape));
    if (out.size() > 0) {
      const OneDnnIntegerProduct::Problem problem{.m = out.size() / n,
                                                  .n = n,
                                                  .k = k,
                                                  .transposed_weight = transposed,
                                                  .input_type = layer_.input_type,
                                                  .input_zero_point = layer_.input_zero_point,
                                                  .has_bias = layer_.bias.defined(),
                                                  .result = layer_.result};
      ASSIGN_OR_RETURN(
          const auto product,
          prepared_.Get({problem.m}, [&]() -> absl::StatusOr<std::shared_ptr<const OneDnnIntegerProduct>> {
            return OneDnnIntegerProduct::Create(problem, layer_.weight.data<int8_t>(),
                                                problem.has_bias ? layer_.bias.data<int32_t>() : nullptr);
          }));
      ASSIGN_OR_RETURN(Tensor scratch,
                       outputs.Make(DataType::kUint8, {static_cast<int64_t>(product->scratch_bytes())}));
      RETURN_IF_ERROR(product->Run(x.raw(), scratch.mutable_raw(), out.mutable_raw()));
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  }

 private:
  const Layer layer_;
  mutable ShapeCache<OneDnnIntegerProduct> prepared_;
};

absl::StatusOr<std::unique_ptr<Kernel>> MakeIntegerConv(const KernelContext& context) {
  ASSIGN_OR_RETURN(Layer layer, Read(context, 0));
  return std::make_unique<IntegerConv>(std::move(layer));
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeIntegerMatMul(const KernelContext& context) {
  ASSIGN_OR_RETURN(Layer layer, Read(context, context.node.Int("transB", 0) != 0 ? 0 : 1));
  if (layer.weight.rank() != 2) return BadShape("the weight of an integer product is a matrix");
  return std::make_unique<IntegerMatMul>(std::move(layer));
}

constexpr KernelEntry kEntries[] = {
    {"IntegerConv", 1, &MakeIntegerConv, "quantd", Takes::kNumbers},
    {"IntegerMatMul", 1, &MakeIntegerMatMul, "quantd", Takes::kNumbers},
};

}  // namespace

std::span<const KernelEntry> IntegerLayerKernels() { return kEntries; }

}  // namespace quantd::cpu
