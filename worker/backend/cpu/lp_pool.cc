// LpPool and GlobalLpPool: the p-norm of each window.
#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"
#include "worker/backend/cpu/window.h"

namespace quantd::cpu {
namespace {

// The exponent: an integer, but a float in the first version of the operators.
absl::StatusOr<double> Exponent(const Node& node) {
  const double p = node.Float("p", static_cast<float>(node.Int("p", 2)));
  if (!(p >= 1)) return BadAttribute(absl::StrCat("p is ", p, ", which is no norm"));
  return p;
}

double Power(double x, double p) {
  const double magnitude = std::fabs(x);
  return p == 1 ? magnitude : p == 2 ? x * x : std::pow(magnitude, p);
}

double Root(double sum, double p) { return p == 1 ? sum : p == 2 ? std::sqrt(sum) : std::pow(sum, 1 / p); }

void LpPlane(const Window& w, const std::vector<int64_t>& in, double p, const float* x, float* y) {
  for (int64_t i = 0; i < w.output[0]; ++i) {
    const Taps t0 = TapsWithin(w, 0, 0, in[0], i);
    for (int64_t j = 0; j < w.output[1]; ++j) {
      const Taps t1 = TapsWithin(w, 1, 0, in[1], j);
      for (int64_t k = 0; k < w.output[2]; ++k) {
        double sum = 0;
        const Taps t2 = TapsWithin(w, 2, 0, in[2], k);
        const int64_t c = k * w.strides[2] - w.pads_begin[2] + t2.first * w.dilations[2];
        for (int64_t a = t0.first; t2.count > 0 && a < t0.first + t0.count; ++a) {
          const int64_t d = i * w.strides[0] - w.pads_begin[0] + a * w.dilations[0];
          for (int64_t b = t1.first; b < t1.first + t1.count; ++b) {
            const int64_t r = j * w.strides[1] - w.pads_begin[1] + b * w.dilations[1];
            const float* row = x + (d * in[1] + r) * in[2] + c;
            for (int64_t e = 0; e < t2.count; ++e) sum += Power(row[e * w.dilations[2]], p);
          }
        }
        *y++ = static_cast<float>(Root(sum, p));
      }
    }
  }
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeLpPool(const KernelContext& context) {
  ASSIGN_OR_RETURN(const double p, Exponent(context.node));
  return MakeKernelFrom([p, node = context.node](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    const Tensor& x = *inputs[0];
    if (x.rank() < 3 || x.rank() > 5) {
      return BadShape(absl::StrCat("a pool needs [N, C, ...] with one to three axes, not ", ShapeString(x.shape())));
    }
    std::vector<int64_t> spatial(x.shape().begin() + 2, x.shape().end());
    ASSIGN_OR_RETURN(Window window, ResolveWindow(node, node.Ints("kernel_shape"), spatial,
                                                  node.Int("ceil_mode", 0) != 0));
    Shape shape = {x.dim(0), x.dim(1)};
    shape.insert(shape.end(), window.output.begin(), window.output.end());
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, shape));
    WidenToThreeAxes(window, spatial);
    const int64_t in_plane = spatial[0] * spatial[1] * spatial[2];
    const int64_t out_plane = window.output[0] * window.output[1] * window.output[2];
    for (int64_t plane = 0; plane < x.dim(0) * x.dim(1); ++plane) {
      LpPlane(window, spatial, p, x.data<float>() + plane * in_plane,
              out.mutable_data<float>() + plane * out_plane);
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeGlobalLpPool(const KernelContext& context) {
  ASSIGN_OR_RETURN(const double p, Exponent(context.node));
  return MakeKernelFrom([p](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    const Tensor& x = *inputs[0];
    if (x.rank() < 3) return BadShape("a global pool needs [N, C, ...]");
    Shape shape(x.rank(), 1);
    shape[0] = x.dim(0);
    shape[1] = x.dim(1);
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, shape));
    const int64_t plane = out.size() == 0 ? 0 : x.size() / out.size();
    for (int64_t i = 0; i < out.size(); ++i) {
      double sum = 0;
      for (int64_t k = 0; k < plane; ++k) sum += Power(x.data<float>()[i * plane + k], p);
      out.mutable_data<float>()[i] = static_cast<float>(Root(sum, p));
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

constexpr KernelEntry kEntries[] = {{"LpPool", 1, &MakeLpPool}, {"GlobalLpPool", 1, &MakeGlobalLpPool}};

}  // namespace

std::span<const KernelEntry> LpPoolKernels() { return kEntries; }

}  // namespace quantd::cpu
