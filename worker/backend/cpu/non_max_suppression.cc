// NonMaxSuppression: of boxes that overlap, the one with the best score stays.
#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"

namespace quantd::cpu {
namespace {

struct Box {
  double y0, x0, y1, x1;  // y0 <= y1, x0 <= x1.
  double area;
};

// Four numbers: two opposite corners (y, x, y, x), or centre and size (x, y, width, height).
Box BoxFrom(const float* corners, bool center_point) {
  double y0 = corners[0], x0 = corners[1], y1 = corners[2], x1 = corners[3];
  if (center_point) {
    const double x = corners[0], y = corners[1], half_width = corners[2] / 2.0, half_height = corners[3] / 2.0;
    y0 = y - half_height;
    y1 = y + half_height;
    x0 = x - half_width;
    x1 = x + half_width;
  }
  if (y0 > y1) std::swap(y0, y1);
  if (x0 > x1) std::swap(x0, x1);
  return {y0, x0, y1, x1, (y1 - y0) * (x1 - x0)};
}

// Whether intersection over union exceeds the threshold. Boxes without area overlap nothing.
bool Overlap(const Box& a, const Box& b, double threshold) {
  const double height = std::min(a.y1, b.y1) - std::max(a.y0, b.y0);
  const double width = std::min(a.x1, b.x1) - std::max(a.x0, b.x0);
  if (!(height > 0) || !(width > 0) || a.area <= 0 || b.area <= 0) return false;
  const double common = height * width;
  return common / (a.area + b.area - common) > threshold;
}

struct Limits {
  int64_t boxes_max = 0;  // Of each class.
  double overlap_max = 0;
  double score_min = -std::numeric_limits<double>::infinity();
  bool has_score_min = false;
};

// The value of a tensor of one element, or `fallback` when the input is absent.
template <typename T>
absl::StatusOr<T> Scalar(const Inputs& inputs, size_t index, T fallback) {
  if (index >= inputs.size() || inputs[index] == nullptr) return fallback;
  const Tensor& tensor = *inputs[index];
  if (tensor.size() != 1) return BadShape(absl::StrCat("input ", index, " is not one value"));
  if (tensor.dtype() != DataTypeOf<T>::value) return BadType(tensor, DataTypeName(DataTypeOf<T>::value));
  return tensor.data<T>()[0];
}

absl::StatusOr<Limits> ReadLimits(const Inputs& inputs) {
  Limits limits;
  ASSIGN_OR_RETURN(limits.boxes_max, Scalar<int64_t>(inputs, 2, 0));
  ASSIGN_OR_RETURN(limits.overlap_max, Scalar<float>(inputs, 3, 0));
  limits.has_score_min = inputs.size() > 4 && inputs[4] != nullptr;
  ASSIGN_OR_RETURN(limits.score_min, Scalar<float>(inputs, 4, 0));
  if (!(limits.overlap_max >= 0 && limits.overlap_max <= 1)) {
    return BadShape(absl::StrCat("iou_threshold is ", limits.overlap_max, ", expected 0 to 1"));
  }
  return limits;
}

// The boxes of one class that stay, best first; among equal scores the first in the list.
std::vector<int64_t> Select(const std::vector<Box>& boxes, const float* scores, const Limits& limits) {
  std::vector<int64_t> order;
  for (size_t i = 0; i < boxes.size(); ++i) {
    // A score that is no number has no place in an order.
    const bool kept = limits.has_score_min ? scores[i] > limits.score_min : scores[i] == scores[i];
    if (kept) order.push_back(static_cast<int64_t>(i));
  }
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return scores[a] > scores[b]; });
  std::vector<int64_t> selected;
  for (const int64_t candidate : order) {
    if (static_cast<int64_t>(selected.size()) >= limits.boxes_max) break;
    const Box& box = boxes[static_cast<size_t>(candidate)];
    const bool covered = std::any_of(selected.begin(), selected.end(), [&](int64_t better) {
      return Overlap(boxes[static_cast<size_t>(better)], box, limits.overlap_max);
    });
    if (!covered) selected.push_back(candidate);
  }
  return selected;
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeNonMaxSuppression(const KernelContext& context) {
  const bool center_point = context.node.Int("center_point_box", 0) != 0;
  return MakeKernelFrom([center_point](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    RETURN_IF_ERROR(RequireFloat(inputs, 1));
    const Tensor& boxes = *inputs[0];
    const Tensor& scores = *inputs[1];
    if (boxes.rank() != 3 || scores.rank() != 3 || boxes.dim(2) != 4 || boxes.dim(0) != scores.dim(0) ||
        boxes.dim(1) != scores.dim(2)) {
      return BadShape(absl::StrCat("boxes ", ShapeString(boxes.shape()), " and scores ", ShapeString(scores.shape()),
                                   " are not [batches, boxes, 4] and [batches, classes, boxes]"));
    }
    ASSIGN_OR_RETURN(const Limits limits, ReadLimits(inputs));
    const int64_t count = boxes.dim(1), classes = scores.size() == 0 ? 0 : scores.dim(1);
    std::vector<std::array<int64_t, 3>> rows;
    for (int64_t batch = 0; classes > 0 && batch < boxes.dim(0); ++batch) {
      std::vector<Box> candidates;
      for (int64_t i = 0; i < count; ++i) {
        candidates.push_back(BoxFrom(boxes.data<float>() + (batch * count + i) * 4, center_point));
      }
      for (int64_t c = 0; c < classes; ++c) {
        const float* row = scores.data<float>() + (batch * classes + c) * count;
        for (const int64_t box : Select(candidates, row, limits)) rows.push_back({batch, c, box});
      }
    }
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kInt64, {static_cast<int64_t>(rows.size()), 3}));
    int64_t* to = out.mutable_data<int64_t>();
    for (const std::array<int64_t, 3>& row : rows) to = std::copy(row.begin(), row.end(), to);
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

constexpr KernelEntry kEntries[] = {{"NonMaxSuppression", 10, &MakeNonMaxSuppression}};

}  // namespace

std::span<const KernelEntry> NonMaxSuppressionKernels() { return kEntries; }

}  // namespace quantd::cpu
