// Pools over one to three spatial axes, by plain loops: they are a small share of any model's time.
#include <limits>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"
#include "worker/backend/cpu/max_pool_index.h"
#include "worker/backend/cpu/window.h"

namespace quantd::cpu {
namespace {

// A NaN wins and stays.
float Larger(float highest, float x) { return x > highest || x != x ? x : highest; }

// The window's range of one axis at output position `out`: input positions first, first + dilation, ... of
// which `count` lie inside the input; `padded` counts those inside input or padding.
struct Range {
  int64_t first;
  int64_t count;
  int64_t padded;
};

Range RangeOf(const Window& w, size_t axis, int64_t extent, int64_t out) {
  const Taps inside = TapsWithin(w, axis, 0, extent, out);
  const int64_t begin = out * w.strides[axis] - w.pads_begin[axis];
  return {.first = inside.count == 0 ? 0 : begin + inside.first * w.dilations[axis],
          .count = inside.count,
          .padded = TapsWithin(w, axis, -w.pads_begin[axis], extent + w.pads_end[axis], out).count};
}

// Folds the window's values of one plane, three axes deep (missing ones have extent 1).
template <typename Fold>
void PoolPlane(const Window& w, const std::vector<int64_t>& in, const float* x, float* y, Fold fold) {
  std::vector<std::vector<Range>> ranges(3);
  for (size_t axis = 0; axis < 3; ++axis) {
    for (int64_t o = 0; o < w.output[axis]; ++o) ranges[axis].push_back(RangeOf(w, axis, in[axis], o));
  }
  for (const Range& d : ranges[0]) {
    for (const Range& r : ranges[1]) {
      for (const Range& c : ranges[2]) *y++ = fold(x, d, r, c);
    }
  }
}

enum class PoolKind { kMax, kAverage };

class PoolKernel final : public Kernel {
 public:
  PoolKernel(const Node& node, PoolKind kind)
      : node_(node), kind_(kind), include_pad_(node.Int("count_include_pad", 0) != 0) {}

  absl::Status Run(const Inputs& inputs, Outputs& outputs) const override {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    const Tensor& x = *inputs[0];
    if (kind_ == PoolKind::kMax && x.dtype() != DataType::kFloat) {
      return RunIndexedMaxPool(node_, inputs, outputs);
    }
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    if (x.rank() < 3 || x.rank() > 5) {
      return BadShape(absl::StrCat("a pool needs [N, C, ...] with one to three axes, not ",
                                   ShapeString(x.shape())));
    }
    std::vector<int64_t> spatial(x.shape().begin() + 2, x.shape().end());
    ASSIGN_OR_RETURN(Window window, ResolveWindow(node_, node_.Ints("kernel_shape"), spatial,
                                                  node_.Int("ceil_mode", 0) != 0));
    Shape shape = {x.dim(0), x.dim(1)};
    shape.insert(shape.end(), window.output.begin(), window.output.end());
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, shape));
    WidenToThreeAxes(window, spatial);
    const int64_t in_plane = spatial[0] * spatial[1] * spatial[2];
    const int64_t out_plane = window.output[0] * window.output[1] * window.output[2];
    for (int64_t plane = 0; plane < x.dim(0) * x.dim(1); ++plane) {
      RunPlane(window, spatial, x.data<float>() + plane * in_plane,
               out.mutable_data<float>() + plane * out_plane);
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  }

 private:
  void RunPlane(const Window& w, const std::vector<int64_t>& in, const float* x, float* y) const {
    const auto walk = [&](const float* plane, const Range& d, const Range& r, const Range& c,
                          auto&& visit) {
      for (int64_t i = 0; i < d.count; ++i) {
        for (int64_t j = 0; j < r.count; ++j) {
          const float* row = plane + ((d.first + i * w.dilations[0]) * in[1] + r.first +
                                      j * w.dilations[1]) * in[2] + c.first;
          for (int64_t k = 0; k < c.count; ++k) visit(row[k * w.dilations[2]]);
        }
      }
    };
    if (kind_ == PoolKind::kMax) {
      PoolPlane(w, in, x, y, [&](const float* plane, const Range& d, const Range& r, const Range& c) {
        float highest = -std::numeric_limits<float>::infinity();
        walk(plane, d, r, c, [&](float v) { highest = Larger(highest, v); });
        return highest;
      });
      return;
    }
    PoolPlane(w, in, x, y, [&](const float* plane, const Range& d, const Range& r, const Range& c) {
      double sum = 0;
      walk(plane, d, r, c, [&](float v) { sum += v; });
      const int64_t count = include_pad_ ? d.padded * r.padded * c.padded : d.count * r.count * c.count;
      return count == 0 ? 0.0f : static_cast<float>(sum / static_cast<double>(count));
    });
  }

  const Node node_;
  const PoolKind kind_;
  const bool include_pad_;
};

template <PoolKind kKind>
absl::StatusOr<std::unique_ptr<Kernel>> MakePool(const KernelContext& context) {
  if (kKind == PoolKind::kMax && context.node.outputs.size() > 1 && !context.node.outputs[1].empty()) {
    return MakeKernelFrom([node = context.node](const Inputs& inputs, Outputs& outputs) {
      return RunIndexedMaxPool(node, inputs, outputs);
    });
  }
  return std::make_unique<PoolKernel>(context.node, kKind);
}

template <PoolKind kKind>
absl::Status GlobalPool(const Inputs& inputs, Outputs& outputs) {
  RETURN_IF_ERROR(RequireFloat(inputs, 0));
  const Tensor& x = *inputs[0];
  if (x.rank() < 3) return BadShape("a global pool needs [N, C, ...]");
  Shape shape(x.rank(), 1);
  shape[0] = x.dim(0);
  shape[1] = x.dim(1);
  Tensor out(DataType::kFloat, shape);
  const int64_t plane = out.size() == 0 ? 0 : x.size() / out.size();
  if (out.size() > 0 && plane == 0) return BadShape("a global pool over nothing");
  for (int64_t i = 0; i < out.size(); ++i) {
    const float* values = x.data<float>() + i * plane;
    if (kKind == PoolKind::kMax) {
      out.mutable_data<float>()[i] = std::accumulate(values, values + plane, values[0], &Larger);
    } else {
      double sum = 0;
      for (int64_t k = 0; k < plane; ++k) sum += values[k];
      out.mutable_data<float>()[i] = static_cast<float>(sum / static_cast<double>(plane));
    }
  }
  outputs[0] = std::move(out);
  return absl::OkStatus();
}

template <PoolKind kKind>
absl::StatusOr<std::unique_ptr<Kernel>> MakeGlobalPool(const KernelContext&) {
  return MakeKernelFrom(&GlobalPool<kKind>);
}

constexpr KernelEntry kEntries[] = {
    {"MaxPool", 1, &MakePool<PoolKind::kMax>},
    {"AveragePool", 1, &MakePool<PoolKind::kAverage>},
    {"GlobalMaxPool", 1, &MakeGlobalPool<PoolKind::kMax>},
    {"GlobalAveragePool", 1, &MakeGlobalPool<PoolKind::kAverage>},
};

}  // namespace

std::span<const KernelEntry> PoolKernels() { return kEntries; }

}  // namespace quantd::cpu
