// ConvTranspose over one to three axes: every input element spreads the kernel, scaled, over the output.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"
#include "worker/backend/cpu/window.h"

namespace quantd::cpu {
namespace {

constexpr int64_t kExtentMax = int64_t{1} << 31;

struct Padding {
  int64_t begin;
  int64_t end;
  int64_t output;
};

// The padding that leaves `output` of the `full` extent. An odd rest goes to the end for SAME_UPPER, else to the beginning;
// an output beyond the full extent gets the missing positions at its end.
Padding PaddingFor(int64_t full, int64_t output, bool upper) {
  const int64_t total = std::max<int64_t>(full - output, 0);
  const int64_t half = total / 2;
  return upper ? Padding{half, total - half, output} : Padding{total - half, half, output};
}

// Where input positions [first, last] meet the output through one tap of the kernel, along one axis.
struct Overlap {
  int64_t first;
  int64_t last;
  int64_t to;  // The output position of `first`.
};

Overlap OverlapOf(const Window& w, size_t axis, int64_t extent, int64_t tap) {
  const int64_t shift = tap * w.dilations[axis] - w.pads_begin[axis];
  const int64_t stride = w.strides[axis];
  const int64_t first = shift >= 0 ? 0 : (-shift + stride - 1) / stride;
  const int64_t room = w.output[axis] - 1 - shift;
  const int64_t last = room < 0 ? -1 : std::min(extent - 1, room / stride);
  return {first, last, first * stride + shift};
}

// Adds one channel of the input, through one kernel, to one channel of the output.
void Spread(const Window& w, const std::vector<int64_t>& in, const float* x, const float* kernel, double* sums) {
  for (int64_t a = 0; a < w.kernel[0]; ++a) {
    const Overlap d = OverlapOf(w, 0, in[0], a);
    for (int64_t b = 0; b < w.kernel[1]; ++b) {
      const Overlap r = OverlapOf(w, 1, in[1], b);
      for (int64_t c = 0; c < w.kernel[2]; ++c, ++kernel) {
        const Overlap s = OverlapOf(w, 2, in[2], c);
        const double weight = *kernel;
        for (int64_t i = d.first; i <= d.last; ++i) {
          for (int64_t j = r.first; j <= r.last; ++j) {
            const float* from = x + (i * in[1] + j) * in[2];
            double* to = sums + ((d.to + (i - d.first) * w.strides[0]) * w.output[1] + r.to +
                                 (j - r.first) * w.strides[1]) * w.output[2] + s.to;
            for (int64_t k = s.first; k <= s.last; ++k) to[(k - s.first) * w.strides[2]] += from[k] * weight;
          }
        }
      }
    }
  }
}

class ConvTransposeKernel final : public Kernel {
 public:
  ConvTransposeKernel(const Node& node, int64_t groups) : node_(node), groups_(groups) {}

  absl::Status Run(const Inputs& inputs, Outputs& outputs) const override {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    RETURN_IF_ERROR(RequireFloat(inputs, 1));
    const Tensor& x = *inputs[0];
    const Tensor& w = *inputs[1];
    const Tensor* bias = inputs.size() > 2 ? inputs[2] : nullptr;
    if (bias != nullptr) RETURN_IF_ERROR(RequireFloat(inputs, 2));
    if (x.rank() < 3 || x.rank() > 5 || w.rank() != x.rank() || w.dim(0) != x.dim(1) ||
        x.dim(1) % groups_ != 0 || w.dim(1) < 1 || w.dim(1) > kExtentMax / groups_) {
      return BadShape(absl::StrCat("input ", ShapeString(x.shape()), ", weight ", ShapeString(w.shape()),
                                   " and group ", groups_, " are no transposed convolution over one to three axes"));
    }
    const int64_t channels = w.dim(1) * groups_;
    if (bias != nullptr && bias->shape() != Shape{channels}) {
      return BadShape(absl::StrCat("the bias has shape ", ShapeString(bias->shape()), ", expected [", channels, "]"));
    }
    std::vector<int64_t> spatial(x.shape().begin() + 2, x.shape().end());
    ASSIGN_OR_RETURN(Window window, Resolve(spatial, {w.shape().begin() + 2, w.shape().end()}));
    Shape shape = {x.dim(0), channels};
    shape.insert(shape.end(), window.output.begin(), window.output.end());
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, shape));
    WidenToThreeAxes(window, spatial);
    if (out.size() > 0) RunChannels(window, spatial, x, w, bias, out);
    outputs[0] = std::move(out);
    return absl::OkStatus();
  }

