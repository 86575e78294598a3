// Operators that change shape or type, or compute shapes; none computes with float values.
#include <algorithm>
#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;

absl::Status SetReshaped(const Tensor& x, const Shape& shape, Outputs& outputs) {
  ASSIGN_OR_RETURN(const int64_t count, CheckedElementCount(shape));
  if (count != x.size()) {
    return BadShape(absl::StrCat("cannot reshape ", ShapeString(x.shape()), " to ", ShapeString(shape)));
  }
  outputs[0] = x.Reshaped(shape);
  return absl::OkStatus();
}

// The axes of Squeeze and Unsqueeze: an attribute until opset 12, an input since.
absl::StatusOr<std::vector<int64_t>> Axes(const std::vector<int64_t>& attribute, const Inputs& inputs) {
  if (inputs.size() > 1 && inputs[1] != nullptr) return Integers(*inputs[1]);
  return attribute;
}

absl::Status RunShape(const Inputs& inputs, Outputs& outputs) {
  RETURN_IF_ERROR(RequireInputs(inputs, 1));
  const Shape& shape = inputs[0]->shape();
  outputs[0] = Tensor::Of<int64_t>({static_cast<int64_t>(shape.size())}, shape);
  return absl::OkStatus();
}

Maker MakeShape(const KernelContext& context) {
  if (!context.node.Has("start") && !context.node.Has("end")) return MakeKernelFrom(&RunShape);
  const int64_t start = context.node.Int("start", 0);
  const int64_t end = context.node.Int("end", std::numeric_limits<int64_t>::max());
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    const Shape& shape = inputs[0]->shape();
    const int64_t rank = static_cast<int64_t>(shape.size());
    const auto place = [rank](int64_t at) {
      return std::clamp<int64_t>(at < 0 ? (at < -rank ? 0 : at + rank) : at, 0, rank);
    };
    const int64_t from = place(start), to = std::max(place(end), from);
    const std::vector<int64_t> part(shape.begin() + from, shape.begin() + to);
    outputs[0] = Tensor::Of<int64_t>({to - from}, part);
    return absl::OkStatus();
  });
}

Maker MakeSize(const KernelContext&) {
  return MakeKernelFrom([](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    outputs[0] = Tensor::Scalar<int64_t>(inputs[0]->size());
    return absl::OkStatus();
  });
}

Maker MakeReshape(const KernelContext& context) {
  const bool allow_zero = context.node.Int("allowzero", 0) != 0;
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 2));
    const Tensor& x = *inputs[0];
    ASSIGN_OR_RETURN(Shape shape, Integers(*inputs[1]));
    int64_t known = 1;
    std::ptrdiff_t free_axis = -1;
    for (size_t i = 0; i < shape.size(); ++i) {
      if (shape[i] == 0 && !allow_zero) {
        if (i >= x.rank()) return BadShape("a 0 in the new shape stands for no axis of the input");
        shape[i] = x.dim(i);
      }
      if (shape[i] == -1) {
        if (free_axis >= 0) return BadShape("the new shape has more than one -1");
        free_axis = static_cast<std::ptrdiff_t>(i);
      } else if (shape[i] < 0 || __builtin_mul_overflow(known, shape[i], &known)) {
        return BadShape(absl::StrCat("the new shape ", ShapeString(shape), " is not one"));
      }
    }
    if (free_axis >= 0) {
      if (known == 0 || x.size() % known != 0) {
        return BadShape(absl::StrCat("cannot reshape ", ShapeString(x.shape()), " to ",
                                     ShapeString(shape)));
      }
      shape[static_cast<size_t>(free_axis)] = x.size() / known;
    }
    return SetReshaped(x, shape, outputs);
  });
}

Maker MakeFlatten(const KernelContext& context) {
  const int64_t attribute = context.node.Int("axis", 1);
  return MakeKernelFrom([attribute](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    const Tensor& x = *inputs[0];
    // The axis may equal the rank, unlike elsewhere.
    const int64_t rank = static_cast<int64_t>(x.rank());
    const int64_t axis = attribute < 0 ? attribute + rank : attribute;
    if (axis < 0 || axis > rank) return BadAttribute("the axis of Flatten is out of range");
    int64_t rows = 1, columns = 1;
    for (int64_t i = 0; i < rank; ++i) (i < axis ? rows : columns) *= x.dim(static_cast<size_t>(i));
    return SetReshaped(x, {rows, columns}, outputs);
  });
}

