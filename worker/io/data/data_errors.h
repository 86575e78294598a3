// Every error that a user's data can cause, so that reason and wording are chosen once. All are
// INVALID_ARGUMENT and name a field of the request.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "worker/graph/graph.h"

namespace quantd {

// "data.files[<name>]".
std::string FileField(absl::string_view file);

// BAD_DATA: the file is damaged, hostile, too large or of a kind that is not read.
absl::Status BadData(absl::string_view file, absl::string_view problem);

// Why ReadFile could not give a file's content. BAD_DATA where the file is at fault (no regular file,
// too large); what is ours, such as a disk that fails, keeps its code and gets the file's name.
absl::Status UnreadableData(absl::string_view file, const absl::Status& status);

// NOT_FINITE: a NaN or an infinity, or a value beyond the model's input type. `where` names the
// array or is empty.
absl::Status NotFinite(absl::string_view file, absl::string_view where, int64_t row);

// EMPTY_DATA: no rows. An empty `file` means that there are no files.
absl::Status EmptyData(absl::string_view file);

// UNKNOWN_INPUT: a binding for an input that the model lacks.
absl::Status UnknownInput(absl::string_view input, const std::vector<ValueInfo>& model_inputs);

// UNBOUND_INPUT: no array for this input.
absl::Status UnboundInput(absl::string_view input, const std::vector<std::string>& arrays);

// UNKNOWN_ARRAY: `field` names an array or a file that is not there.
absl::Status UnknownArray(absl::string_view field, absl::string_view array,
                          const std::vector<std::string>& arrays);

// INPUT_SHAPE_MISMATCH: rows of `row_shape` do not fit.
absl::Status InputShapeMismatch(absl::string_view file, const Shape& row_shape,
                                const ValueInfo& input);

// ROW_COUNT_MISMATCH: two inputs with different numbers of rows.
absl::Status RowCountMismatch(absl::string_view input, int64_t rows, absl::string_view other_input,
                              int64_t other_rows);

// LABEL_COUNT_MISMATCH, field data.labels.
absl::Status LabelCountMismatch(int64_t labels, int64_t rows);

// BAD_LABEL, field data.labels.
absl::Status BadLabel(absl::string_view problem);

// BAD_PREPROCESSING, field data.preprocessing.<field>, or data.preprocessing when `field` is empty.
absl::Status BadPreprocessing(absl::string_view field, absl::string_view problem);

}  // namespace quantd
