// Operators that tell a shape, or change it and leave the elements where they are.
#include <algorithm>
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

constexpr KernelEntry kEntries[] = {
    {"Shape", 1, &MakeShape, "", Takes::kStrings},
    {"Size", 1, &MakeSize, "", Takes::kStrings},
    {"Reshape", 5, &MakeReshape, "", Takes::kStrings},
    {"Flatten", 1, &MakeFlatten, "", Takes::kStrings},
    {"Squeeze", 1, &MakeSqueeze, "", Takes::kStrings},
    {"Unsqueeze", 1, &MakeUnsqueeze, "", Takes::kStrings},
};

}  // namespace

std::span<const KernelEntry> ShapeKernels() { return kEntries; }

}  // namespace quantd::cpu