Maker MakeSqueeze(const KernelContext& context) {
  const std::vector<int64_t> attribute = context.node.Ints("axes");
  return MakeKernelFrom([attribute](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    const Tensor& x = *inputs[0];
    ASSIGN_OR_RETURN(const std::vector<int64_t> axes, Axes(attribute, inputs));
    std::vector<bool> drop(x.rank(), false);
    for (const int64_t axis : axes) {
      ASSIGN_OR_RETURN(const size_t normal, NormalizeAxis(axis, x.rank()));
      if (x.dim(normal) != 1) return BadShape("only axes of extent 1 can be squeezed");
      drop[normal] = true;
    }
    Shape shape;
    for (size_t i = 0; i < x.rank(); ++i) {
      if (axes.empty() ? x.dim(i) != 1 : !drop[i]) shape.push_back(x.dim(i));
    }
    return SetReshaped(x, shape, outputs);
  });
}

Maker MakeUnsqueeze(const KernelContext& context) {
  const std::vector<int64_t> attribute = context.node.Ints("axes");
  return MakeKernelFrom([attribute](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    const Tensor& x = *inputs[0];
    ASSIGN_OR_RETURN(const std::vector<int64_t> axes, Axes(attribute, inputs));
    const size_t rank = x.rank() + axes.size();
    std::vector<bool> added(rank, false);
    for (const int64_t axis : axes) {
      ASSIGN_OR_RETURN(const size_t normal, NormalizeAxis(axis, rank));
      if (added[normal]) return BadAttribute("an axis of Unsqueeze is named twice");
      added[normal] = true;
    }
    Shape shape;
    for (size_t i = 0, from = 0; i < rank; ++i) shape.push_back(added[i] ? 1 : x.dim(from++));
    return SetReshaped(x, shape, outputs);
  });
}

// Copies rows of the output's last axis from a strided source.
void CopyStrided(const Tensor& x, const std::vector<int64_t>& strides, int64_t begin, Tensor& out) {
  const size_t width = SizeOf(x.dtype());
  const char* from = static_cast<const char*>(x.raw());
  char* to = static_cast<char*>(out.mutable_raw());
  if (out.rank() == 0) {
    std::memcpy(to, from + static_cast<size_t>(begin) * width, width);
    return;
  }
  const int64_t n = out.shape().back();
  const int64_t step = strides.back();
  ForEachRow(out.shape(), {strides, RowMajorStrides(out.shape())}, [&](const std::vector<int64_t>& at) {
    const char* source = from + (begin + at[0]) * static_cast<int64_t>(width);
    char* target = to + at[1] * static_cast<int64_t>(width);
    if (step == 1) {
      std::memcpy(target, source, static_cast<size_t>(n) * width);
    } else if (width == 4) {
      for (int64_t i = 0; i < n; ++i) std::memcpy(target + 4 * i, source + 4 * i * step, 4);
    } else {
      const int64_t bytes = static_cast<int64_t>(width);
      for (int64_t i = 0; i < n; ++i) std::memcpy(target + i * bytes, source + i * step * bytes, width);
    }
  });
}

