// Resize and Upsample: extents from scales or sizes, then axis after axis.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"
#include "worker/backend/cpu/resize_axis.h"
#include "worker/backend/cpu/resize_extents.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;
using Mode = ResizeOptions::Mode;

// The values of an optional float input; empty when it is absent.
absl::StatusOr<std::vector<float>> FloatValues(const Inputs& inputs, size_t index) {
  if (index >= inputs.size() || inputs[index] == nullptr || inputs[index]->size() == 0) return std::vector<float>();
  RETURN_IF_ERROR(RequireFloat(inputs, index));
  const float* values = inputs[index]->data<float>();
  return std::vector<float>(values, values + inputs[index]->size());
}

// Copies elements of any type; each axis has one tap an output.
void GatherNearest(const Tensor& x, const std::vector<ResizePlan>& plans, Tensor& out) {
  const size_t width = SizeOf(x.dtype()), rank = x.rank();
  const std::vector<int64_t> strides = RowMajorStrides(x.shape());
  const auto offset_of = [&](size_t axis, int64_t position) {
    const ResizePlan& plan = plans[axis];
    return (plan.identity ? position : plan.taps[static_cast<size_t>(position)].input) * strides[axis];
  };
  const char* from = static_cast<const char*>(x.raw());
  char* to = static_cast<char*>(out.mutable_raw());
  std::vector<int64_t> at(rank, 0);
  for (int64_t row = 0; row < out.size() / out.dim(rank - 1); ++row) {
    int64_t base = 0;
    for (size_t axis = 0; axis + 1 < rank; ++axis) base += offset_of(axis, at[axis]);
    for (int64_t i = 0; i < out.dim(rank - 1); ++i, to += width) {
      std::memcpy(to, from + static_cast<size_t>(base + offset_of(rank - 1, i)) * width, width);
    }
    for (size_t axis = rank - 1; axis-- > 0;) {
      if (++at[axis] < out.dim(axis)) break;
      at[axis] = 0;
    }
  }
}

// One axis of a float tensor, [outer, input, inner] to [outer, output, inner].
void ResizeOneAxis(const Tensor& x, size_t axis, const ResizePlan& plan, Tensor& out) {
  int64_t outer = 1, inner = 1;
  for (size_t i = 0; i < x.rank(); ++i) (i < axis ? outer : inner) *= i == axis ? 1 : x.dim(i);
  const int64_t outputs = out.dim(axis);
  std::vector<double> sums(static_cast<size_t>(inner));
  float* to = out.mutable_data<float>();
  for (int64_t o = 0; o < outer; ++o) {
    const float* block = x.data<float>() + o * x.dim(axis) * inner;
    for (size_t p = 0; p < static_cast<size_t>(outputs); ++p) {
      std::fill(sums.begin(), sums.end(), 0.0);
      for (size_t tap = plan.first[p]; tap < plan.first[p + 1]; ++tap) {
        const float* from = block + plan.taps[tap].input * inner;
        for (size_t i = 0; i < sums.size(); ++i) sums[i] += plan.taps[tap].weight * from[i];
      }
      to = std::transform(sums.begin(), sums.end(), to, [](double sum) { return static_cast<float>(sum); });
    }
  }
}

// Puts `value` where any axis lies beyond the input.
template <typename T>
void FillOutside(const std::vector<ResizePlan>& plans, T value, Tensor& out) {
  const std::vector<int64_t> strides = RowMajorStrides(out.shape());
  T* y = out.mutable_data<T>();
  for (size_t axis = 0; axis < plans.size(); ++axis) {
    if (plans[axis].outside.empty()) continue;
    for (int64_t i = 0; i < out.size(); ++i) {
      if (plans[axis].outside[static_cast<size_t>(i / strides[axis] % out.dim(axis))]) y[i] = value;
    }
  }
}

template <typename T>
Tensor ToFloat(const Tensor& x, Tensor out) {
  for (int64_t i = 0; i < x.size(); ++i) out.mutable_data<float>()[i] = static_cast<float>(x.data<T>()[i]);
  return out;
}

template <typename T>
Tensor FromFloat(const Tensor& x, Tensor out) {
  for (int64_t i = 0; i < x.size(); ++i) out.mutable_data<T>()[i] = Saturated<T>(x.data<float>()[i]);
  return out;
}

