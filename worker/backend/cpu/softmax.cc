// Softmax and LogSoftmax.
#include <algorithm>
#include <cmath>

#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"
#include "worker/kernels/select_kernels.h"

namespace quantd::cpu {
namespace {

// Over `n` values that lie `stride` apart.
void Row(const float* x, int64_t n, int64_t stride, bool log, float* y) {
  float highest = x[0];
  for (int64_t i = 1; i < n; ++i) highest = std::max(highest, x[i * stride]);
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    const float e = std::exp(x[i * stride] - highest);
    sum += e;
    y[i * stride] = e;
  }
  const float inverse = static_cast<float>(1 / sum);
  const float log_sum = static_cast<float>(std::log(sum));
  for (int64_t i = 0; i < n; ++i) {
    y[i * stride] = log ? x[i * stride] - highest - log_sum : y[i * stride] * inverse;
  }
}

// Until opset 12 the tensor is a matrix split at `axis` and rows are normalized whole; since 13 along one axis.
template <bool kLog, bool kMatrix>
absl::StatusOr<std::unique_ptr<Kernel>> MakeSoftmax(const KernelContext& context) {
  const int64_t axis_attribute = context.node.Int("axis", kMatrix ? 1 : -1);
  return MakeKernelFrom([axis_attribute](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    const Tensor& x = *inputs[0];
    ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(axis_attribute, std::max<size_t>(x.rank(), 1)));
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, x.shape()));
    int64_t n = x.rank() == 0 ? 1 : x.dim(axis), inner = 1;
    for (size_t i = axis + 1; i < x.rank(); ++i) (kMatrix ? n : inner) *= x.dim(i);
    const int64_t outer = x.size() == 0 ? 0 : x.size() / (n * inner);
    for (int64_t o = 0; o < outer; ++o) {
      for (int64_t i = 0; i < inner; ++i) {
        const int64_t at = o * n * inner + i;
        const float* const from = x.data<float>() + at;
        float* const to = out.mutable_data<float>() + at;
        if (!kLog && inner == 1) {
          Kernels().softmax_row(from, static_cast<size_t>(n), 1, nullptr, to);
        } else {
          Row(from, n, inner, kLog, to);
        }
      }
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

constexpr KernelEntry kEntries[] = {
    {"Softmax", 1, &MakeSoftmax<false, true>},
    {"Softmax", 13, &MakeSoftmax<false, false>},
    {"LogSoftmax", 1, &MakeSoftmax<true, true>},
    {"LogSoftmax", 13, &MakeSoftmax<true, false>},
};

}  // namespace

std::span<const KernelEntry> SoftmaxKernels() { return kEntries; }

}  // namespace quantd::cpu