Maker MakeTranspose(const KernelContext& context) {
  const std::vector<int64_t> attribute = context.node.Ints("perm");
  return MakeKernelFrom([attribute](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    const Tensor& x = *inputs[0];
    std::vector<int64_t> order = attribute;
    if (order.empty()) {
      for (size_t i = x.rank(); i-- > 0;) order.push_back(static_cast<int64_t>(i));
    }
    std::vector<bool> used(x.rank(), false);
    Shape shape;
    std::vector<int64_t> strides;
    const std::vector<int64_t> own = RowMajorStrides(x.shape());
    for (const int64_t axis : order) {
      ASSIGN_OR_RETURN(const size_t normal, NormalizeAxis(axis, x.rank()));
      if (used[normal]) return BadAttribute("perm names an axis twice");
      used[normal] = true;
      shape.push_back(x.dim(normal));
      strides.push_back(own[normal]);
    }
    if (shape.size() != x.rank()) return BadAttribute("perm does not name every axis");
    Tensor out(x.dtype(), shape);
    CopyStrided(x, strides, 0, out);
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

Maker MakeExpand(const KernelContext&) {
  return MakeKernelFrom([](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 2));
    ASSIGN_OR_RETURN(const Shape wanted, Integers(*inputs[1]));
    RETURN_IF_ERROR(CheckedElementCount(wanted).status());
    ASSIGN_OR_RETURN(const Shape shape, BroadcastShape(inputs[0]->shape(), wanted));
    ASSIGN_OR_RETURN(Tensor out, MakeOutput(inputs[0]->dtype(), shape));
    CopyStrided(*inputs[0], BroadcastStrides(inputs[0]->shape(), shape), 0, out);
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

struct SliceRange {
  int64_t start;
  int64_t step;
  int64_t count;
};

// Python's slicing of one axis; ends beyond it are clamped.
absl::StatusOr<SliceRange> ResolveSlice(int64_t start, int64_t end, int64_t step, int64_t extent) {
  if (step == 0 || step == std::numeric_limits<int64_t>::min()) {
    return BadAttribute("the step of Slice is out of range");
  }
  const auto from_end = [extent](int64_t at) { return at < 0 ? std::max(at, -extent - 1) + extent : at; };
  start = from_end(start);
  end = from_end(end);
  if (step > 0) {
    start = std::clamp<int64_t>(start, 0, extent);
    end = std::clamp<int64_t>(end, 0, extent);
    return SliceRange{start, step, end > start ? (end - start - 1) / step + 1 : 0};
  }
  start = std::clamp<int64_t>(start, -1, extent - 1);
  end = std::clamp<int64_t>(end, -1, extent - 1);
  return SliceRange{start, step, start > end ? (start - end - 1) / -step + 1 : 0};
}

absl::Status Slice(const Tensor& x, const std::vector<int64_t>& starts, const std::vector<int64_t>& ends,
                   std::vector<int64_t> axes, std::vector<int64_t> steps, Outputs& outputs) {
  if (axes.empty()) {
    for (size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<int64_t>(i));
  }
  if (steps.empty()) steps.assign(starts.size(), 1);
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size()) {
    return BadShape("starts, ends, axes and steps of Slice differ in length");
  }
  Shape shape = x.shape();
  std::vector<int64_t> strides = RowMajorStrides(shape);
  const std::vector<int64_t> own = strides;
  int64_t begin = 0;
  for (size_t i = 0; i < starts.size(); ++i) {
    ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(axes[i], x.rank()));
    ASSIGN_OR_RETURN(const SliceRange range, ResolveSlice(starts[i], ends[i], steps[i], x.dim(axis)));
    shape[axis] = range.count;
    // A stride is used only between elements; with a single one a huge step would overflow.
    strides[axis] = range.count > 1 ? own[axis] * range.step : own[axis];
    if (range.count > 0) begin += range.start * own[axis];
  }
  Tensor out(x.dtype(), shape);
  if (out.size() > 0) CopyStrided(x, strides, begin, out);
  outputs[0] = std::move(out);
  return absl::OkStatus();
}

Maker MakeSliceAttributes(const KernelContext& context) {
  const std::vector<int64_t> starts = context.node.Ints("starts"), ends = context.node.Ints("ends");
  const std::vector<int64_t> axes = context.node.Ints("axes");
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    return Slice(*inputs[0], starts, ends, axes, {}, outputs);
  });
}

Maker MakeSliceInputs(const KernelContext&) {
  return MakeKernelFrom([](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 3));
    std::vector<int64_t> lists[4];
    for (size_t i = 0; i < 4; ++i) {
      if (i + 1 >= inputs.size() || inputs[i + 1] == nullptr) continue;
      ASSIGN_OR_RETURN(lists[i], Integers(*inputs[i + 1]));
    }
    return Slice(*inputs[0], lists[0], lists[1], lists[2], lists[3], outputs);
  });
}

template <typename From, typename To>
void CastSpan(const Tensor& x, Tensor& out) {
  const From* from = x.data<From>();
  To* to = out.mutable_data<To>();
  for (int64_t i = 0; i < x.size(); ++i) {
    if constexpr (std::is_same_v<To, bool>) {
      to[i] = from[i] != From(0);
    } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
      to[i] = Saturated<To>(static_cast<double>(from[i]));
    } else {
      to[i] = static_cast<To>(from[i]);
    }
  }
}

