// LRN, LpNormalization, MeanVarianceNormalization and GroupNormalization: plain loops.
#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;

// y = x / (bias + alpha / size * sum of squares over `size` neighbouring channels)^beta
Maker MakeLrn(const KernelContext& context) {
  const int64_t size = context.node.Int("size", 0);
  if (size < 1) return BadAttribute(absl::StrCat("size of LRN is ", size));
  const double alpha = context.node.Float("alpha", 1e-4f), beta = context.node.Float("beta", 0.75f);
  const double bias = context.node.Float("bias", 1.0f);
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    const Tensor& x = *inputs[0];
    if (x.rank() < 2) return BadShape("LRN needs [N, C, ...]");
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, x.shape()));
    const int64_t channels = x.dim(1), blocks = x.dim(0) * channels;
    const int64_t inner = blocks == 0 ? 0 : x.size() / blocks;
    std::vector<double> squares(static_cast<size_t>(inner));
    const int64_t before = (size - 1) / 2, after = size - 1 - before;
    for (int64_t block = 0; block < blocks; ++block) {
      const int64_t c = block % channels;
      const int64_t first = c - std::min(before, c), last = c + std::min(after, channels - 1 - c);
      std::fill(squares.begin(), squares.end(), 0.0);
      for (int64_t near = first; near <= last; ++near) {
        const float* from = x.data<float>() + (block - c + near) * inner;
        for (size_t i = 0; i < squares.size(); ++i) squares[i] += static_cast<double>(from[i]) * from[i];
      }
      const float* from = x.data<float>() + block * inner;
      float* to = out.mutable_data<float>() + block * inner;
      for (size_t i = 0; i < squares.size(); ++i) {
        to[i] = static_cast<float>(from[i] / std::pow(bias + alpha / static_cast<double>(size) * squares[i], beta));
      }
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

// Vectors of norm 0 stay 0.
Maker MakeLpNormalization(const KernelContext& context) {
  const int64_t axis_attribute = context.node.Int("axis", -1), p = context.node.Int("p", 2);
  if (p != 1 && p != 2) return BadAttribute(absl::StrCat("p of LpNormalization is ", p, ", expected 1 or 2"));
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    const Tensor& x = *inputs[0];
    ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(axis_attribute, x.rank()));
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, x.shape()));
    int64_t inner = 1;
    for (size_t i = axis + 1; i < x.rank(); ++i) inner *= x.dim(i);
    const int64_t n = x.dim(axis), vectors = n == 0 ? 0 : x.size() / n;
    for (int64_t v = 0; v < vectors; ++v) {
      const int64_t begin = v / inner * n * inner + v % inner;
      const float* from = x.data<float>() + begin;
      float* to = out.mutable_data<float>() + begin;
      double sum = 0;
      for (int64_t i = 0; i < n; ++i) {
        const double value = from[i * inner];
        sum += p == 1 ? std::fabs(value) : value * value;
      }
      const double norm = p == 1 ? sum : std::sqrt(sum);
      for (int64_t i = 0; i < n; ++i) {
        to[i * inner] = norm == 0 ? 0.0f : static_cast<float>(from[i * inner] / norm);
      }
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

// What the operator adds to the deviation.
constexpr double kMvnEpsilon = 1e-9;

Maker MakeMeanVarianceNormalization(const KernelContext& context) {
  const std::vector<int64_t> axes = context.node.Ints("axes", {0, 2, 3});
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    const Tensor& x = *inputs[0];
    Shape kept = x.shape();
    for (const int64_t attribute : axes) {
      ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(attribute, x.rank()));
      kept[axis] = 1;
    }
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, x.shape()));
    const size_t cells = static_cast<size_t>(*CheckedElementCount(kept));
    const double count = static_cast<double>(x.size()) / static_cast<double>(cells);
    std::vector<double> means(cells), squares(cells);
    // Visits every element with the cell of the statistics that it belongs to.
    const auto each = [&](auto&& visit) {
      Shape walked = x.shape();
      walked.push_back(1);
      std::vector<int64_t> own = RowMajorStrides(x.shape()), cell = BroadcastStrides(kept, x.shape());
      own.push_back(0);
      cell.push_back(0);
      ForEachRow(walked, {own, cell},
                 [&](const std::vector<int64_t>& at) { visit(at[0], static_cast<size_t>(at[1])); });
    };
    const float* from = x.data<float>();
    each([&](int64_t i, size_t cell) { means[cell] += from[i]; });
    for (double& mean : means) mean /= count;
    each([&](int64_t i, size_t cell) { squares[cell] += (from[i] - means[cell]) * (from[i] - means[cell]); });
    for (double& square : squares) square = std::sqrt(square / count) + kMvnEpsilon;
    float* to = out.mutable_data<float>();
    each([&](int64_t i, size_t cell) { to[i] = static_cast<float>((from[i] - means[cell]) / squares[cell]); });
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

// Scale and bias hold one value a group in opset 18, one a channel since 21.
template <bool kPerChannel>
Maker MakeGroupNormalization(const KernelContext& context) {
  const int64_t groups = context.node.Int("num_groups", 0);
  if (groups < 1) return BadAttribute(absl::StrCat("num_groups is ", groups));
  const double epsilon = context.node.Float("epsilon", 1e-5f);
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    for (size_t i = 0; i < 3; ++i) RETURN_IF_ERROR(RequireFloat(inputs, i));
    const Tensor& x = *inputs[0];
    if (x.rank() < 2 || x.dim(1) % groups != 0) {
      return BadShape(absl::StrCat("GroupNormalization cannot split ", ShapeString(x.shape()), " into ", groups,
                                   " groups of channels"));
    }
    const int64_t channels = x.dim(1), wanted = kPerChannel ? channels : groups;
    if (inputs[1]->size() != wanted || inputs[2]->size() != wanted) {
      return BadShape(absl::StrCat("scale and bias of GroupNormalization must have ", wanted, " values"));
    }
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, x.shape()));
    const int64_t group_channels = channels / groups, blocks = x.dim(0) * groups;
    const int64_t inner = x.size() == 0 ? 0 : x.size() / (x.dim(0) * channels), n = inner * group_channels;
    for (int64_t block = 0; n > 0 && block < blocks; ++block) {
      const float* from = x.data<float>() + block * n;
      float* to = out.mutable_data<float>() + block * n;
      double sum = 0, squares = 0;
      for (int64_t i = 0; i < n; ++i) sum += from[i];
      const double mean = sum / static_cast<double>(n);
      for (int64_t i = 0; i < n; ++i) squares += (from[i] - mean) * (from[i] - mean);
      const double inverse = 1 / std::sqrt(squares / static_cast<double>(n) + epsilon);
      for (int64_t i = 0; i < n; ++i) {
        const int64_t group = block % groups;
        const int64_t parameter = kPerChannel ? group * group_channels + i / inner : group;
        to[i] = static_cast<float>((from[i] - mean) * inverse * inputs[1]->data<float>()[parameter] +
                                   inputs[2]->data<float>()[parameter]);
      }
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

constexpr KernelEntry kEntries[] = {
    {"LRN", 1, &MakeLrn},
    {"LpNormalization", 1, &MakeLpNormalization},
    {"MeanVarianceNormalization", 9, &MakeMeanVarianceNormalization},
    {"GroupNormalization", 18, &MakeGroupNormalization<false>},
    {"GroupNormalization", 21, &MakeGroupNormalization<true>},
};

}  // namespace

std::span<const KernelEntry> ChannelNormalizationKernels() { return kEntries; }

}  // namespace quantd::cpu
