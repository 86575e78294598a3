// Operators that gather, join and cut tensors.
#include <algorithm>
#include <cstring>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;

Maker MakeGather(const KernelContext& context) {
  const int64_t attribute = context.node.Int("axis", 0);
  return MakeKernelFrom([attribute](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 2));
    const Tensor& x = *inputs[0];
    ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(attribute, x.rank()));
    ASSIGN_OR_RETURN(const std::vector<int64_t> indices, Integers(*inputs[1]));
    const int64_t extent = x.dim(axis);
    Shape shape(x.shape().begin(), x.shape().begin() + static_cast<std::ptrdiff_t>(axis));
    shape.insert(shape.end(), inputs[1]->shape().begin(), inputs[1]->shape().end());
    shape.insert(shape.end(), x.shape().begin() + static_cast<std::ptrdiff_t>(axis) + 1, x.shape().end());
    ASSIGN_OR_RETURN(Tensor out, MakeOutput(x.dtype(), shape));
    size_t inner = SizeOf(x.dtype());
    int64_t outer = 1;
    for (size_t i = 0; i < axis; ++i) outer *= x.dim(i);
    for (size_t i = axis + 1; i < x.rank(); ++i) inner *= static_cast<size_t>(x.dim(i));
    const char* from = static_cast<const char*>(x.raw());
    char* to = static_cast<char*>(out.mutable_raw());
    for (int64_t o = 0; o < outer; ++o) {
      for (const int64_t index : indices) {
        if (index < -extent || index >= extent) {
          return BadIndex(absl::StrCat("index ", index, " is out of range for an extent of ", extent));
        }
        const int64_t at = o * extent + (index < 0 ? index + extent : index);
        std::memcpy(to, from + static_cast<size_t>(at) * inner, inner);
        to += inner;
      }
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

Maker MakeConcat(const KernelContext& context) {
  const int64_t attribute = context.node.Int("axis", 0);
  return MakeKernelFrom([attribute](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, std::max<size_t>(inputs.size(), 1)));
    ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(attribute, inputs[0]->rank()));
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
    ASSIGN_OR_RETURN(Tensor out, MakeOutput(inputs[0]->dtype(), shape));
    int64_t outer = 1;
    for (size_t i = 0; i < axis; ++i) outer *= shape[i];
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

Maker MakeSplit(const KernelContext& context) {
  const int64_t attribute = context.node.Int("axis", 0);
  const std::vector<int64_t> sizes_attribute = context.node.Ints("split");
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    const Tensor& x = *inputs[0];
    ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(attribute, x.rank()));
    std::vector<int64_t> sizes = sizes_attribute;
    if (inputs.size() > 1 && inputs[1] != nullptr) {
      ASSIGN_OR_RETURN(sizes, Integers(*inputs[1]));
    }
    const int64_t parts = static_cast<int64_t>(outputs.size());
    const int64_t extent = x.dim(axis);
    if (sizes.empty()) {
      const int64_t size = (extent + parts - 1) / parts;
      for (int64_t i = 0; i < parts; ++i) {
        sizes.push_back(std::clamp<int64_t>(extent - i * size, 0, size));
      }
    }
    int64_t total = 0;
    for (const int64_t size : sizes) {
      if (size < 0 || size > extent) return BadShape("a part of Split is out of range");
      total += size;
    }
    if (total != extent || static_cast<int64_t>(sizes.size()) != parts) {
      return BadShape(absl::StrCat("the parts of Split do not make up the extent ", extent));
    }
    int64_t outer = 1;
    for (size_t i = 0; i < axis; ++i) outer *= x.dim(i);
    size_t inner = SizeOf(x.dtype());
    for (size_t i = axis + 1; i < x.rank(); ++i) inner *= static_cast<size_t>(x.dim(i));
    int64_t begin = 0;
    for (size_t part = 0; part < sizes.size(); ++part) {
      Shape shape = x.shape();
      shape[axis] = sizes[part];
      Tensor out(x.dtype(), shape);
      const size_t block = static_cast<size_t>(sizes[part]) * inner;
      for (int64_t o = 0; block > 0 && o < outer; ++o) {
        std::memcpy(static_cast<char*>(out.mutable_raw()) + static_cast<size_t>(o) * block,
                    static_cast<const char*>(x.raw()) + static_cast<size_t>(o * extent + begin) * inner,
                    block);
      }
      begin += sizes[part];
      outputs[part] = std::move(out);
    }
    return absl::OkStatus();
  });
}