template <typename From>
absl::Status CastFrom(const Tensor& x, Tensor& out) {
  switch (out.dtype()) {
    case DataType::kFloat: CastSpan<From, float>(x, out); return absl::OkStatus();
    case DataType::kDouble: CastSpan<From, double>(x, out); return absl::OkStatus();
    case DataType::kInt64: CastSpan<From, int64_t>(x, out); return absl::OkStatus();
    case DataType::kInt32: CastSpan<From, int32_t>(x, out); return absl::OkStatus();
    case DataType::kUint8: CastSpan<From, uint8_t>(x, out); return absl::OkStatus();
    case DataType::kInt8: CastSpan<From, int8_t>(x, out); return absl::OkStatus();
    case DataType::kBool: CastSpan<From, bool>(x, out); return absl::OkStatus();
    default: return BadType(out, "float, double, int64, int32, uint8, int8 or bool as a target");
  }
}

Maker MakeCast(const KernelContext& context) {
  const DataType to = static_cast<DataType>(context.node.Int("to", 0));
  if (SizeOf(to) == 0) return BadAttribute(absl::StrCat("Cast to ", DataTypeName(to), " is not supported"));
  return MakeKernelFrom([to](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    const Tensor& x = *inputs[0];
    if (x.dtype() == to) {
      outputs[0] = x;
      return absl::OkStatus();
    }
    Tensor out(to, x.shape());
    switch (x.dtype()) {
      case DataType::kFloat: RETURN_IF_ERROR(CastFrom<float>(x, out)); break;
      case DataType::kDouble: RETURN_IF_ERROR(CastFrom<double>(x, out)); break;
      case DataType::kInt64: RETURN_IF_ERROR(CastFrom<int64_t>(x, out)); break;
      case DataType::kInt32: RETURN_IF_ERROR(CastFrom<int32_t>(x, out)); break;
      case DataType::kUint8: RETURN_IF_ERROR(CastFrom<uint8_t>(x, out)); break;
      case DataType::kInt8: RETURN_IF_ERROR(CastFrom<int8_t>(x, out)); break;
      case DataType::kBool: RETURN_IF_ERROR(CastFrom<bool>(x, out)); break;
      default: return BadType(x, "float, double, int64, int32, uint8, int8 or bool");
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

Maker MakeConstantOfShape(const KernelContext& context) {
  Tensor value = Tensor::Scalar<float>(0);
  const auto it = context.node.attributes.find("value");
  if (it != context.node.attributes.end()) {
    const Tensor* given = std::get_if<Tensor>(&it->second);
    if (given == nullptr || given->size() != 1) {
      return BadAttribute("the value of ConstantOfShape must be a tensor of one element");
    }
    if (IsPacked(given->dtype())) {
      return BadAttribute(absl::StrCat("ConstantOfShape of ", DataTypeName(given->dtype()), " is not supported"));
    }
    value = *given;
  }
  return MakeKernelFrom([value](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    ASSIGN_OR_RETURN(const Shape shape, Integers(*inputs[0]));
    ASSIGN_OR_RETURN(Tensor out, MakeOutput(value.dtype(), shape));
    const size_t width = SizeOf(value.dtype());
    char* to = static_cast<char*>(out.mutable_raw());
    for (int64_t i = 0; i < out.size(); ++i) std::memcpy(to + static_cast<size_t>(i) * width, value.raw(), width);
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

constexpr KernelEntry kEntries[] = {
    {"Shape", 1, &MakeShape},
    {"Size", 1, &MakeSize},
    {"Reshape", 5, &MakeReshape},
    {"Flatten", 1, &MakeFlatten},
    {"Squeeze", 1, &MakeSqueeze},
    {"Unsqueeze", 1, &MakeUnsqueeze},
    {"Transpose", 1, &MakeTranspose},
    {"Expand", 8, &MakeExpand},
    {"Slice", 1, &MakeSliceAttributes},
    {"Slice", 10, &MakeSliceInputs},
    {"Cast", 6, &MakeCast},
    {"ConstantOfShape", 9, &MakeConstantOfShape},
};

}  // namespace

std::span<const KernelEntry> ShapeKernels() { return kEntries; }

}  // namespace quantd::cpu
