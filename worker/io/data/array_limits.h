// Bounds on what array files may hold.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "worker/graph/tensor.h"

namespace quantd {

inline constexpr int64_t kDataFileBytesMax = int64_t{4} << 30;   // One file on disk.
inline constexpr int64_t kDataArrayBytesMax = int64_t{8} << 30;  // One array, or all of one .npz.
inline constexpr size_t kArrayRankMax = 8;

// Bytes of an array, or INVALID_ARGUMENT for a negative extent, more than kArrayRankMax axes or
// more than kDataArrayBytesMax bytes. Call it before allocating.
absl::StatusOr<int64_t> CheckedArrayBytes(const Shape& shape, DataType dtype);

}  // namespace quantd