 private:
  absl::StatusOr<Window> Resolve(const std::vector<int64_t>& spatial, std::vector<int64_t> kernel) const {
    const size_t rank = spatial.size();
    Window window{.kernel = std::move(kernel)};
    ASSIGN_OR_RETURN(window.strides, WindowAttribute(node_, "strides", rank, 1, 1));
    ASSIGN_OR_RETURN(window.dilations, WindowAttribute(node_, "dilations", rank, 1, 1));
    ASSIGN_OR_RETURN(const std::vector<int64_t> pads, WindowAttribute(node_, "pads", 2 * rank, 0, 0));
    ASSIGN_OR_RETURN(const std::vector<int64_t> added, WindowAttribute(node_, "output_padding", rank, 0, 0));
    std::vector<int64_t> wanted = node_.Ints("output_shape");
    // Some exporters list batch and channels too.
    if (wanted.size() == rank + 2) wanted.erase(wanted.begin(), wanted.begin() + 2);
    if (!wanted.empty() && wanted.size() != rank) {
      return BadAttribute(absl::StrCat("output_shape has ", wanted.size(), " values, expected ", rank));
    }
    for (const int64_t extent : wanted) {
      if (extent < 1 || extent > kExtentMax) {
        return BadAttribute(absl::StrCat("output_shape holds ", extent, ", which is out of range"));
      }
    }
    const std::string auto_pad = node_.String("auto_pad", "NOTSET");
    for (size_t axis = 0; axis < rank; ++axis) {
      const int64_t extent = spatial[axis], stride = window.strides[axis];
      if (window.kernel[axis] < 1 || window.kernel[axis] > kExtentMax || extent > kExtentMax) {
        return BadShape("a kernel's extent is out of range");
      }
      // Each factor is at most 2^31, so this stays below 2^63.
      const int64_t full = std::max<int64_t>(extent - 1, 0) * stride + added[axis] +
                           (window.kernel[axis] - 1) * window.dilations[axis] + 1;
      Padding padding{0, 0, full};
      if (!wanted.empty()) {
        padding = PaddingFor(full, wanted[axis], auto_pad == "SAME_UPPER");
      } else if (auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER") {
        padding = PaddingFor(full, extent * stride, auto_pad == "SAME_UPPER");
      } else if (auto_pad == "NOTSET") {
        padding = {pads[axis], pads[axis + rank], full - pads[axis] - pads[axis + rank]};
      }
      if (padding.output < 1) {
        return BadShape(absl::StrCat("the output of axis ", axis, " would have extent ", padding.output));
      }
      window.pads_begin.push_back(padding.begin);
      window.pads_end.push_back(padding.end);
      window.output.push_back(padding.output);
    }
    return window;
  }

  void RunChannels(const Window& window, const std::vector<int64_t>& in, const Tensor& x, const Tensor& w,
                   const Tensor* bias, Tensor& out) const {
    const int64_t in_plane = in[0] * in[1] * in[2];
    const int64_t out_plane = window.output[0] * window.output[1] * window.output[2];
    const int64_t taps = window.kernel[0] * window.kernel[1] * window.kernel[2];
    const int64_t group_in = x.dim(1) / groups_, group_out = w.dim(1), channels = group_out * groups_;
    std::vector<double> sums(static_cast<size_t>(out_plane));
    for (int64_t n = 0; n < x.dim(0); ++n) {
      for (int64_t o = 0; o < channels; ++o) {
        std::fill(sums.begin(), sums.end(), bias == nullptr ? 0.0 : bias->data<float>()[o]);
        for (int64_t c = 0; c < group_in; ++c) {
          const int64_t channel = o / group_out * group_in + c;
          Spread(window, in, x.data<float>() + (n * x.dim(1) + channel) * in_plane,
                 w.data<float>() + (channel * group_out + o % group_out) * taps, sums.data());
        }
        float* y = out.mutable_data<float>() + (n * channels + o) * out_plane;
        std::transform(sums.begin(), sums.end(), y, [](double sum) { return static_cast<float>(sum); });
      }
    }
  }

  const Node node_;
  const int64_t groups_;
};

absl::StatusOr<std::unique_ptr<Kernel>> MakeConvTranspose(const KernelContext& context) {
  const int64_t groups = context.node.Int("group", 1);
  if (groups < 1 || groups > kExtentMax) return BadAttribute(absl::StrCat("group is ", groups));
  const std::string auto_pad = context.node.String("auto_pad", "NOTSET");
  if (auto_pad != "NOTSET" && auto_pad != "VALID" && auto_pad != "SAME_UPPER" && auto_pad != "SAME_LOWER") {
    return BadAttribute(absl::StrCat("auto_pad is '", auto_pad, "'"));
  }
  return std::make_unique<ConvTransposeKernel>(context.node, groups);
}

constexpr KernelEntry kEntries[] = {{"ConvTranspose", 1, &MakeConvTranspose}};

}  // namespace

std::span<const KernelEntry> ConvTransposeKernels() { return kEntries; }

}  // namespace quantd::cpu