class ResizeKernel final : public Kernel {
 public:
  struct Form {
    ResizeOptions options;
    size_t scales_input = 0;  // 0: the attribute.
    size_t sizes_input = 0;   // 0: there is none.
    size_t roi_input = 0;
    std::vector<float> scales;
    std::vector<int64_t> axes;  // Empty: all.
    AspectPolicy policy = AspectPolicy::kStretch;
  };
  explicit ResizeKernel(Form form) : form_(std::move(form)) {}

  absl::Status Run(const Inputs& inputs, Outputs& outputs) const override {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    const Tensor& x = *inputs[0];
    ASSIGN_OR_RETURN(const std::vector<ResizeAxis> axes, ResolveAxes(x, inputs));
    Shape shape;
    for (const ResizeAxis& axis : axes) shape.push_back(axis.output);
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(x.dtype(), shape));
    if (out.size() == 0) {
      outputs[0] = std::move(out);
      return absl::OkStatus();
    }
    if (x.size() == 0) return BadShape(absl::StrCat("cannot resize ", ShapeString(x.shape()), ", which is empty"));
    std::vector<ResizePlan> plans;
    for (const ResizeAxis& axis : axes) plans.push_back(PlanResize(form_.options, axis));
    if (std::all_of(plans.begin(), plans.end(), [](const ResizePlan& plan) { return plan.identity; })) {
      outputs[0] = x;
      return absl::OkStatus();
    }
    if (form_.options.mode == Mode::kNearest) {
      GatherNearest(x, plans, out);
    } else {
      RETURN_IF_ERROR(Interpolate(x, plans, out, outputs));
    }
    RETURN_IF_ERROR(Extrapolate(plans, out));
    outputs[0] = std::move(out);
    return absl::OkStatus();
  }

 private:
  absl::StatusOr<std::vector<ResizeAxis>> ResolveAxes(const Tensor& x, const Inputs& inputs) const {
    std::vector<ResizeAxis> plan;
    for (const int64_t extent : x.shape()) plan.push_back({.input = extent, .output = extent});
    std::vector<size_t> axes;
    for (const int64_t attribute : form_.axes) {
      ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(attribute, x.rank()));
      if (std::find(axes.begin(), axes.end(), axis) != axes.end()) return BadAttribute("an axis is named twice");
      axes.push_back(axis);
    }
    for (size_t i = 0; form_.axes.empty() && i < x.rank(); ++i) axes.push_back(i);
    std::vector<float> scales = form_.scales;
    if (form_.scales_input > 0) {
      ASSIGN_OR_RETURN(scales, FloatValues(inputs, form_.scales_input));
    }
    const bool sized = form_.sizes_input > 0 && inputs.size() > form_.sizes_input &&
                       inputs[form_.sizes_input] != nullptr && (scales.empty() || inputs[form_.sizes_input]->size() > 0);
    if (sized && !scales.empty()) return BadShape("Resize takes scales or sizes, not both");
    if (sized) {
      ASSIGN_OR_RETURN(const std::vector<int64_t> sizes, Integers(*inputs[form_.sizes_input]));
      RETURN_IF_ERROR(ApplySizes(sizes, axes, form_.policy, plan));
    } else {
      RETURN_IF_ERROR(ApplyScales(scales, axes, plan));
    }
    if (form_.options.coordinates == ResizeOptions::Coordinates::kTfCropAndResize) {
      ASSIGN_OR_RETURN(const std::vector<float> roi, FloatValues(inputs, form_.roi_input));
      if (roi.size() != 2 * axes.size()) {
        return BadShape(absl::StrCat("roi has ", roi.size(), " values, expected ", 2 * axes.size()));
      }
      for (size_t i = 0; i < axes.size(); ++i) {
        plan[axes[i]].begin = roi[i];
        plan[axes[i]].end = roi[i + axes.size()];
      }
    }
    return plan;
  }

  absl::Status Interpolate(const Tensor& x, const std::vector<ResizePlan>& plans, Tensor& out,
                           Outputs& memory) const {
    Tensor current = x;
    if (x.dtype() != DataType::kFloat) {
      ASSIGN_OR_RETURN(Tensor floats, memory.Make(DataType::kFloat, x.shape()));
      switch (x.dtype()) {
        case DataType::kUint8: current = ToFloat<uint8_t>(x, std::move(floats)); break;
        case DataType::kInt8: current = ToFloat<int8_t>(x, std::move(floats)); break;
        case DataType::kInt32: current = ToFloat<int32_t>(x, std::move(floats)); break;
        default: return BadType(x, "float, uint8, int8 or int32");
      }
    }
    for (size_t axis = 0; axis < plans.size(); ++axis) {
      if (plans[axis].identity) continue;
      Shape shape = current.shape();
      shape[axis] = out.dim(axis);
      ASSIGN_OR_RETURN(Tensor next, memory.Make(DataType::kFloat, shape));
      ResizeOneAxis(current, axis, plans[axis], next);
      current = std::move(next);
    }
    switch (x.dtype()) {
      case DataType::kUint8: out = FromFloat<uint8_t>(current, std::move(out)); break;
      case DataType::kInt8: out = FromFloat<int8_t>(current, std::move(out)); break;
      case DataType::kInt32: out = FromFloat<int32_t>(current, std::move(out)); break;
      default: out = std::move(current);
    }
    return absl::OkStatus();
  }

  absl::Status Extrapolate(const std::vector<ResizePlan>& plans, Tensor& out) const {
    const auto outside = [](const ResizePlan& plan) { return !plan.outside.empty(); };
    if (std::none_of(plans.begin(), plans.end(), outside)) return absl::OkStatus();
    const float value = form_.options.extrapolation_value;
    switch (out.dtype()) {
      case DataType::kFloat: FillOutside(plans, value, out); return absl::OkStatus();
      case DataType::kUint8: FillOutside(plans, Saturated<uint8_t>(value), out); return absl::OkStatus();
      case DataType::kInt8: FillOutside(plans, Saturated<int8_t>(value), out); return absl::OkStatus();
      case DataType::kInt32: FillOutside(plans, Saturated<int32_t>(value), out); return absl::OkStatus();
      default: return BadType(out, "float, uint8, int8 or int32");
    }
  }

  const Form form_;
};

