// Writes a model as ONNX.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "worker/graph/graph.h"

namespace quantd {

// The lowest IR version that may carry `opset` of the default domain, and at least 4: from there on
// an initializer need not be an input.
int64_t LowestIrVersion(int64_t opset);

// The bytes of an ONNX file: equal models give equal bytes. Tensors are written as raw data inside
// the file, in the order of their names; metadata is sorted by key. The IR version is the
// highest of the model's own, LowestIrVersion, and what its element types came with (float8 9, 4-bit integers 10, float4
// 11, 2-bit integers 13). Reading the bytes gives the model back. Thread-safe.
//
// Errors: INVALID_ARGUMENT with reason MODEL_TOO_LARGE for 2 GiB and more.
//         INVALID_ARGUMENT with reason BAD_TENSOR for a tensor or body without a value.
absl::StatusOr<std::string> SerializeOnnxModel(const Model& model);

}  // namespace quantd
