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

// A small file may unpack to much: deflate makes a thousand bytes of one, and so does an image of one
// colour. Up to the first bound nobody minds. Above it more than the second is a bomb: photos, spectra
// and tokens compress to no less than a fiftieth.
inline constexpr int64_t kUnpackedBytesFree = int64_t{64} << 20;
inline constexpr int64_t kUnpackRatioMax = 100;

// INVALID_ARGUMENT with a plain message where `packed` bytes claim to hold too many. Call it before
// unpacking.
absl::Status CheckUnpackRatio(int64_t packed_bytes, int64_t unpacked_bytes);

}  // namespace quantd
