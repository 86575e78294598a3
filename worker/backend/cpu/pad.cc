// Pad. A negative number of elements is cut off instead, before anything is added.
#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/array_kernels.h"
#include "worker/backend/cpu/strided_copy.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;

enum class PadMode { kConstant, kReflect, kEdge, kWrap };

struct PadAxis {
  int64_t skip;    // Elements of the input that are cut off at its begin,
  int64_t extent;  // those that remain,
  int64_t before;  // and what is added on both sides.
  int64_t after;
  size_t from_stride;  // Bytes from one element of the axis to the next, in the input
  size_t to_stride;    // and in the output.
};

// The element, in [0, extent), that stands at `position` outside of it.
int64_t Mirrored(PadMode mode, int64_t position, int64_t extent) {
  if (mode == PadMode::kEdge) return std::clamp<int64_t>(position, 0, extent - 1);
  if (mode == PadMode::kReflect && extent == 1) return 0;
  const int64_t period = mode == PadMode::kWrap ? extent : 2 * (extent - 1);
  const int64_t within = (position % period + period) % period;
  return within < extent ? within : period - within;
}

struct Padding {
  PadMode mode = PadMode::kConstant;
  std::vector<PadAxis> axes;
  const void* value = nullptr;  // One element.
  size_t width = 0;             // Its bytes.

  // What remains of the input goes to its place first. What surrounds it is a constant, or is copied from there, whole
  // rows of the output at a time.
  void Run(size_t depth, const char* from, char* to) const {
    const PadAxis& axis = axes[depth];
    const size_t row = axis.to_stride;
    from += static_cast<size_t>(axis.skip) * axis.from_stride;
    char* inner = to + static_cast<size_t>(axis.before) * row;
    if (depth + 1 == axes.size()) {
      std::memcpy(inner, from, static_cast<size_t>(axis.extent) * row);
    } else {
      for (int64_t i = 0; i < axis.extent; ++i) {
        Run(depth + 1, from + static_cast<size_t>(i) * axis.from_stride, inner + static_cast<size_t>(i) * row);
      }
    }
    const auto surround = [&](int64_t begin, int64_t end) {
      char* at = inner + begin * static_cast<int64_t>(row);
      if (mode == PadMode::kConstant) {
        FillElements(at, (end - begin) * static_cast<int64_t>(row / width), value, width);
        return;
      }
      for (int64_t i = begin; i < end; ++i, at += row) {
        std::memcpy(at, inner + static_cast<size_t>(Mirrored(mode, i, axis.extent)) * row, row);
      }
    };
    surround(-axis.before, 0);
    surround(axis.extent, axis.extent + axis.after);
  }
};

// `pads` holds what to add before each axis, then what to add after each.
absl::Status Pad(const Tensor& x, PadMode mode, const std::vector<int64_t>& pads, const Tensor& value,
                 Outputs& outputs) {
  const size_t rank = x.rank();
  Shape shape;
  Padding padding{.mode = mode, .value = value.raw(), .width = SizeOf(x.dtype())};
  size_t depth = 0;  // Axes behind the last padded one are copied in one piece with it.
  for (size_t i = 0; i < rank; ++i) {
    const int64_t before = pads[i], after = pads[i + rank];
    const int64_t most = kTensorElementsMax;
    if (std::min(before, after) < -most || std::max(before, after) > most) {
      return BadShape("the padding is out of range");
    }
    const int64_t skip = std::max<int64_t>(-before, 0);
    const int64_t extent = x.dim(i) - skip - std::max<int64_t>(-after, 0);
    if (extent < 0) return BadShape(absl::StrCat("Pad cuts more off axis ", i, " than there is"));
    padding.axes.push_back({skip, extent, std::max<int64_t>(before, 0), std::max<int64_t>(after, 0), 0, 0});
    shape.push_back(x.dim(i) + before + after);
    if (before != 0 || after != 0) depth = i + 1;
    if (mode != PadMode::kConstant && extent == 0 && shape.back() > 0) {
      return BadShape(absl::StrCat("axis ", i, " has nothing that could be repeated"));
    }
  }
  if (depth == 0) {
    outputs[0] = x;
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(x.dtype(), shape));
  size_t from_stride = padding.width, to_stride = padding.width;
  for (size_t i = rank; i-- > 0;) {
    padding.axes[i].from_stride = from_stride;
    padding.axes[i].to_stride = to_stride;
    from_stride *= static_cast<size_t>(x.dim(i));
    to_stride *= static_cast<size_t>(shape[i]);
  }
  padding.axes.resize(depth);
  if (out.size() > 0) {
    padding.Run(0, static_cast<const char*>(x.raw()), static_cast<char*>(out.mutable_raw()));
  }
  outputs[0] = std::move(out);
  return absl::OkStatus();
}