Maker MakeUpsampleFromAttribute(const KernelContext& context) {
  ResizeKernel::Form form;
  ASSIGN_OR_RETURN(form.options, ReadResizeOptions(context.node, context.opset));
  const auto it = context.node.attributes.find("scales");
  const auto* scales = it == context.node.attributes.end() ? nullptr : std::get_if<std::vector<float>>(&it->second);
  if (scales == nullptr || scales->empty()) return BadAttribute("scales of Upsample is missing");
  form.scales = *scales;
  return std::make_unique<ResizeKernel>(std::move(form));
}

Maker MakeFromScales(const KernelContext& context) {
  ResizeKernel::Form form{.scales_input = 1};
  ASSIGN_OR_RETURN(form.options, ReadResizeOptions(context.node, context.opset));
  return std::make_unique<ResizeKernel>(std::move(form));
}

Maker MakeResize(const KernelContext& context) {
  ResizeKernel::Form form{.scales_input = 2, .sizes_input = 3, .roi_input = 1};
  ASSIGN_OR_RETURN(form.options, ReadResizeOptions(context.node, context.opset));
  if (context.opset >= 18) {
    form.axes = context.node.Ints("axes");
    const std::string policy = context.node.String("keep_aspect_ratio_policy", "stretch");
    if (policy == "not_larger") {
      form.policy = AspectPolicy::kNotLarger;
    } else if (policy == "not_smaller") {
      form.policy = AspectPolicy::kNotSmaller;
    } else if (policy != "stretch") {
      return BadAttribute(absl::StrCat("keep_aspect_ratio_policy is '", policy, "'"));
    }
  }
  return std::make_unique<ResizeKernel>(std::move(form));
}

constexpr KernelEntry kEntries[] = {
    {"Upsample", 7, &MakeUpsampleFromAttribute},
    {"Upsample", 9, &MakeFromScales},
    {"Resize", 10, &MakeFromScales},
    {"Resize", 11, &MakeResize},
};

}  // namespace

std::span<const KernelEntry> ResizeKernels() { return kEntries; }

}  // namespace quantd::cpu
