// Operators on sequences of tensors and on optional values.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_table.h"
#include "worker/graph/tensor_blocks.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;

absl::Status RequireSequence(const Inputs& inputs, size_t index) {
  RETURN_IF_ERROR(RequireInput(inputs, index));
  if (!inputs[index]->is_sequence()) return BadType(*inputs[index], "a sequence");
  return absl::OkStatus();
}

absl::Status RequireArray(const Inputs& inputs, size_t index) {
  RETURN_IF_ERROR(RequireInput(inputs, index));
  if (!inputs[index]->is_array() || IsPacked(inputs[index]->dtype())) return BadType(*inputs[index], "a tensor");
  return absl::OkStatus();
}

// The position that input `index` names, in [0, size), counted from the end when negative. `fallback` without an input.
absl::StatusOr<int64_t> Position(const Inputs& inputs, size_t index, int64_t size, int64_t fallback) {
  int64_t position = fallback;
  if (index < inputs.size() && inputs[index] != nullptr) {
    ASSIGN_OR_RETURN(const std::vector<int64_t> values, Integers(*inputs[index]));
    if (values.size() != 1) return BadShape("a position in a sequence must be a scalar");
    position = values[0];
  }
  if (position < -size || position >= size) {
    return BadIndex(absl::StrCat("position ", position, " is out of range for a sequence of ", size));
  }
  return position < 0 ? position + size : position;
}

Maker MakeSequenceEmpty(const KernelContext& context) {
  const auto dtype = static_cast<DataType>(context.node.Int("dtype", static_cast<int64_t>(DataType::kFloat)));
  if (SizeOf(dtype) == 0 && dtype != DataType::kString) {
    return BadAttribute(absl::StrCat("a sequence of ", DataTypeName(dtype), " is not supported"));
  }
  return MakeKernelFrom([dtype](const Inputs&, Outputs& outputs) -> absl::Status {
    outputs[0] = Tensor::Sequence(dtype, {});
    return absl::OkStatus();
  });
}

absl::Status Construct(const Inputs& inputs, Outputs& outputs) {
  std::vector<Tensor> elements;
  for (size_t i = 0; i < std::max<size_t>(inputs.size(), 1); ++i) {
    RETURN_IF_ERROR(RequireArray(inputs, i));
    if (inputs[i]->dtype() != inputs[0]->dtype()) {
      return BadType(*inputs[i], DataTypeName(inputs[0]->dtype()) + " like the first one");
    }
    elements.push_back(*inputs[i]);
  }
  outputs[0] = Tensor::Sequence(inputs[0]->dtype(), std::move(elements));
  return absl::OkStatus();
}

absl::Status At(const Inputs& inputs, Outputs& outputs) {
  RETURN_IF_ERROR(RequireSequence(inputs, 0));
  RETURN_IF_ERROR(RequireArray(inputs, 1));
  ASSIGN_OR_RETURN(const int64_t at, Position(inputs, 1, inputs[0]->size(), 0));
  outputs[0] = inputs[0]->elements()[static_cast<size_t>(at)];
  return absl::OkStatus();
}

absl::Status Insert(const Inputs& inputs, Outputs& outputs) {
  RETURN_IF_ERROR(RequireSequence(inputs, 0));
  RETURN_IF_ERROR(RequireArray(inputs, 1));
  if (inputs[1]->dtype() != inputs[0]->element_dtype()) {
    return BadType(*inputs[1], DataTypeName(inputs[0]->element_dtype()) + " like the sequence's");
  }
  std::vector<Tensor> elements = inputs[0]->elements();
  int64_t at = inputs[0]->size();
  if (inputs.size() > 2 && inputs[2] != nullptr) {
    // -1 is in front of the last element; the size itself is behind it.
    ASSIGN_OR_RETURN(const std::vector<int64_t> given, Integers(*inputs[2]));
    if (given.size() != 1 || given[0] != at) {
      ASSIGN_OR_RETURN(at, Position(inputs, 2, at, 0));
    }
  }
  elements.insert(elements.begin() + at, *inputs[1]);
  outputs[0] = Tensor::Sequence(inputs[0]->element_dtype(), std::move(elements));
  return absl::OkStatus();
}

absl::Status Erase(const Inputs& inputs, Outputs& outputs) {
  RETURN_IF_ERROR(RequireSequence(inputs, 0));
  ASSIGN_OR_RETURN(const int64_t at, Position(inputs, 1, inputs[0]->size(), -1));
  std::vector<Tensor> elements = inputs[0]->elements();
  elements.erase(elements.begin() + at);
  outputs[0] = Tensor::Sequence(inputs[0]->element_dtype(), std::move(elements));
  return absl::OkStatus();
}

absl::Status Length(const Inputs& inputs, Outputs& outputs) {
  RETURN_IF_ERROR(RequireSequence(inputs, 0));
  outputs[0] = Tensor::Scalar<int64_t>(inputs[0]->size());
  return absl::OkStatus();
}

