#include "worker/graph/tensor_blocks.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

// Copies `count` elements from place to place; strings by assignment.
void CopyElements(const Tensor& from, int64_t from_at, Tensor& to, int64_t to_at, int64_t count) {
  if (count == 0) return;
  if (from.dtype() == DataType::kString) {
    const std::string* begin = from.data<std::string>() + from_at;
    std::copy(begin, begin + count, to.mutable_data<std::string>() + to_at);
    return;
  }
  const size_t size = SizeOf(from.dtype());
  std::memcpy(static_cast<char*>(to.mutable_raw()) + static_cast<size_t>(to_at) * size,
              static_cast<const char*>(from.raw()) + static_cast<size_t>(from_at) * size,
              static_cast<size_t>(count) * size);
}

int64_t Product(const Shape& shape, size_t begin, size_t end) {
  int64_t product = 1;
  for (size_t i = begin; i < end; ++i) product *= shape[i];
  return product;
}

bool Joins(const Tensor& a, const Tensor& b, size_t axis) {
  if (!b.is_array() || IsPacked(b.dtype()) || a.dtype() != b.dtype() || a.rank() != b.rank()) return false;
  for (size_t i = 0; i < a.rank(); ++i) {
    if (i != axis && a.dim(i) != b.dim(i)) return false;
  }
  return true;
}

}  // namespace

Tensor SliceAlong(const Tensor& tensor, size_t axis, int64_t begin, int64_t count) {
  QUANTD_CHECK(tensor.is_array() && !IsPacked(tensor.dtype()) && axis < tensor.rank());
  QUANTD_CHECK(begin >= 0 && count >= 0 && begin + count <= tensor.dim(axis));
  if (axis == 0) return tensor.Rows(begin, count);
  const int64_t outer = Product(tensor.shape(), 0, axis);
  const int64_t inner = Product(tensor.shape(), axis + 1, tensor.rank());
  Shape shape = tensor.shape();
  shape[axis] = count;
  Tensor slice = Tensor::Uninitialized(tensor.dtype(), shape);
  for (int64_t o = 0; o < outer; ++o) {
    CopyElements(tensor, (o * tensor.dim(axis) + begin) * inner, slice, o * count * inner, count * inner);
  }
  return slice;
}

absl::StatusOr<Tensor> JoinAlong(const std::vector<Tensor>& tensors, size_t axis) {
  QUANTD_CHECK(!tensors.empty() && axis < tensors[0].rank());
  Shape shape = tensors[0].shape();
  shape[axis] = 0;
  for (const Tensor& tensor : tensors) {
    if (!Joins(tensors[0], tensor, axis)) {
      return MakeError(absl::StatusCode::kInvalidArgument, "BAD_SHAPE",
                       absl::StrCat("cannot join ", DataTypeName(tensors[0].dtype()), ShapeString(tensors[0].shape()),
                                    " and ", DataTypeName(tensor.dtype()), ShapeString(tensor.shape()),
                                    " along axis ", axis));
    }
    shape[axis] += tensor.dim(axis);
    // Checked on the way: every extent is below 2^33, and a sum of too many of them would not fit in 64 bits.
    RETURN_IF_ERROR(CheckedElementCount(shape).status());
  }
  const int64_t outer = Product(shape, 0, axis);
  const int64_t row = Product(shape, axis, shape.size());
  Tensor joined = Tensor::Uninitialized(tensors[0].dtype(), shape);
  int64_t at = 0;
  for (const Tensor& tensor : tensors) {
    const int64_t block = Product(tensor.shape(), axis, tensor.rank());
    for (int64_t o = 0; o < outer; ++o) CopyElements(tensor, o * block, joined, o * row + at, block);
    at += block;
  }
  return joined;
}

}  // namespace quantd
