// Concat and Split.
#include <algorithm>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/array_kernels.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;

// How often what lies behind `axis` is repeated.
int64_t OuterSize(const Shape& shape, size_t axis) {
  int64_t outer = 1;
  for (size_t i = 0; i < axis; ++i) outer *= shape[i];
  return outer;
}

absl::StatusOr<Shape> JoinedShape(const Inputs& inputs, size_t axis) {
  Shape shape = inputs[0]->shape();
  shape[axis] = 0;
  for (const Tensor* x : inputs) {
    bool fits = x->dtype() == inputs[0]->dtype() && x->rank() == shape.size();
    for (size_t i = 0; fits && i < shape.size(); ++i) fits = i == axis || x->dim(i) == shape[i];
    if (!fits) {
      return BadShape(absl::StrCat("cannot join ", ShapeString(inputs[0]->shape()), " and ",
                                   ShapeString(x->shape()), " along axis ", axis));
    }
    shape[axis] += x->dim(axis);
  }
  return shape;
}

Maker MakeConcat(const KernelContext& context) {
  const int64_t attribute = context.node.Int("axis", context.opset < 4 ? 1 : 0);
  return MakeKernelFrom([attribute](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, std::max<size_t>(inputs.size(), 1)));
    ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(attribute, inputs[0]->rank()));
    ASSIGN_OR_RETURN(const Shape shape, JoinedShape(inputs, axis));
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(inputs[0]->dtype(), shape));
    const int64_t outer = OuterSize(shape, axis);
    char* to = static_cast<char*>(out.mutable_raw());
    for (int64_t o = 0; out.size() > 0 && o < outer; ++o) {
      for (const Tensor* x : inputs) {
        const size_t block = x->bytes() / static_cast<size_t>(outer);
        if (block == 0) continue;
        std::memcpy(to, static_cast<const char*>(x->raw()) + static_cast<size_t>(o) * block, block);
        to += block;
      }
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

// As many parts as outputs. The last ones are smaller where the extent cannot be divided, which opset 18 allowed.
absl::StatusOr<std::vector<int64_t>> EvenParts(int64_t extent, int64_t parts, bool may_differ) {
  if (extent % parts != 0 && !may_differ) {
    return BadShape(absl::StrCat("an extent of ", extent, " cannot be split into ", parts, " equal parts"));
  }
  const int64_t size = (extent + parts - 1) / parts;
  std::vector<int64_t> sizes;
  for (int64_t i = 0; i < parts; ++i) {
    sizes.push_back(std::clamp<int64_t>(extent - i * size, 0, size));
  }
  return sizes;
}

absl::Status CheckParts(const std::vector<int64_t>& sizes, size_t parts, int64_t extent) {
  int64_t total = 0;
  for (const int64_t size : sizes) {
    if (size < 0 || size > extent - total) return BadShape("a part of Split is out of range");
    total += size;
  }
  if (total == extent && sizes.size() == parts) return absl::OkStatus();
  return BadShape(absl::StrCat("the parts of Split do not make up the extent ", extent));
}

absl::Status Split(const Tensor& x, size_t axis, const std::vector<int64_t>& sizes, Outputs& outputs) {
  const int64_t outer = OuterSize(x.shape(), axis);
  const size_t row = outer == 0 ? 0 : x.bytes() / static_cast<size_t>(outer);
  const char* from = static_cast<const char*>(x.raw());
  for (size_t part = 0; part < sizes.size(); ++part) {
    Shape shape = x.shape();
    shape[axis] = sizes[part];
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(x.dtype(), shape));
    const size_t block = outer == 0 ? 0 : out.bytes() / static_cast<size_t>(outer);
    char* to = static_cast<char*>(out.mutable_raw());
    for (int64_t o = 0; block > 0 && o < outer; ++o) {
      std::memcpy(to + static_cast<size_t>(o) * block, from + static_cast<size_t>(o) * row, block);
    }
    from += block;
    outputs[part] = std::move(out);
  }
  return absl::OkStatus();
}

Maker MakeSplit(const KernelContext& context) {
  const int64_t attribute = context.node.Int("axis", 0);
  const std::vector<int64_t> sizes_attribute = context.node.Ints("split");
  const int64_t parts = static_cast<int64_t>(context.node.outputs.size());
  if (parts == 0) return BadAttribute("Split has no outputs");
  if (context.node.Int("num_outputs", parts) != parts) {
    return BadAttribute("num_outputs of Split is not the number of its outputs");
  }
  const bool may_differ = context.opset >= 18;
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    const Tensor& x = *inputs[0];
    ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(attribute, x.rank()));
    std::vector<int64_t> sizes = sizes_attribute;
    if (inputs.size() > 1 && inputs[1] != nullptr) {
      ASSIGN_OR_RETURN(sizes, Integers(*inputs[1]));
    }
    if (sizes.empty()) {
      ASSIGN_OR_RETURN(sizes, EvenParts(x.dim(axis), parts, may_differ));
    }
    RETURN_IF_ERROR(CheckParts(sizes, outputs.size(), x.dim(axis)));
    return Split(x, axis, sizes, outputs);
  });
}

constexpr KernelEntry kEntries[] = {
    {"Concat", 1, &MakeConcat, "", Takes::kNumbers},
    {"Split", 1, &MakeSplit, "", Takes::kNumbers},
};

}  // namespace

std::span<const KernelEntry> JoinKernels() { return kEntries; }

}  // namespace quantd::cpu
