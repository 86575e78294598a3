// HannWindow, HammingWindow, BlackmanWindow and MelWeightMatrix: what audio models multiply with.
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;

constexpr int64_t kSizeMax = int64_t{1} << 31;

// a[0] - a[1] cos(2 pi i / n) + a[2] cos(4 pi i / n)
using Cosines = std::array<double, 3>;
constexpr Cosines kHann = {0.5, 0.5, 0};
constexpr Cosines kHamming = {25.0 / 46, 21.0 / 46, 0};
constexpr Cosines kBlackman = {0.42, 0.5, 0.08};

// The single value of a number input.
absl::StatusOr<double> Number(const Inputs& inputs, size_t index) {
  RETURN_IF_ERROR(RequireInput(inputs, index));
  const Tensor& tensor = *inputs[index];
  if (tensor.size() != 1) return BadShape(absl::StrCat("input ", index, " is not one value"));
  if (tensor.dtype() == DataType::kFloat) return tensor.data<float>()[0];
  if (tensor.dtype() == DataType::kDouble) return tensor.data<double>()[0];
  ASSIGN_OR_RETURN(const std::vector<int64_t> values, Integers(tensor));
  return static_cast<double>(values[0]);
}

absl::StatusOr<int64_t> Count(const Inputs& inputs, size_t index) {
  ASSIGN_OR_RETURN(const double value, Number(inputs, index));
  if (!(value >= 0 && value <= static_cast<double>(kSizeMax))) {
    return BadShape(absl::StrCat("input ", index, " is ", value, ", which is out of range"));
  }
  return static_cast<int64_t>(value);
}

absl::StatusOr<DataType> OutputType(const Node& node) {
  const DataType type = static_cast<DataType>(node.Int("output_datatype", static_cast<int64_t>(DataType::kFloat)));
  if (type == DataType::kFloat || type == DataType::kDouble) return type;
  return BadAttribute(absl::StrCat("output_datatype is ", DataTypeName(type), ", supported are float and double"));
}

// Numbers as float or double.
void Store(double value, int64_t i, Tensor& out) {
  if (out.dtype() == DataType::kDouble) {
    out.mutable_data<double>()[i] = value;
  } else {
    out.mutable_data<float>()[i] = static_cast<float>(value);
  }
}

template <const Cosines& kCosines>
Maker MakeWindow(const KernelContext& context) {
  ASSIGN_OR_RETURN(const DataType type, OutputType(context.node));
  const bool periodic = context.node.Int("periodic", 1) != 0;
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    ASSIGN_OR_RETURN(const int64_t size, Count(inputs, 0));
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(type, {size}));
    // A symmetric window of one is periodic too: there is nothing to divide.
    const double n = static_cast<double>(periodic ? size : std::max<int64_t>(size - 1, 1));
    for (int64_t i = 0; i < size; ++i) {
      const double turn = 2 * std::numbers::pi * static_cast<double>(i) / n;
      Store(kCosines[0] - kCosines[1] * std::cos(turn) + kCosines[2] * std::cos(2 * turn), i, out);
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

double HertzFromMel(double mel) { return 700 * (std::pow(10, mel / 2595) - 1); }
double MelFromHertz(double hertz) { return 2595 * std::log10(1 + hertz / 700); }

// Triangles over the bins of a spectrum, equally wide in mel.
Maker MakeMelWeightMatrix(const KernelContext& context) {
  ASSIGN_OR_RETURN(const DataType type, OutputType(context.node));
  return MakeKernelFrom([type](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    ASSIGN_OR_RETURN(const int64_t mels, Count(inputs, 0));
    ASSIGN_OR_RETURN(const int64_t length, Count(inputs, 1));
    ASSIGN_OR_RETURN(const int64_t rate, Count(inputs, 2));
    ASSIGN_OR_RETURN(const double lower, Number(inputs, 3));
    ASSIGN_OR_RETURN(const double upper, Number(inputs, 4));
    if (rate < 1 || !(lower >= 0) || !(upper >= lower) || !std::isfinite(upper)) {
      return BadShape(absl::StrCat("MelWeightMatrix from ", lower, " to ", upper, " hertz at a rate of ", rate,
                                   " makes no sense"));
    }
    const int64_t bins = length / 2 + 1;
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(type, {bins, mels}));
    for (int64_t i = 0; i < out.size(); ++i) Store(0, i, out);
    const double low = MelFromHertz(lower), step = (MelFromHertz(upper) - low) / static_cast<double>(mels + 2);
    const auto edge = [&](int64_t i) {
      const double hertz = HertzFromMel(static_cast<double>(i) * step + low);
      return Saturated<int64_t>(std::floor(static_cast<double>(length + 1) * hertz / static_cast<double>(rate)));
    };
    if (edge(mels + 1) > bins) return BadShape("MelWeightMatrix reaches beyond the spectrum");
    for (int64_t mel = 0; mel < mels; ++mel) {
      const int64_t left = edge(mel), center = edge(mel + 1), right = edge(mel + 2);
      const auto store = [&](int64_t bin, double weight) {
        if (bin < bins) Store(weight, bin * mels + mel, out);
      };
      if (center == left) store(center, 1);
      for (int64_t bin = left; center > left && bin <= center; ++bin) {
        store(bin, static_cast<double>(bin - left) / static_cast<double>(center - left));
      }
      for (int64_t bin = center; bin < right; ++bin) {
        store(bin, static_cast<double>(right - bin) / static_cast<double>(right - center));
      }
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

constexpr KernelEntry kEntries[] = {
    {"HannWindow", 17, &MakeWindow<kHann>},
    {"HammingWindow", 17, &MakeWindow<kHamming>},
    {"BlackmanWindow", 17, &MakeWindow<kBlackman>},
    // Its output has the type of an attribute, not of the inputs.
    {"MelWeightMatrix", 17, &MakeMelWeightMatrix, "", Takes::kNumbers},
};

}  // namespace

std::span<const KernelEntry> WindowFunctionKernels() { return kEntries; }

}  // namespace quantd::cpu
