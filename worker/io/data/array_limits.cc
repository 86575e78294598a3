#include "worker/io/data/array_limits.h"

#include "absl/strings/str_cat.h"

namespace quantd {

absl::StatusOr<int64_t> CheckedArrayBytes(const Shape& shape, DataType dtype) {
  if (shape.size() > kArrayRankMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("an array of ", shape.size(), " axes; at most ", kArrayRankMax, " are read"));
  }
  const int64_t width = static_cast<int64_t>(SizeOf(dtype));
  if (width == 0) return absl::InvalidArgumentError("elements of unknown size");
  const absl::StatusOr<int64_t> count = CheckedElementCount(shape, kDataArrayBytesMax / width);
  if (!count.ok()) return absl::InvalidArgumentError(count.status().message());
  return *count * width;
}

absl::Status CheckUnpackRatio(int64_t packed_bytes, int64_t unpacked_bytes) {
  if (unpacked_bytes <= kUnpackedBytesFree) return absl::OkStatus();
  if (unpacked_bytes / kUnpackRatioMax <= packed_bytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(packed_bytes, " compressed bytes would become ", unpacked_bytes, ", more than ",
                   kUnpackRatioMax, " times as many; if that is meant, store the data uncompressed"));
}

}  // namespace quantd
