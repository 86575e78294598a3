// Pools over planes stored [N, H, W, C], which rewrites make: the inner loop runs over channels, which lie side by side.
#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"
#include "worker/backend/cpu/window.h"
#include "worker/kernels/select_kernels.h"

namespace quantd::cpu {
namespace {

// One axis of one window: input positions first, first + dilation, ... of which `count` lie inside the input;
// `padded` counts those inside input or padding.
struct Range {
  int64_t first = 0;
  int64_t count = 0;
  int64_t padded = 0;
};

std::vector<Range> Ranges(const Window& w, size_t axis, int64_t extent) {
  std::vector<Range> ranges(static_cast<size_t>(w.output[axis]));
  for (size_t out = 0; out < ranges.size(); ++out) {
    const int64_t begin = static_cast<int64_t>(out) * w.strides[axis] - w.pads_begin[axis];
    for (int64_t k = 0; k < w.kernel[axis]; ++k) {
      const int64_t at = begin + k * w.dilations[axis];
      if (at < extent + w.pads_end[axis]) ++ranges[out].padded;
      if (at < 0 || at >= extent) continue;
      if (ranges[out].count == 0) ranges[out].first = at;
      ++ranges[out].count;
    }
  }
  return ranges;
}

void FoldMax(const float* x, int64_t n, float* y) { Kernels().max(x, y, static_cast<size_t>(n), y); }

void FoldSum(const float* x, int64_t n, double* sum) {
  for (int64_t i = 0; i < n; ++i) sum[i] += x[i];
}

absl::Status CheckPlane(const Inputs& inputs) {
  RETURN_IF_ERROR(RequireFloat(inputs, 0));
  if (inputs[0]->rank() == 4) return absl::OkStatus();
  return BadShape(absl::StrCat("a channels-last pool needs [N, H, W, C], not ",
                               ShapeString(inputs[0]->shape())));
}

class ChannelsLastPool final : public Kernel {
 public:
  ChannelsLastPool(const Node& node, bool max)
      : node_(node), max_(max), include_pad_(node.Int("count_include_pad", 0) != 0) {}

  absl::Status Run(const Inputs& inputs, Outputs& outputs) const override {
    RETURN_IF_ERROR(CheckPlane(inputs));
    const Tensor& x = *inputs[0];
    ASSIGN_OR_RETURN(const Window window,
                     ResolveWindow(node_, node_.Ints("kernel_shape"), {x.dim(1), x.dim(2)},
                                   node_.Int("ceil_mode", 0) != 0));
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, {x.dim(0), window.output[0],
                                                                 window.output[1], x.dim(3)}));
    const std::vector<Range> rows = Ranges(window, 0, x.dim(1));
    const std::vector<Range> columns = Ranges(window, 1, x.dim(2));
    const int64_t channels = x.dim(3), row_stride = x.dim(2) * channels;
    std::vector<double> sums(max_ ? 0 : static_cast<size_t>(channels));
    float* y = out.mutable_data<float>();
    for (int64_t n = 0; n < x.dim(0); ++n) {
      const float* image = x.data<float>() + n * x.dim(1) * row_stride;
      for (const Range& r : rows) {
        for (const Range& c : columns) {
          const float* window_begin = image + r.first * row_stride + c.first * channels;
          const auto visit = [&](auto&& fold) {
            for (int64_t i = 0; i < r.count; ++i) {
              for (int64_t j = 0; j < c.count; ++j) {
                fold(window_begin + i * window.dilations[0] * row_stride + j * window.dilations[1] * channels);
              }
            }
          };
          if (max_) {
            std::fill(y, y + channels, -std::numeric_limits<float>::infinity());
            visit([&](const float* values) { FoldMax(values, channels, y); });
          } else {
            std::fill(sums.begin(), sums.end(), 0);
            visit([&](const float* values) { FoldSum(values, channels, sums.data()); });
            const int64_t count = include_pad_ ? r.padded * c.padded : r.count * c.count;
            for (int64_t k = 0; k < channels; ++k) {
              y[k] = count == 0 ? 0 : static_cast<float>(sums[static_cast<size_t>(k)] / static_cast<double>(count));
            }
          }
          y += channels;
        }
      }
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  }

 private:
  const Node node_;
  const bool max_;
  const bool include_pad_;
};

template <bool kMax>
absl::Status GlobalPool(const Inputs& inputs, Outputs& outputs) {
  RETURN_IF_ERROR(CheckPlane(inputs));
  const Tensor& x = *inputs[0];
  const int64_t channels = x.dim(3), plane = x.dim(1) * x.dim(2);
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, {x.dim(0), 1, 1, channels}));
  if (out.size() > 0 && plane == 0) return BadShape("a global pool over nothing");
  std::vector<double> sums(static_cast<size_t>(channels));
  for (int64_t n = 0; n < x.dim(0); ++n) {
    const float* values = x.data<float>() + n * plane * channels;
    float* y = out.mutable_data<float>() + n * channels;
    if (kMax) {
      std::copy(values, values + channels, y);
      for (int64_t i = 1; i < plane; ++i) FoldMax(values + i * channels, channels, y);
      continue;
    }
    std::fill(sums.begin(), sums.end(), 0);
    for (int64_t i = 0; i < plane; ++i) FoldSum(values + i * channels, channels, sums.data());
    for (int64_t k = 0; k < channels; ++k) {
      y[k] = static_cast<float>(sums[static_cast<size_t>(k)] / static_cast<double>(plane));
    }
  }
  outputs[0] = std::move(out);
  return absl::OkStatus();
}

template <bool kMax>
absl::StatusOr<std::unique_ptr<Kernel>> MakePool(const KernelContext& context) {
  return std::make_unique<ChannelsLastPool>(context.node, kMax);
}

template <bool kMax>
absl::StatusOr<std::unique_ptr<Kernel>> MakeGlobalPool(const KernelContext&) {
  return MakeKernelFrom(&GlobalPool<kMax>);
}

constexpr KernelEntry kEntries[] = {
    {"ChannelsLastMaxPool", 1, &MakePool<true>, "quantd"},
    {"ChannelsLastAveragePool", 1, &MakePool<false>, "quantd"},
    {"ChannelsLastGlobalMaxPool", 1, &MakeGlobalPool<true>, "quantd"},
    {"ChannelsLastGlobalAveragePool", 1, &MakeGlobalPool<false>, "quantd"},
};

}  // namespace

std::span<const KernelEntry> ChannelsLastPoolKernels() { return kEntries; }

}  // namespace quantd::cpu
