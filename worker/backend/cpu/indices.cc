#include "worker/backend/cpu/indices.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/element_types.h"
#include "worker/backend/cpu/kernel_support.h"
#include "worker/backend/cpu/strided_walk.h"

namespace quantd::cpu {
namespace {

using IndexTypes = TypeList<int32_t, int64_t>;

absl::Status OutOfRange(int64_t index, int64_t extent) {
  return BadIndex(absl::StrCat("index ", index, " is out of range for an extent of ", extent));
}

}  // namespace

absl::StatusOr<std::vector<int64_t>> CheckedIndices(const Tensor& tensor, int64_t extent) {
  std::vector<int64_t> checked(static_cast<size_t>(tensor.size()));
  RETURN_IF_ERROR(ForType(tensor, IndexTypes(), [&]<typename T>(Type<T>) {
    const T* from = tensor.data<T>();
    for (size_t i = 0; i < checked.size(); ++i) {
      const int64_t index = from[i];
      if (index < -extent || index >= extent) return OutOfRange(index, extent);
      checked[i] = index < 0 ? index + extent : index;
    }
    return absl::OkStatus();
  }));
  return checked;
}

absl::StatusOr<std::vector<int64_t>> OffsetsAlongAxis(const Tensor& indices, const Shape& shape, size_t axis) {
  bool fits = indices.rank() == shape.size();
  for (size_t i = 0; fits && i < shape.size(); ++i) fits = i == axis || indices.dim(i) <= shape[i];
  if (!fits) {
    return BadShape(absl::StrCat("indices of shape ", ShapeString(indices.shape()), " do not fit to ",
                                 ShapeString(shape), " along axis ", axis));
  }
  ASSIGN_OR_RETURN(std::vector<int64_t> offsets, CheckedIndices(indices, shape[axis]));
  std::vector<int64_t> strides = RowMajorStrides(shape);
  const int64_t along = std::exchange(strides[axis], 0);
  ForEachRun(JoinAxes<2>(indices.shape(), {RowMajorStrides(indices.shape()), strides}),
             [&](const auto& at, const auto& steps, int64_t n) {
               int64_t* run = offsets.data() + at[0];
               for (int64_t i = 0; i < n; ++i) run[i] = run[i] * along + at[1] + i * steps[1];
             });
  return offsets;
}

absl::StatusOr<SliceOffsets> OffsetsOfSlices(const Tensor& indices, const Shape& shape, size_t batch_axes) {
  if (indices.rank() == 0) return BadShape("the indices must have at least one axis");
  const int64_t depth = indices.shape().back();
  bool fits = batch_axes < indices.rank() && depth > 0 &&
              depth <= static_cast<int64_t>(shape.size()) - static_cast<int64_t>(batch_axes);
  for (size_t i = 0; fits && i < batch_axes; ++i) fits = indices.dim(i) == shape[i];
  if (!fits) {
    return BadShape(absl::StrCat("indices of shape ", ShapeString(indices.shape()), " do not fit to ",
                                 ShapeString(shape)));
  }
  const size_t named = batch_axes + static_cast<size_t>(depth);
  SliceOffsets result;
  result.slice_shape.assign(shape.begin() + static_cast<std::ptrdiff_t>(named), shape.end());
  for (const int64_t extent : result.slice_shape) result.slice *= extent;
  int64_t rows = 1, batches = 1, batch = 1;
  for (size_t i = 0; i + 1 < indices.rank(); ++i) rows *= indices.dim(i);
  for (size_t i = 0; i < batch_axes; ++i) batches *= shape[i];
  for (size_t i = batch_axes; i < shape.size(); ++i) batch *= shape[i];
  const std::vector<int64_t> strides = RowMajorStrides(shape);
  result.offsets.assign(static_cast<size_t>(rows), 0);
  const int64_t rows_a_batch = batches == 0 ? 1 : std::max<int64_t>(rows / batches, 1);
  RETURN_IF_ERROR(ForType(indices, IndexTypes(), [&]<typename T>(Type<T>) {
    const T* from = indices.data<T>();
    for (int64_t row = 0; row < rows; ++row) {
      int64_t offset = row / rows_a_batch * batch;
      for (int64_t k = 0; k < depth; ++k) {
        const size_t axis = batch_axes + static_cast<size_t>(k);
        const int64_t index = from[row * depth + k];
        if (index < -shape[axis] || index >= shape[axis]) return OutOfRange(index, shape[axis]);
        offset += (index < 0 ? index + shape[axis] : index) * strides[axis];
      }
      result.offsets[static_cast<size_t>(row)] = offset;
    }
    return absl::OkStatus();
  }));
  return result;
}

}  // namespace quantd::cpu
