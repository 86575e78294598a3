// Products, convolutions, pools, reductions, and the fused operators of the optimizer.
#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "worker/graph/shape_rules.h"

namespace quantd::shape_rules {
namespace {

using Dimensions = std::vector<Dimension>;

void MatMul(Context& c) {
  c.SetType(0, c.in(0).dtype);
  if (!c.in(0).has_shape || !c.in(1).has_shape) return;
  const Dimensions& a = c.in(0).shape;
  const Dimensions& b = c.in(1).shape;
  if (a.empty() || b.empty()) return;
  const size_t batch_a = a.size() < 2 ? 0 : a.size() - 2, batch_b = b.size() < 2 ? 0 : b.size() - 2;
  auto shape = Broadcast(c, {a.begin(), a.begin() + static_cast<std::ptrdiff_t>(batch_a)},
                         {b.begin(), b.begin() + static_cast<std::ptrdiff_t>(batch_b)});
  if (!shape.has_value()) return;
  if (a.size() > 1) shape->push_back(a[a.size() - 2]);
  if (b.size() > 1) shape->push_back(b.back());
  c.Set(0, c.in(0).dtype, *std::move(shape));
}

void Gemm(Context& c) {
  c.SetType(0, c.in(0).dtype);
  if (!c.in(0).has_shape || !c.in(1).has_shape || c.in(0).shape.size() != 2 || c.in(1).shape.size() != 2) return;
  c.Set(0, c.in(0).dtype,
        {c.in(0).shape[c.node.Int("transA", 0) != 0 ? 1 : 0], c.in(1).shape[c.node.Int("transB", 0) != 0 ? 0 : 1]});
}

// One spatial axis of a window that slides over it.
Dimension Slid(Context& c, const Dimension& in, int64_t kernel, size_t axis, size_t axes) {
  const auto list = [&](const char* name, int64_t fallback, size_t size) {
    return c.node.Ints(name, std::vector<int64_t>(size, fallback));
  };
  const std::vector<int64_t> strides = list("strides", 1, axes), dilations = list("dilations", 1, axes),
                             pads = list("pads", 0, 2 * axes);
  constexpr int64_t kFar = int64_t{1} << 31;
  if (in.extent < 0 || in.extent > kFar || kernel < 1 || kernel > kFar || strides.size() != axes ||
      dilations.size() != axes || pads.size() != 2 * axes) {
    return c.Fresh();
  }
  const int64_t stride = strides[axis], dilation = dilations[axis], before = pads[axis], after = pads[axis + axes];
  if (stride < 1 || stride > kFar || dilation < 1 || dilation > kFar || std::abs(before) > kFar || std::abs(after) > kFar) {
    return c.Fresh();
  }
  const std::string auto_pad = c.node.String("auto_pad", "NOTSET");
  if (auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER") return Known((in.extent + stride - 1) / stride);
  if (auto_pad != "NOTSET" && auto_pad != "VALID") return c.Fresh();
  const int64_t padded = in.extent + (auto_pad == "VALID" ? 0 : before + after);
  const int64_t room = padded - ((kernel - 1) * dilation + 1);
  if (room < 0) return c.Fresh();
  if (c.node.Int("ceil_mode", 0) == 0) return Known(room / stride + 1);
  int64_t out = (room + stride - 1) / stride + 1;
  // No window starts in the padding behind the end.
  if ((out - 1) * stride >= in.extent + (auto_pad == "VALID" ? 0 : before)) --out;
  return Known(out);
}

void Conv(Context& c) {
  c.SetType(0, c.in(0).dtype);
  if (!c.in(0).has_shape || !c.in(1).has_shape) return;
  const Dimensions& x = c.in(0).shape;
  const Dimensions& w = c.in(1).shape;
  if (x.size() < 3 || w.size() != x.size()) return;
  Dimensions shape = {x[0], w[0]};
  for (size_t axis = 0; axis + 2 < x.size(); ++axis) {
    shape.push_back(Slid(c, x[axis + 2], w[axis + 2].extent, axis, x.size() - 2));
  }
  c.Set(0, c.in(0).dtype, std::move(shape));
}

void Pool(Context& c) {
  c.SetType(0, c.in(0).dtype);
  if (!c.in(0).has_shape || c.in(0).shape.size() < 3) return;
  const Dimensions& x = c.in(0).shape;
  const std::vector<int64_t> kernel = c.node.Ints("kernel_shape");
  if (kernel.size() + 2 != x.size()) return;
  Dimensions shape = {x[0], x[1]};
  for (size_t axis = 0; axis < kernel.size(); ++axis) {
    shape.push_back(Slid(c, x[axis + 2], kernel[axis], axis, kernel.size()));
  }
  c.Set(0, c.in(0).dtype, shape);
  c.Set(1, DataType::kInt64, std::move(shape));
}

void GlobalPool(Context& c) {
  c.SetType(0, c.in(0).dtype);
  if (!c.in(0).has_shape || c.in(0).shape.size() < 2) return;
  Dimensions shape = c.in(0).shape;
  std::fill(shape.begin() + 2, shape.end(), Known(1));
  c.Set(0, c.in(0).dtype, std::move(shape));
}

// Without axes all are reduced, unless noop_with_empty_axes.
void ReduceTo(Context& c, DataType dtype, const std::optional<std::vector<int64_t>>& axes) {
  c.SetType(0, dtype);
  if (!c.in(0).has_shape || !axes.has_value()) return;
  const Dimensions& in = c.in(0).shape;
  const bool noop = axes->empty() && c.node.Int("noop_with_empty_axes", 0) != 0;
  std::vector<bool> reduced(in.size(), axes->empty() && !noop);
  for (const int64_t axis : *axes) {
    const std::optional<size_t> at = Axis(axis, in.size());
    if (!at.has_value()) return;
    reduced[*at] = true;
  }
  Dimensions shape;
  for (size_t i = 0; i < in.size(); ++i) {
    if (!reduced[i]) {
      shape.push_back(in[i]);
    } else if (c.node.Int("keepdims", 1) != 0) {
      shape.push_back(Known(1));
    }
  }
  c.Set(0, dtype, std::move(shape));
}

void Reduce(Context& c) { ReduceTo(c, c.in(0).dtype, c.Axes(1)); }
void Arg(Context& c) { ReduceTo(c, DataType::kInt64, std::vector<int64_t>{c.node.Int("axis", 0)}); }

// With constant scales: floor(extent * scale), in float as the standard says.
void Resize(Context& c) {
  c.SetType(0, c.in(0).dtype);
  if (!c.in(0).has_shape) return;
  Dimensions shape = c.in(0).shape;
  const size_t scales_at = c.opset < 11 || c.node.op_type == "Upsample" ? 1 : 2;
  const Tensor* const scales = scales_at < c.constants.size() ? c.constants[scales_at] : nullptr;
  const auto sizes = scales_at == 2 && c.Has(3) ? c.Integers(3) : std::nullopt;
  if (c.node.Has("axes") || c.node.Has("keep_aspect_ratio_policy")) return;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (sizes.has_value()) {
      if (sizes->size() != shape.size() || (*sizes)[i] < 0) return;
      shape[i] = Known((*sizes)[i]);
    } else if (scales != nullptr && scales->dtype() == DataType::kFloat &&
               scales->size() == static_cast<int64_t>(shape.size())) {
      const float scale = scales->data<float>()[i];
      if (scale == 1) continue;
      const double extent = std::floor(static_cast<double>(static_cast<float>(shape[i].extent) * scale));
      shape[i] = shape[i].extent >= 0 && extent >= 0 && extent < 0x1p31 ? Known(static_cast<int64_t>(extent)) : c.Fresh();
    } else {
      return;
    }
  }
  c.Set(0, c.in(0).dtype, std::move(shape));
}

void SameAsInput(Context& c) {
  c.outputs[0].dtype = c.in(0).dtype;
  c.outputs[0].has_shape = c.in(0).has_shape;
  c.outputs[0].shape = c.in(0).shape;
}

void FusedMatMul(Context& c) {
  c.SetType(0, DataType::kFloat);
  if (!c.in(0).has_shape || !c.in(1).has_shape || c.in(0).shape.empty() || c.in(1).shape.size() != 2) return;
  Dimensions shape = c.in(0).shape;
  shape.back() = c.in(1).shape[c.node.Int("transB", 0) != 0 ? 0 : 1];
  if (c.Has(3)) {
    if (!c.in(3).has_shape) return;
    auto sum = Broadcast(c, shape, c.in(3).shape);
    if (!sum.has_value()) return;
    shape = *std::move(sum);
  }
  c.Set(0, DataType::kFloat, std::move(shape));
}

void FusedLayerNormalization(Context& c) {
  c.SetType(0, DataType::kFloat);
  c.SetType(1, DataType::kFloat);
  if (!c.in(0).has_shape) return;
  std::optional<Dimensions> shape = c.in(0).shape;
  if (c.Has(3)) shape = c.in(3).has_shape ? Broadcast(c, *shape, c.in(3).shape) : std::nullopt;
  if (!shape.has_value()) return;
  c.Set(1, DataType::kFloat, *shape);
  // Gamma could be wider than a last axis of extent 1.
  if (c.Has(1)) shape = c.in(1).has_shape ? Broadcast(c, *shape, c.in(1).shape) : std::nullopt;
  if (shape.has_value()) c.Set(0, DataType::kFloat, *std::move(shape));
}

void Attention(Context& c) {
  c.SetType(0, DataType::kFloat);
  const auto heads = [&](size_t i, const char* part) -> std::optional<Dimensions> {
    if (!c.in(i).has_shape) return std::nullopt;
    Dimensions shape = c.in(i).shape;
    if (c.node.Int(part, -1) >= 0 && shape.size() == 5) shape.erase(shape.begin() + 2);
    return shape.size() == 4 ? std::make_optional(shape) : std::nullopt;
  };
  const auto q = heads(0, "q_part"), v = heads(2, "v_part");
  // Batches and heads of extent 1 would be broadcast: only equal ones are plain.
  if (!q.has_value() || !v.has_value() || !SameExtent((*q)[0], (*v)[0]) || !SameExtent((*q)[2], (*v)[2])) return;
  c.Set(0, DataType::kFloat, {(*q)[0], (*q)[1], (*q)[2], (*v)[3]});
}

// The axes [N, spatial..., C] as [N, C, spatial...], or back.
Dimensions ChannelsFirst(Dimensions shape) {
  if (shape.size() > 2) std::rotate(shape.begin() + 1, shape.end() - 1, shape.end());
  return shape;
}
Dimensions ChannelsLast(Dimensions shape) {
  if (shape.size() > 2) std::rotate(shape.begin() + 1, shape.begin() + 2, shape.end());
  return shape;
}

// The rule of the plain operator on a tensor whose channels come last.
void OnChannelsLast(Context& c, Rule rule) {
  TensorFacts x = c.in(0);
  x.shape = ChannelsFirst(std::move(x.shape));
  std::vector<const TensorFacts*> inputs = c.inputs;
  if (!inputs.empty()) inputs[0] = &x;
  inputs.swap(c.inputs);
  rule(c);
  inputs.swap(c.inputs);
  for (TensorFacts& output : c.outputs) output.shape = ChannelsLast(std::move(output.shape));
}

void FusedConv(Context& c) { c.node.Int("channels_last", 0) != 0 ? OnChannelsLast(c, &Conv) : Conv(c); }
void ChannelsLastPool(Context& c) { OnChannelsLast(c, &Pool); }
void ChannelsLastGlobalPool(Context& c) { OnChannelsLast(c, &GlobalPool); }

}  // namespace

const std::map<std::string, Rule>& LayerRules() {
  static const auto* const kRules = [] {
    auto* rules = new std::map<std::string, Rule>{
        {"MatMul", &MatMul}, {"Gemm", &Gemm}, {"Conv", &Conv}, {"MaxPool", &Pool}, {"AveragePool", &Pool},
        {"LpPool", &Pool}, {"GlobalMaxPool", &GlobalPool}, {"GlobalAveragePool", &GlobalPool}, {"ArgMax", &Arg},
        {"ArgMin", &Arg}, {"Resize", &Resize}, {"Upsample", &Resize}};
    for (const char* type : {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2",
                             "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp"}) {
      (*rules)[type] = &Reduce;
    }
    return rules;
  }();
  return *kRules;
}

const std::map<std::string, Rule>& FusedRules() {
  static const auto* const kRules = new std::map<std::string, Rule>{
      {"FusedMatMul", &FusedMatMul}, {"LayerNormalization", &FusedLayerNormalization}, {"Attention", &Attention},
      {"Activation", &SameAsInput}, {"FakeQuantize", &SameAsInput}, {"FusedConv", &FusedConv},
      {"ChannelsLastMaxPool", &ChannelsLastPool}, {"ChannelsLastAveragePool", &ChannelsLastPool},
      {"ChannelsLastGlobalMaxPool", &ChannelsLastGlobalPool}, {"ChannelsLastGlobalAveragePool", &ChannelsLastGlobalPool}};
  return *kRules;
}

}  // namespace quantd::shape_rules
