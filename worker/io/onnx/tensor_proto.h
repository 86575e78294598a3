// onnx.TensorProto to Tensor and back.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/graph/tensor.h"
#include "worker/io/onnx/external_data.h"

namespace onnx {
class TensorProto;
}  // namespace onnx

namespace quantd::onnx_io {

// The tensor of `proto`, whichever way it stores its elements. `field` names it in errors. Every
// length is checked before memory is taken.
//
// Errors: BAD_TENSOR, EXTERNAL_DATA, UNSUPPORTED_DTYPE (complex, float8e8m0), UNSUPPORTED_MODEL (segments).
absl::StatusOr<Tensor> TensorFromProto(const onnx::TensorProto& proto, absl::string_view field,
                                       ExternalData& external_data);

// The same, and leaves `proto` empty but for its name: its memory is free when the tensor has it.
absl::StatusOr<Tensor> TakeTensor(onnx::TensorProto& proto, absl::string_view field, ExternalData& external_data);

// Elements go to raw_data, little-endian; strings to string_data. REQUIRES: tensor.is_array().
void TensorToProto(const Tensor& tensor, absl::string_view name, onnx::TensorProto& proto);

}  // namespace quantd::onnx_io
