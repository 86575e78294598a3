#include "worker/io/data/data_errors.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/error.h"
#include "common/utf8.h"
#include "worker/io/data/input_shape.h"

namespace quantd {
namespace {

constexpr size_t kProblemBytesMax = 600;

// "[N,1,28,28]"; unknown extents without a symbol are "?".
std::string InputShapeString(const ValueInfo& input) {
  return absl::StrCat("[",
                      absl::StrJoin(input.shape, ",",
                                    [](std::string* out, const Dimension& d) {
                                      absl::StrAppend(out, d.extent >= 0 ? absl::StrCat(d.extent)
                                                           : d.symbol.empty() ? "?"
                                                                              : d.symbol);
                                    }),
                      "]");
}

std::string ShapeHint(const Shape& row, const ValueInfo& input) {
  if (input.shape.empty()) return "the input has no batch axis, so rows cannot be fed";
  if (row.size() == 3 && FitsInput({row[2], row[0], row[1]}, input)) {
    return "the channels come last: transpose the rows to [C,H,W], or set preprocessing.layout to "
           "NCHW";
  }
  if (row.size() == 3 && FitsInput({row[1], row[2], row[0]}, input)) {
    return "the channels come first: transpose the rows to [H,W,C], or set preprocessing.layout to "
           "NHWC";
  }
  if (row.size() + 1 == input.shape.size() && row.size() == 3) {
    return "set preprocessing.resize, crop or channels, or convert the data";
  }
  if (row.size() == input.shape.size()) {
    return "the first axis of the data must number the rows; reshape the array";
  }
  return "reshape the array, with the rows on the first axis";
}

}  // namespace

std::string FileField(absl::string_view file) { return absl::StrCat("data.files[", file, "]"); }

absl::Status BadData(absl::string_view file, absl::string_view problem) {
  // The problem may quote the file.
  return InvalidField("BAD_DATA", FileField(file), ToPlainText(problem, kProblemBytesMax));
}

absl::Status UnreadableData(absl::string_view file, const absl::Status& status) {
  const bool of_disk = !GetErrorDetails(status).reason.empty();
  if (!of_disk && (absl::IsInvalidArgument(status) || absl::IsResourceExhausted(status))) {
    return BadData(file, status.message());
  }
  return Annotate(status, FileField(file));
}

absl::Status NotFinite(absl::string_view file, absl::string_view where, int64_t row) {
  return InvalidField(
      "NOT_FINITE", FileField(file),
      absl::StrCat("row ", row, where.empty() ? "" : " of array '", where, where.empty() ? "" : "'",
                   " holds a NaN, an infinity or a value beyond the range of the model's input;"
                   " remove or repair the row"));
}

absl::Status EmptyData(absl::string_view file) {
  if (file.empty()) return InvalidField("EMPTY_DATA", "data.files", "holds no data file; add one");
  return InvalidField("EMPTY_DATA", FileField(file), "holds no rows");
}

absl::Status UnknownInput(absl::string_view input, const std::vector<ValueInfo>& model_inputs) {
  const std::string known = absl::StrJoin(
      model_inputs, ", ",
      [](std::string* out, const ValueInfo& info) { absl::StrAppend(out, "'", info.name, "'"); });
  return InvalidField("UNKNOWN_INPUT", absl::StrCat("data.bindings[", input, "]"),
                      absl::StrCat("the model has no such input; its inputs are ", known));
}

absl::Status UnboundInput(absl::string_view input, const std::vector<std::string>& arrays) {
  return InvalidField(
      "UNBOUND_INPUT", absl::StrCat("data.bindings[", input, "]"),
      absl::StrCat("no array is bound to this model input and none bears its name; bind"
                   " one of: ",
                   absl::StrJoin(arrays, ", ")));
}

absl::Status UnknownArray(absl::string_view field, absl::string_view array,
                          const std::vector<std::string>& arrays) {
  return InvalidField("UNKNOWN_ARRAY", field,
                      absl::StrCat("there is no file or array '", array,
                                   "'; there are: ", absl::StrJoin(arrays, ", ")));
}

absl::Status InputShapeMismatch(absl::string_view file, const Shape& row_shape,
                                const ValueInfo& input) {
  return InvalidField(
      "INPUT_SHAPE_MISMATCH", FileField(file),
      absl::StrCat("a row has shape ", ShapeString(row_shape), ", but the model's input '",
                   input.name, "' takes ", InputShapeString(input),
                   " with the batch on the first axis; ", ShapeHint(row_shape, input)));
}

absl::Status RowCountMismatch(absl::string_view input, int64_t rows, absl::string_view other_input,
                              int64_t other_rows) {
  return InvalidField(
      "ROW_COUNT_MISMATCH", absl::StrCat("data.bindings[", input, "]"),
      absl::StrCat("holds ", rows, " rows, but input '", other_input, "' has ", other_rows));
}

absl::Status LabelCountMismatch(int64_t labels, int64_t rows) {
  return InvalidField("LABEL_COUNT_MISMATCH", "data.labels",
                      absl::StrCat("there are ", labels, " labels for ", rows, " rows"));
}

absl::Status BadLabel(absl::string_view problem) {
  return InvalidField("BAD_LABEL", "data.labels", ToPlainText(problem, kProblemBytesMax));
}

absl::Status BadPreprocessing(absl::string_view field, absl::string_view problem) {
  return InvalidField("BAD_PREPROCESSING",
                      absl::StrCat("data.preprocessing", field.empty() ? "" : ".", field), problem);
}

}  // namespace quantd
