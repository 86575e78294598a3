// DFT and STFT.
#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/fourier.h"
#include "worker/backend/cpu/kernel_support.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;

constexpr int64_t kLengthMax = int64_t{1} << 28;

// The value of an optional integer scalar input.
absl::StatusOr<int64_t> OptionalInteger(const Inputs& inputs, size_t index, int64_t fallback) {
  if (index >= inputs.size() || inputs[index] == nullptr) return fallback;
  ASSIGN_OR_RETURN(const std::vector<int64_t> values, Integers(*inputs[index]));
  if (values.size() != 1) return BadShape(absl::StrCat("input ", index, " is not one value"));
  return values[0];
}

absl::Status CheckLength(absl::string_view what, int64_t length) {
  if (length >= 1 && length <= kLengthMax) return absl::OkStatus();
  return BadShape(absl::StrCat(what, " is ", length));
}

struct DftOptions {
  bool inverse = false;
  bool onesided = false;
  int64_t axis = 1;
  bool axis_is_input = false;  // Since opset 20; the attribute before.
};

absl::Status RunDft(const DftOptions& options, const Inputs& inputs, Outputs& outputs) {
  RETURN_IF_ERROR(RequireFloat(inputs, 0));
  const Tensor& x = *inputs[0];
  if (x.rank() < 2 || (x.dim(x.rank() - 1) != 1 && x.dim(x.rank() - 1) != 2)) {
    return BadShape(absl::StrCat("DFT needs [..., 1] or [..., 2], not ", ShapeString(x.shape())));
  }
  int64_t attribute = options.axis;
  if (options.axis_is_input) {
    ASSIGN_OR_RETURN(attribute, OptionalInteger(inputs, 2, -2));
  }
  ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(attribute, x.rank()));
  if (axis + 1 == x.rank()) return BadAttribute("DFT cannot run along the axis of real and imaginary parts");
  const int64_t parts = x.dim(x.rank() - 1);
  ASSIGN_OR_RETURN(const int64_t length, OptionalInteger(inputs, 1, x.dim(axis)));
  RETURN_IF_ERROR(CheckLength("the length of DFT", length));
  const int64_t bins = options.onesided ? length / 2 + 1 : length;
  Shape shape = x.shape();
  shape[axis] = bins;
  shape.back() = 2;
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, shape));
  int64_t outer = 1, inner = 1;
  for (size_t i = 0; i + 1 < x.rank(); ++i) {
    if (i != axis) (i < axis ? outer : inner) *= x.dim(i);
  }
  const Fourier fourier(length, options.inverse);
  std::vector<Fourier::Complex> values;
  for (int64_t v = 0; v < outer * inner; ++v) {
    const int64_t o = v / inner, i = v % inner;
    // What is missing is zero, what is too much is cut off.
    values.assign(static_cast<size_t>(length), 0);
    for (int64_t k = 0; k < std::min(length, x.dim(axis)); ++k) {
      const float* from = x.data<float>() + ((o * x.dim(axis) + k) * inner + i) * parts;
      values[static_cast<size_t>(k)] = {from[0], parts == 2 ? from[1] : 0.0f};
    }
    fourier.Transform(values);
    for (int64_t k = 0; k < bins; ++k) {
      float* to = out.mutable_data<float>() + ((o * bins + k) * inner + i) * 2;
      to[0] = static_cast<float>(values[static_cast<size_t>(k)].real());
      to[1] = static_cast<float>(values[static_cast<size_t>(k)].imag());
    }
  }
  outputs[0] = std::move(out);
  return absl::OkStatus();
}

template <bool kAxisIsInput>
Maker MakeDft(const KernelContext& context) {
  DftOptions options{.inverse = context.node.Int("inverse", 0) != 0,
                     .onesided = context.node.Int("onesided", 0) != 0,
                     .axis = context.node.Int("axis", 1),
                     .axis_is_input = kAxisIsInput};
  if (options.inverse && options.onesided) return BadAttribute("DFT cannot be both inverse and onesided");
  return MakeKernelFrom([options](const Inputs& inputs, Outputs& outputs) { return RunDft(options, inputs, outputs); });
}

absl::Status RunStft(bool onesided, const Inputs& inputs, Outputs& outputs) {
  RETURN_IF_ERROR(RequireFloat(inputs, 0));
  RETURN_IF_ERROR(RequireInput(inputs, 1));
  const Tensor& x = *inputs[0];
  const int64_t parts = x.rank() == 3 ? x.dim(2) : 1;
  if ((x.rank() != 2 && x.rank() != 3) || (parts != 1 && parts != 2)) {
    return BadShape(absl::StrCat("STFT needs [batch, length, 1 or 2], not ", ShapeString(x.shape())));
  }
  if (onesided && parts == 2) return BadShape("STFT of complex values cannot be onesided");
  ASSIGN_OR_RETURN(const int64_t step, OptionalInteger(inputs, 1, 0));
  RETURN_IF_ERROR(CheckLength("frame_step", step));
  const Tensor* window = inputs.size() > 2 ? inputs[2] : nullptr;
  if (window != nullptr) {
    RETURN_IF_ERROR(RequireFloat(inputs, 2));
    if (window->rank() != 1) return BadShape("the window of STFT is no vector");
  }
  ASSIGN_OR_RETURN(const int64_t frame, OptionalInteger(inputs, 3, window == nullptr ? x.dim(1) : window->dim(0)));
  RETURN_IF_ERROR(CheckLength("frame_length", frame));
  if (window != nullptr && window->dim(0) > frame) return BadShape("the window of STFT is longer than a frame");
  if (x.dim(1) < frame) return BadShape(absl::StrCat("a signal of ", x.dim(1), " holds no frame of ", frame));
  const int64_t frames = (x.dim(1) - frame) / step + 1, bins = onesided ? frame / 2 + 1 : frame;
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, {x.dim(0), frames, bins, 2}));
  // A window that is shorter than a frame stands in its middle.
  const int64_t width = window == nullptr ? frame : window->dim(0), begin = (frame - width) / 2;
  const Fourier fourier(frame, false);
  std::vector<Fourier::Complex> values;
  float* to = out.mutable_data<float>();
  for (int64_t f = 0; f < x.dim(0) * frames; ++f) {
    const float* from = x.data<float>() + (f / frames * x.dim(1) + f % frames * step + begin) * parts;
    values.assign(static_cast<size_t>(frame), 0);
    for (int64_t k = 0; k < width; ++k) {
      const double weight = window == nullptr ? 1.0 : window->data<float>()[k];
      values[static_cast<size_t>(begin + k)] = {from[k * parts] * weight, parts == 2 ? from[k * 2 + 1] * weight : 0};
    }
    fourier.Transform(values);
    for (size_t k = 0; k < static_cast<size_t>(bins); ++k) {
      *to++ = static_cast<float>(values[k].real());
      *to++ = static_cast<float>(values[k].imag());
    }
  }
  outputs[0] = std::move(out);
  return absl::OkStatus();
}

Maker MakeStft(const KernelContext& context) {
  const bool onesided = context.node.Int("onesided", 1) != 0;
  return MakeKernelFrom([onesided](const Inputs& inputs, Outputs& outputs) { return RunStft(onesided, inputs, outputs); });
}

constexpr KernelEntry kEntries[] = {
    {"DFT", 17, &MakeDft<false>}, {"DFT", 20, &MakeDft<true>}, {"STFT", 17, &MakeStft}};

}  // namespace

std::span<const KernelEntry> SpectrumKernels() { return kEntries; }

}  // namespace quantd::cpu
