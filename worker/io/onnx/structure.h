// How much memory a model's structure would take, found out before protobuf takes it. Two bytes in a file are an empty
// node, which takes a few hundred in memory; eight megabytes of them would take a gigabyte.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace quantd::onnx_io {

// For all messages, names and unknown fields of one model; weights do not count. About a million messages: a
// transformer of a hundred thousand nodes stays below.
inline constexpr int64_t kStructureBytesMax = int64_t{192} << 20;

// Walks the wire format of onnx.ModelProto, no deeper than `depth_max` messages; weights are skipped. What is malformed or
// deeper is left to the parser to refuse. Time O(structure), no memory.
//
// Errors: INVALID_ARGUMENT MODEL_TOO_LARGE.
absl::Status CheckStructure(absl::string_view model, int depth_max);

}  // namespace quantd::onnx_io