// Constant padding with zeros or a given value.
Maker MakePad(const KernelContext& context) {
  const std::vector<int64_t> pads_attribute = context.node.Ints("pads");
  const float value_attribute = context.node.Float("value", 0);
  if (context.node.String("mode", "constant") != "constant") {
    return BadAttribute("only the constant mode of Pad is supported");
  }
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    const Tensor& x = *inputs[0];
    std::vector<int64_t> pads = pads_attribute;
    float value = value_attribute;
    if (inputs.size() > 1 && inputs[1] != nullptr) {
      ASSIGN_OR_RETURN(pads, Integers(*inputs[1]));
    }
    if (inputs.size() > 2 && inputs[2] != nullptr) {
      RETURN_IF_ERROR(RequireFloat(inputs, 2));
      if (inputs[2]->size() != 1) return BadShape("the value of Pad must be a scalar");
      value = *inputs[2]->data<float>();
    }
    if (inputs.size() > 3 && inputs[3] != nullptr) return BadAttribute("Pad with axes is not supported");
    const size_t rank = x.rank();
    if (pads.size() != 2 * rank) return BadShape("Pad needs two numbers an axis");
    Shape shape;
    for (size_t i = 0; i < rank; ++i) {
      if (pads[i] < 0 || pads[i + rank] < 0 || pads[i] > kTensorElementsMax ||
          pads[i + rank] > kTensorElementsMax) {
        return BadShape("negative or huge padding is not supported");
      }
      shape.push_back(x.dim(i) + pads[i] + pads[i + rank]);
    }
    ASSIGN_OR_RETURN(Tensor out, MakeOutput(DataType::kFloat, shape));
    float* y = out.mutable_data<float>();
    std::fill(y, y + out.size(), value);
    const std::vector<int64_t> to = RowMajorStrides(shape);
    int64_t begin = 0;
    for (size_t i = 0; i < rank; ++i) begin += pads[i] * to[i];
    if (rank > 0 && x.size() > 0) {
      const size_t row = static_cast<size_t>(x.shape().back()) * sizeof(float);
      ForEachRow(x.shape(), {RowMajorStrides(x.shape()), to}, [&](const std::vector<int64_t>& at) {
        std::memcpy(y + begin + at[1], x.data<float>() + at[0], row);
      });
    } else if (x.size() > 0) {
      y[0] = x.data<float>()[0];
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

Maker MakeRange(const KernelContext&) {
  return MakeKernelFrom([](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 3));
    std::vector<int64_t> values;
    for (size_t i = 0; i < 3; ++i) {
      ASSIGN_OR_RETURN(const std::vector<int64_t> one, Integers(*inputs[i]));
      if (one.size() != 1) return BadShape("the inputs of Range must be scalars");
      values.push_back(one[0]);
    }
    const auto [start, limit, step] = std::tuple(values[0], values[1], values[2]);
    if (step == 0) return BadAttribute("the step of Range is 0");
    // In 128 bits: the span of two int64 does not fit into one.
    __extension__ using Wide = __int128;
    const Wide span = step > 0 ? Wide(limit) - start : Wide(start) - limit;
    const Wide stride = step > 0 ? Wide(step) : -Wide(step);
    const Wide count = span <= 0 ? 0 : (span - 1) / stride + 1;
    if (count > kTensorElementsMax) return BadShape("Range is too long");
    ASSIGN_OR_RETURN(Tensor out, MakeOutput(inputs[0]->dtype(), {static_cast<int64_t>(count)}));
    for (int64_t i = 0; i < out.size(); ++i) {
      if (out.dtype() == DataType::kInt64) {
        out.mutable_data<int64_t>()[i] = start + i * step;
      } else {
        out.mutable_data<int32_t>()[i] = static_cast<int32_t>(start + i * step);
      }
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

constexpr KernelEntry kEntries[] = {
    {"Gather", 1, &MakeGather}, {"Concat", 4, &MakeConcat}, {"Split", 2, &MakeSplit},
    {"Pad", 2, &MakePad},       {"Range", 11, &MakeRange},
};

}  // namespace

std::span<const KernelEntry> IndexKernels() { return kEntries; }

}  // namespace quantd::cpu
