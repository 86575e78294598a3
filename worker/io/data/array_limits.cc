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

}  // namespace quantd
