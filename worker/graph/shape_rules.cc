#include "worker/graph/shape_rules.h"

#include <algorithm>

namespace quantd::shape_rules {

const TensorFacts& Context::in(size_t i) const {
  static const TensorFacts* const kNothing = new TensorFacts();
  return i < inputs.size() ? *inputs[i] : *kNothing;
}

std::optional<std::vector<int64_t>> Context::Integers(size_t i) const {
  if (i >= constants.size() || constants[i] == nullptr) return std::nullopt;
  const Tensor& tensor = *constants[i];
  if (tensor.dtype() == DataType::kInt64) {
    return std::vector<int64_t>(tensor.data<int64_t>(), tensor.data<int64_t>() + tensor.size());
  }
  if (tensor.dtype() == DataType::kInt32) {
    return std::vector<int64_t>(tensor.data<int32_t>(), tensor.data<int32_t>() + tensor.size());
  }
  return std::nullopt;
}

std::optional<std::vector<int64_t>> Context::Axes(size_t i) const {
  if (node.Has("axes")) return node.Ints("axes");
  if (!Has(i)) return std::vector<int64_t>();
  return Integers(i);
}

void Context::Set(size_t output, DataType dtype, std::vector<Dimension> shape) {
  if (output >= outputs.size()) return;
  outputs[output].dtype = dtype;
  outputs[output].has_shape = true;
  outputs[output].shape = std::move(shape);
}

void Context::SetType(size_t output, DataType dtype) {
  if (output < outputs.size()) outputs[output].dtype = dtype;
}

std::optional<size_t> Axis(int64_t axis, size_t rank) {
  const int64_t extent = static_cast<int64_t>(rank);
  if (axis < -extent || axis >= extent) return std::nullopt;
  return static_cast<size_t>(axis < 0 ? axis + extent : axis);
}

std::optional<std::vector<Dimension>> Broadcast(Context& context, const std::vector<Dimension>& a,
                                                const std::vector<Dimension>& b) {
  std::vector<Dimension> shape(std::max(a.size(), b.size()));
  for (size_t i = 0; i < shape.size(); ++i) {
    const Dimension x = i < a.size() ? a[a.size() - 1 - i] : Known(1);
    const Dimension y = i < b.size() ? b[b.size() - 1 - i] : Known(1);
    Dimension& result = shape[shape.size() - 1 - i];
    if (x.extent == 1 || SameExtent(x, y)) {
      result = y;
    } else if (y.extent == 1) {
      result = x;
    } else if (x.extent >= 0 && y.extent >= 0) {
      return std::nullopt;
    } else if (x.extent >= 0 || y.extent >= 0) {
      // The symbol stands for this extent or for 1: the result is this extent.
      result = x.extent >= 0 ? x : y;
    } else {
      result = context.Fresh();
    }
  }
  return shape;
}

}  // namespace quantd::shape_rules
