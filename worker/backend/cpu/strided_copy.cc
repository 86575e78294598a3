#include "worker/backend/cpu/strided_copy.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/status_macros.h"
#include "worker/backend/cpu/element_types.h"
#include "worker/backend/cpu/strided_walk.h"

namespace quantd::cpu {
namespace {

constexpr size_t kSource = 0, kTarget = 1;  // Whose stride.

// Squares of this many elements a side are transposed in one go: both sides' cache lines stay in the first cache.
constexpr int64_t kTile = 16;

template <typename T>
void CopyRun(const T* from, int64_t step, T* to, int64_t n) {
  if (step == 1) {
    std::memcpy(to, from, static_cast<size_t>(n) * sizeof(T));
  } else if (step == 0) {
    std::fill(to, to + n, *from);
  } else {
    for (int64_t i = 0; i < n; ++i) to[i] = from[i * step];
  }
}

// to[i * to_stride + j] = from[i + j * from_stride], for i < rows and j < columns.
template <typename T>
void TransposeTile(const T* from, int64_t from_stride, T* to, int64_t to_stride, int64_t rows,
                   int64_t columns) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) to[i * to_stride + j] = from[i + j * from_stride];
  }
}

// The same for four by four, in registers.
void TransposeFour(const uint32_t* from, int64_t from_stride, uint32_t* to, int64_t to_stride) {
  using Four = uint32_t __attribute__((vector_size(16)));
  Four x[4];
  for (int64_t j = 0; j < 4; ++j) std::memcpy(&x[j], from + j * from_stride, sizeof(Four));
  const Four low01 = __builtin_shufflevector(x[0], x[1], 0, 4, 1, 5);
  const Four low23 = __builtin_shufflevector(x[2], x[3], 0, 4, 1, 5);
  const Four high01 = __builtin_shufflevector(x[0], x[1], 2, 6, 3, 7);
  const Four high23 = __builtin_shufflevector(x[2], x[3], 2, 6, 3, 7);
  const Four y[4] = {__builtin_shufflevector(low01, low23, 0, 1, 4, 5),
                     __builtin_shufflevector(low01, low23, 2, 3, 6, 7),
                     __builtin_shufflevector(high01, high23, 0, 1, 4, 5),
                     __builtin_shufflevector(high01, high23, 2, 3, 6, 7)};
  for (int64_t i = 0; i < 4; ++i) std::memcpy(to + i * to_stride, &y[i], sizeof(Four));
}

template <typename T>
void TransposeMatrix(const T* from, int64_t from_stride, T* to, int64_t to_stride, int64_t rows,
                     int64_t columns) {
  for (int64_t i = 0; i < rows; i += kTile) {
    const int64_t height = std::min(kTile, rows - i);
    for (int64_t j = 0; j < columns; j += kTile) {
      const int64_t width = std::min(kTile, columns - j);
      const T* tile = from + i + j * from_stride;
      T* target = to + i * to_stride + j;
      if constexpr (sizeof(T) == 4) {
        if (height == kTile && width == kTile) {
          for (int64_t p = 0; p < kTile; p += 4) {
            for (int64_t q = 0; q < kTile; q += 4) {
              TransposeFour(tile + p + q * from_stride, from_stride, target + p * to_stride + q, to_stride);
            }
          }
          continue;
        }
      }
      TransposeTile(tile, from_stride, target, to_stride, height, width);
    }
  }
}

template <typename T>
void Copy(const T* from, StridedShape<2> walk, T* to) {
  auto& axes = walk.axes;
  const auto contiguous = std::find_if(axes.begin(), axes.end(), [](const auto& axis) {
    return axis.strides[kSource] == 1;
  });
  const bool runs = contiguous == axes.end() || std::next(contiguous) == axes.end() ||
                    axes.back().strides[kSource] == 0;
  if (runs) {
    ForEachRun(walk, [&](const auto& at, const auto& steps, int64_t n) {
      CopyRun(from + at[kSource], steps[kSource], to + at[kTarget], n);
    });
    return;
  }
  // The source is contiguous along one axis, the target along the last: transposes of the two, for each position of the
  // others.
  std::rotate(contiguous, std::next(contiguous), std::prev(axes.end()));
  const auto& last = axes.back();
  const auto& other = axes[axes.size() - 2];
  ForEachPosition(walk, axes.size() - 2, [&](const auto& at) {
    TransposeMatrix(from + at[kSource], last.strides[kSource], to + at[kTarget],
                    other.strides[kTarget], other.extent, last.extent);
  });
}

}  // namespace

absl::StatusOr<Tensor> CopyStrided(const Tensor& x, int64_t begin, const Shape& shape,
                                   const std::vector<int64_t>& strides, Outputs& outputs) {
  ASSIGN_OR_RETURN(const int64_t count, CheckedElementCount(shape));
  StridedShape<2> walk = JoinAxes<2>(shape, {strides, RowMajorStrides(shape)});
  const bool in_place = count == x.size() &&
                        (walk.axes.empty() ||
                         (walk.axes.size() == 1 && walk.axes[0].strides[kSource] == 1));
  if (in_place) return x.Reshaped(shape);
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(x.dtype(), shape));
  RETURN_IF_ERROR(ForWidth(x.dtype(), [&]<typename T>(Type<T>) {
    if (count > 0) Copy(ElementsOf<T>(x) + begin, walk, MutableElementsOf<T>(out));
    return absl::OkStatus();
  }));
  return out;
}

void FillElements(void* to, int64_t count, const void* value, size_t width) {
  char* bytes = static_cast<char*>(to);
  const size_t total = static_cast<size_t>(count) * width;
  if (total == 0) return;
  std::memcpy(bytes, value, width);
  // What is filled doubles each time.
  for (size_t done = width; done < total;) {
    const size_t more = std::min(done, total - done);
    std::memcpy(bytes + done, bytes, more);
    done += more;
  }
}

}  // namespace quantd::cpu
