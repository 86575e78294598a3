// Every error that a user can meet while an ONNX model is read or written, in one place.
//
// `field` is a path inside the file as the ONNX schema spells it, with names instead of positions
// where there are any: "model.graph.initializer[conv1_w]".
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace quantd::onnx_io {

// `name` fit for a message: escaped, and cut after 120 bytes. Names come from hostile files.
std::string Shown(absl::string_view name);

// parent.kind[name]
std::string FieldOf(absl::string_view parent, absl::string_view kind, absl::string_view name);

// INVALID_ARGUMENT, reasons EMPTY_MODEL, MALFORMED_MODEL, BAD_GRAPH, BAD_TENSOR, EXTERNAL_DATA.
absl::Status EmptyModel();
absl::Status MalformedModel(absl::string_view found);
absl::Status BadGraph(absl::string_view field, absl::string_view description);
absl::Status BadTensor(absl::string_view field, absl::string_view description);
absl::Status BadExternalData(absl::string_view field, absl::string_view description);

// BAD_GRAPH for a text that is not UTF-8; `what` is "name" or the like. Names go into reports and artifacts, whose
// readers take no other bytes. (ONNX's own schema does not check: its strings are those of proto2.)
absl::Status CheckText(absl::string_view field, absl::string_view what, absl::string_view text);

// INVALID_ARGUMENT, reason MODEL_TOO_LARGE. Not RESOURCE_EXHAUSTED: that may pass on another worker and is tried again,
// and a model stays as large as it is.
absl::Status ModelTooLarge(int64_t bytes, int64_t bytes_max);
absl::Status StructureTooLarge(int64_t bytes_max);

// UNIMPLEMENTED, reasons UNSUPPORTED_OPSET, UNSUPPORTED_DTYPE, UNSUPPORTED_MODEL.
absl::Status UnsupportedOpset(int64_t version, int64_t lowest, int64_t highest);
absl::Status UnsupportedDataType(absl::string_view field, int32_t data_type);
absl::Status UnsupportedModel(absl::string_view field, absl::string_view description);

}  // namespace quantd::onnx_io
