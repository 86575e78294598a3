// Attention of domain "quantd": softmax(q k^T * scale + mask) v for every batch and head, on tensors whose heads lie
// side by side.
//
//   Attention(q, k, v, mask?) -> [B, Sq, H, Dv]
//
// q is [B, Sq, H, D], k [B, Sk, H, D], v [B, Sk, H, Dv]; or, with attribute q_part (k_part, v_part) of 0 and above, that
// slice along axis 2 of a tensor [B, S, P, H, D]. A batch or head count of 1 is broadcast, as MatMul would. The mask
// is broadcast to [B, H, Sq, Sk], or the scores to it where it has more batches, heads or rows than their 1. Scores of one head are in memory at a time.
#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"
#include "worker/backend/cpu/onednn.h"
#include "worker/kernels/select_kernels.h"

namespace quantd::cpu {
namespace {

// One operand: where head h of batch b begins, and how far its rows lie apart.
struct Heads {
  const float* data;
  int64_t batches, rows, heads, width;
  int64_t batch_stride, row_stride, head_stride;

  const float* At(int64_t batch, int64_t head) const {
    return data + (batches == 1 ? 0 : batch) * batch_stride + (heads == 1 ? 0 : head) * head_stride;
  }
};

absl::StatusOr<Heads> HeadsOf(const Inputs& inputs, size_t i, int64_t part) {
  RETURN_IF_ERROR(RequireFloat(inputs, i));
  const Tensor& x = *inputs[i];
  const bool whole = part < 0;
  if (x.rank() != (whole ? 4 : 5) || (!whole && part >= x.dim(2))) {
    return BadShape(absl::StrCat("input ", i, " of Attention has shape ", ShapeString(x.shape())));
  }
  const int64_t parts = whole ? 1 : x.dim(2);
  const int64_t heads = x.dim(whole ? 2 : 3), width = x.dim(whole ? 3 : 4);
  Heads result{.data = x.data<float>() + (whole ? 0 : part * heads * width),
               .batches = x.dim(0), .rows = x.dim(1), .heads = heads, .width = width,
               .batch_stride = 0, .row_stride = parts * heads * width, .head_stride = width};
  result.batch_stride = result.rows * result.row_stride;
  return result;
}

absl::StatusOr<int64_t> Common(int64_t a, int64_t b) {
  if (a == b || b == 1) return a;
  if (a == 1) return b;
  return BadShape(absl::StrCat("extents ", a, " and ", b, " of Attention cannot be broadcast"));
}

// The mask as strides over [B, H, Sq, Sk].
struct Mask {
  const float* data = nullptr;
  std::vector<int64_t> strides = {0, 0, 0, 0};

  const float* Row(int64_t batch, int64_t head, int64_t row) const {
    return data == nullptr ? nullptr : data + batch * strides[0] + head * strides[1] + row * strides[2];
  }
};

struct Options {
  float scale;
  int64_t parts[3];
};

class Problem {
 public:
  Problem(const Options& options, const Heads& q, const Heads& k, const Heads& v)
      : options_(options), q_(q), k_(k), v_(v) {}

  absl::Status Run(const Inputs& inputs, Outputs& outputs) {
    if (q_.width != k_.width || k_.rows != v_.rows) return BadShape("queries, keys and values of Attention do not fit");
    ASSIGN_OR_RETURN(batches_, Common(q_.batches, k_.batches));
    ASSIGN_OR_RETURN(batches_, Common(batches_, v_.batches));
    ASSIGN_OR_RETURN(heads_, Common(q_.heads, k_.heads));
    ASSIGN_OR_RETURN(heads_, Common(heads_, v_.heads));
    RETURN_IF_ERROR(SetMask(inputs));
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, {batches_, rows_, heads_, v_.width}));
    ASSIGN_OR_RETURN(Tensor scores, outputs.Make(DataType::kFloat, {rows_, k_.rows}));
    ASSIGN_OR_RETURN(Tensor mask_row, outputs.Make(DataType::kFloat, {k_.rows}));
    for (int64_t batch = 0; batch < batches_; ++batch) {
      for (int64_t head = 0; head < heads_; ++head) {
        float* const y = out.mutable_data<float>() + (batch * rows_ * heads_ + head) * v_.width;
        RETURN_IF_ERROR(RunHead(batch, head, scores.mutable_data<float>(), mask_row.mutable_data<float>(), y));
      }
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  }

 private:
  // A mask may add batches, heads or rows, as Add would.
  absl::Status SetMask(const Inputs& inputs) {
    rows_ = q_.rows;
    if (inputs.size() < 4 || inputs[3] == nullptr) return absl::OkStatus();
    RETURN_IF_ERROR(RequireFloat(inputs, 3));
    const Tensor& mask = *inputs[3];
    ASSIGN_OR_RETURN(const Shape shape, BroadcastShape(mask.shape(), {batches_, heads_, q_.rows, k_.rows}));
    if (shape.size() != 4 || shape[3] != k_.rows) {
      return BadShape(absl::StrCat("the mask of Attention has shape ", ShapeString(mask.shape())));
    }
    batches_ = shape[0];
    heads_ = shape[1];
    rows_ = shape[2];
    mask_ = {.data = mask.data<float>(), .strides = BroadcastStrides(mask.shape(), shape)};
    return absl::OkStatus();
  }

  absl::Status RunHead(int64_t batch, int64_t head, float* scores, float* mask_row, float* y) const {
    const int64_t n = k_.rows;
    RETURN_IF_ERROR(StridedMatrixProduct(q_.rows, n, q_.width, 1, {q_.At(batch, head), q_.row_stride},
                                         {k_.At(batch, head), k_.row_stride, true}, 0, scores, n));
    // Where the mask has more rows than the one query, each is that query's with a mask of its own.
    for (int64_t row = q_.rows; row < rows_; ++row) std::copy_n(scores, n, scores + row * n);
    for (int64_t row = 0; n > 0 && row < rows_; ++row) {
      const float* mask = mask_.Row(batch, head, row);
      if (mask != nullptr && mask_.strides[3] == 0) {
        std::fill_n(mask_row, n, *mask);
        mask = mask_row;
      }
      float* const at = scores + row * n;
      Kernels().softmax_row(at, static_cast<size_t>(n), options_.scale, mask, at);
    }
    return StridedMatrixProduct(rows_, v_.width, n, 1, {scores, n}, {v_.At(batch, head), v_.row_stride}, 0, y,
                                heads_ * v_.width);
  }

  const Options& options_;
  const Heads& q_;
  const Heads& k_;
  const Heads& v_;
  Mask mask_;
  int64_t batches_ = 0;
  int64_t heads_ = 0;
  int64_t rows_ = 0;
};

absl::StatusOr<std::unique_ptr<Kernel>> Make(const KernelContext& context) {
  const Node& node = context.node;
  const Options options{.scale = node.Float("scale", 1),
                        .parts = {node.Int("q_part", -1), node.Int("k_part", -1), node.Int("v_part", -1)}};
  return MakeKernelFrom([options](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    ASSIGN_OR_RETURN(const Heads q, HeadsOf(inputs, 0, options.parts[0]));
    ASSIGN_OR_RETURN(const Heads k, HeadsOf(inputs, 1, options.parts[1]));
    ASSIGN_OR_RETURN(const Heads v, HeadsOf(inputs, 2, options.parts[2]));
    return Problem(options, q, k, v).Run(inputs, outputs);
  });
}

constexpr KernelEntry kEntries[] = {{"Attention", 1, &Make, "quantd"}};

}  // namespace

std::span<const KernelEntry> AttentionKernels() { return kEntries; }

}  // namespace quantd::cpu