absl::StatusOr<PadMode> ModeOf(const Node& node) {
  const std::string mode = node.String("mode", "constant");
  if (mode == "constant") return PadMode::kConstant;
  if (mode == "reflect") return PadMode::kReflect;
  if (mode == "edge") return PadMode::kEdge;
  if (mode == "wrap") return PadMode::kWrap;
  return BadAttribute("the mode of Pad must be constant, reflect, edge or wrap");
}

Maker MakePadAttributes(const KernelContext& context) {
  ASSIGN_OR_RETURN(const PadMode mode, ModeOf(context.node));
  const std::vector<int64_t> pads = context.node.Ints(context.opset < 2 ? "paddings" : "pads");
  const float value = context.node.Float("value", 0);
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    if (pads.size() != 2 * inputs[0]->rank()) return BadShape("Pad needs two numbers an axis");
    return Pad(*inputs[0], mode, pads, Tensor::Scalar(value), outputs);
  });
}

// The padding of all axes, from that of the named ones.
absl::StatusOr<std::vector<int64_t>> SpreadPads(const std::vector<int64_t>& pads,
                                                const std::vector<int64_t>& axes, size_t rank) {
  if (pads.size() != 2 * axes.size()) return BadShape("Pad needs two numbers an axis");
  std::vector<int64_t> all(2 * rank, 0);
  std::vector<bool> used(rank, false);
  for (size_t i = 0; i < axes.size(); ++i) {
    ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(axes[i], rank));
    if (used[axis]) return BadAttribute("Pad names an axis twice");
    used[axis] = true;
    all[axis] = pads[i];
    all[axis + rank] = pads[i + axes.size()];
  }
  return all;
}

Maker MakePadInputs(const KernelContext& context) {
  ASSIGN_OR_RETURN(const PadMode mode, ModeOf(context.node));
  return MakeKernelFrom([mode](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 2));
    const Tensor& x = *inputs[0];
    if (SizeOf(x.dtype()) == 0) return BadType(x, "a type of fixed size");
    ASSIGN_OR_RETURN(std::vector<int64_t> pads, Integers(*inputs[1]));
    Tensor value(x.dtype(), {});
    if (inputs.size() > 2 && inputs[2] != nullptr) {
      if (inputs[2]->dtype() != x.dtype()) return BadType(*inputs[2], DataTypeName(x.dtype()) + " like the first one");
      if (inputs[2]->size() != 1) return BadShape("the value of Pad must be a scalar");
      value = *inputs[2];
    }
    if (inputs.size() > 3 && inputs[3] != nullptr) {
      ASSIGN_OR_RETURN(const std::vector<int64_t> axes, Integers(*inputs[3]));
      ASSIGN_OR_RETURN(pads, SpreadPads(pads, axes, x.rank()));
    }
    if (pads.size() != 2 * x.rank()) return BadShape("Pad needs two numbers an axis");
    return Pad(x, mode, pads, value, outputs);
  });
}

constexpr KernelEntry kEntries[] = {
    {"Pad", 1, &MakePadAttributes},
    {"Pad", 11, &MakePadInputs, "", Takes::kNumbers},
};

}  // namespace

std::span<const KernelEntry> PadKernels() { return kEntries; }

}  // namespace quantd::cpu
