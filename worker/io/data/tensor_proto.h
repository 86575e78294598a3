// Serialized onnx.TensorProto, the layout of ONNX's own test data (input_0.pb, ...).
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/graph/tensor.h"

namespace quantd {

struct NamedTensor {
  std::string name;  // May be empty.
  Tensor tensor;
};

// INVALID_ARGUMENT with a plain message for bytes that are no such message, strings and other types
// that Tensor lacks, external data, or a number of elements that does not match the extents.
absl::StatusOr<NamedTensor> ParseTensorProto(absl::string_view bytes);

}  // namespace quantd
