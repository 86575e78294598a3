// Reads an ONNX file into the one graph.
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/graph/graph.h"

namespace quantd {

// Versions of the default operator set that are read; a model below 7 comes out as version 7.
inline constexpr int64_t kOnnxOpsetMin = 1;
inline constexpr int64_t kOnnxOpsetMax = 21;

// The model in the file at `path`. `external_files` maps the locations that the model's tensors
// name to paths on this machine; no other file is opened. The model's functions are expanded; sparse
// tensors are refused by name; doc strings, shapes of inner tensors and training
// information are left behind. Thread-safe.
//
// Weights stored as initializers, as initializers listed as inputs, or in Constant nodes all come
// out as initializers. Domain "ai.onnx" is "". Large aligned external tensors are views of the
// mapped file.
//
// Errors: INVALID_ARGUMENT   EMPTY_MODEL, MALFORMED_MODEL, BAD_GRAPH, BAD_TENSOR, EXTERNAL_DATA;
//                            each names the field, such as model.graph.initializer[w].
//                            MODEL_TOO_LARGE: 2 GiB and more, beyond what a protobuf holds, or beyond the bounds of
//                            structure.h and functions.h.
//         UNIMPLEMENTED      UNSUPPORTED_OPSET, UNSUPPORTED_DTYPE, UNSUPPORTED_MODEL.
//         those of errno     a file cannot be opened.
absl::StatusOr<Model> ReadOnnxModel(const std::string& path,
                                    const std::map<std::string, std::string>& external_files);

// The same of a file's content. `bytes` need not outlive the call.
absl::StatusOr<Model> ParseOnnxModel(absl::string_view bytes,
                                     const std::map<std::string, std::string>& external_files);

}  // namespace quantd
