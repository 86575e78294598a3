#include "worker/io/onnx/errors.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/utf8.h"
#include "worker/graph/tensor.h"

namespace quantd::onnx_io {
namespace {

constexpr size_t kShownBytesMax = 120;

absl::Status Unimplemented(absl::string_view reason, absl::string_view field,
                           absl::string_view description) {
  return MakeError(absl::StatusCode::kUnimplemented, absl::StrCat(field, ": ", description),
                   ErrorDetails{.reason = std::string(reason),
                                .violations = {{std::string(field), std::string(description)}}});
}

}  // namespace

std::string Shown(absl::string_view name) {
  if (name.size() <= kShownBytesMax) return absl::CHexEscape(name);
  return absl::StrCat(absl::CHexEscape(name.substr(0, kShownBytesMax)), "...");
}

std::string FieldOf(absl::string_view parent, absl::string_view kind, absl::string_view name) {
  return absl::StrCat(parent, ".", kind, "[", Shown(name), "]");
}

absl::Status EmptyModel() {
  return InvalidField("EMPTY_MODEL", "model", "the file is empty; upload the model again");
}

absl::Status MalformedModel(absl::string_view found) {
  return InvalidField("MALFORMED_MODEL", "model", absl::StrCat("is not an ONNX model: ", found));
}

absl::Status BadGraph(absl::string_view field, absl::string_view description) {
  return InvalidField("BAD_GRAPH", field, description);
}

absl::Status BadTensor(absl::string_view field, absl::string_view description) {
  return InvalidField("BAD_TENSOR", field, description);
}

absl::Status BadExternalData(absl::string_view field, absl::string_view description) {
  return InvalidField("EXTERNAL_DATA", field, description);
}

absl::Status CheckText(absl::string_view field, absl::string_view what, absl::string_view text) {
  if (IsValidUtf8(text)) return absl::OkStatus();
  return BadGraph(field, absl::StrCat("its ", what, " is not UTF-8; rename it and export the model again"));
}

absl::Status StructureTooLarge(int64_t bytes_max) {
  return InvalidField(
      "MODEL_TOO_LARGE", "model",
      absl::StrCat("its nodes, attributes and names would take more than ", bytes_max,
                   " bytes of memory; is this file what an exporter wrote?"));
}

absl::Status ModelTooLarge(int64_t bytes, int64_t bytes_max) {
  return InvalidField(
      "MODEL_TOO_LARGE", "model",
      absl::StrCat("has ", bytes, " bytes, and a protobuf holds at most ", bytes_max,
                   "; keep the weights in external data files"));
}

absl::Status UnsupportedOpset(int64_t version, int64_t lowest, int64_t highest) {
  return Unimplemented(
      "UNSUPPORTED_OPSET", "model.opset_import",
      absl::StrCat(version == 0 ? std::string("no version of the default operator set is named")
                                : absl::StrCat("operator set ", version, " is not supported"),
                   "; export the model with a version from ", lowest, " to ", highest));
}

absl::Status UnsupportedDataType(absl::string_view field, int32_t data_type) {
  return Unimplemented(
      "UNSUPPORTED_DTYPE", field,
      absl::StrCat("tensors of element type ", DataTypeName(static_cast<DataType>(data_type)),
                   " are not supported"));
}

absl::Status UnsupportedModel(absl::string_view field, absl::string_view description) {
  return Unimplemented("UNSUPPORTED_MODEL", field, description);
}

}  // namespace quantd::onnx_io
