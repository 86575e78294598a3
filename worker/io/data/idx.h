// IDX, the format of the MNIST family, plain or in gzip: two zero bytes, element type, number of
// axes, one big-endian 32-bit extent an axis, then the elements, big-endian and row-major.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/graph/tensor.h"

namespace quantd {

// INVALID_ARGUMENT with a plain message for a wrong magic number, an unknown element type, extents
// that do not match the bytes that follow (fewer or more), or damaged gzip data. What gzip data may
// expand to is bounded by the extents in its own first bytes.
absl::StatusOr<Tensor> ParseIdx(absl::string_view bytes);

}  // namespace quantd