Maker MakeConcatFromSequence(const KernelContext& context) {
  if (!context.node.Has("axis")) return BadAttribute("ConcatFromSequence lacks attribute 'axis'");
  const int64_t attribute = context.node.Int("axis", 0);
  const bool new_axis = context.node.Int("new_axis", 0) != 0;
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireSequence(inputs, 0));
    std::vector<Tensor> parts = inputs[0]->elements();
    if (parts.empty()) return BadShape("an empty sequence cannot be joined");
    const size_t rank = parts[0].rank() + (new_axis ? 1 : 0);
    ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(attribute, rank));
    for (Tensor& part : parts) {
      if (!new_axis) break;
      Shape shape = part.shape();
      if (axis > shape.size()) return BadShape("the elements of the sequence differ in rank");
      shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(axis), 1);
      part = part.Reshaped(shape);
    }
    ASSIGN_OR_RETURN(outputs[0], JoinAlong(parts, axis));
    return absl::OkStatus();
  });
}

// How long the parts of an axis are: given one by one, or all as long as the one number, the last what is left.
absl::StatusOr<std::vector<int64_t>> PartLengths(const Tensor* split, int64_t extent) {
  int64_t each = 1;
  if (split != nullptr) {
    ASSIGN_OR_RETURN(const std::vector<int64_t> given, Integers(*split));
    if (split->rank() > 0) {
      int64_t total = 0;
      for (const int64_t length : given) {
        if (length < 0 || length > extent - total) return BadShape("a part of SplitToSequence is out of range");
        total += length;
      }
      if (total != extent) return BadShape(absl::StrCat("the parts of SplitToSequence do not make up ", extent));
      return given;
    }
    each = given[0];
    if (each < 1) return BadShape("a part of SplitToSequence is out of range");
  }
  std::vector<int64_t> lengths;
  for (int64_t left = extent; left > 0; left -= lengths.back()) lengths.push_back(std::min(each, left));
  return lengths;
}

Maker MakeSplitToSequence(const KernelContext& context) {
  const int64_t attribute = context.node.Int("axis", 0);
  const bool keep = context.node.Int("keepdims", 1) != 0;
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireArray(inputs, 0));
    const Tensor& x = *inputs[0];
    const Tensor* split = inputs.size() > 1 ? inputs[1] : nullptr;
    ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(attribute, x.rank()));
    ASSIGN_OR_RETURN(const std::vector<int64_t> lengths, PartLengths(split, x.dim(axis)));
    std::vector<Tensor> parts;
    int64_t begin = 0;
    for (const int64_t length : lengths) {
      parts.push_back(SliceAlong(x, axis, begin, length));
      begin += length;
      if (split != nullptr || keep) continue;
      Shape shape = x.shape();
      shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
      parts.back() = parts.back().Reshaped(shape);
    }
    outputs[0] = Tensor::Sequence(x.dtype(), std::move(parts));
    return absl::OkStatus();
  });
}

absl::Status HasElement(const Inputs& inputs, Outputs& outputs) {
  const bool has = !inputs.empty() && inputs[0] != nullptr && inputs[0]->dtype() != DataType::kNone;
  outputs[0] = Tensor::Scalar<bool>(has);
  return absl::OkStatus();
}

absl::Status GetElement(const Inputs& inputs, Outputs& outputs) {
  RETURN_IF_ERROR(RequireInput(inputs, 0));
  if (inputs[0]->dtype() == DataType::kNone) return BadType(*inputs[0], "one with a value");
  outputs[0] = *inputs[0];
  return absl::OkStatus();
}

// A value is its own optional; without an input there is none.
absl::Status MakeOptionalValue(const Inputs& inputs, Outputs& outputs) {
  outputs[0] = inputs.empty() || inputs[0] == nullptr ? Tensor::None() : *inputs[0];
  return absl::OkStatus();
}

template <absl::Status (*kRun)(const Inputs&, Outputs&)>
Maker Make(const KernelContext&) {
  return MakeKernelFrom(kRun);
}

constexpr KernelEntry kEntries[] = {
    {"SequenceEmpty", 11, &MakeSequenceEmpty, "", Takes::kValues},
    {"SequenceConstruct", 11, &Make<Construct>, "", Takes::kValues},
    {"SequenceAt", 11, &Make<At>, "", Takes::kValues},
    {"SequenceInsert", 11, &Make<Insert>, "", Takes::kValues},
    {"SequenceErase", 11, &Make<Erase>, "", Takes::kValues},
    {"SequenceLength", 11, &Make<Length>, "", Takes::kValues},
    {"ConcatFromSequence", 11, &MakeConcatFromSequence, "", Takes::kValues},
    {"SplitToSequence", 11, &MakeSplitToSequence, "", Takes::kValues},
    {"Optional", 15, &Make<MakeOptionalValue>, "", Takes::kValues},
    {"OptionalHasElement", 15, &Make<HasElement>, "", Takes::kValues},
    {"OptionalGetElement", 15, &Make<GetElement>, "", Takes::kValues},
};

}  // namespace

std::span<const KernelEntry> SequenceKernels() { return kEntries; }

}  // namespace quantd::cpu
