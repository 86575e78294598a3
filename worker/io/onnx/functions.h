// Functions that a model brings along (onnx.FunctionProto) are expanded: afterwards the graphs call none.
#pragma once

#include "absl/status/status.h"

namespace onnx {
class ModelProto;
}  // namespace onnx

namespace quantd::onnx_io {

// Bounds of what expansion makes. Functions that call functions grow exponentially, so the size is computed before
// anything is copied.
inline constexpr int64_t kExpandedNodesMax = 1'000'000;
inline constexpr int64_t kExpandedBytesMax = int64_t{1} << 30;
// Functions that call functions.
inline constexpr int kFunctionDepthMax = 64;

// Replaces every node of `model` that calls one of its functions, in bodies too, by the function's nodes: what these
// read and make gets the caller's names, their inner tensors fresh ones, and attributes that refer to the function's
// take the caller's values, or vanish where the caller gives none.
//
// Errors: INVALID_ARGUMENT BAD_GRAPH     a function calls itself, two have one name, or a call has more inputs or outputs
//                                        than the function.
//                          MODEL_TOO_LARGE beyond the bounds above.
//         UNIMPLEMENTED UNSUPPORTED_MODEL a function is written for another version of the default operator set.
absl::Status ExpandFunctions(onnx::ModelProto& model);

}  // namespace quantd::onnx_io
