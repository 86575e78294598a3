#include "worker/io/data/labels.h"

#include <cmath>
#include <map>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/git_lfs.h"
#include "common/status_macros.h"
#include "worker/io/data/convert.h"
#include "worker/io/data/data_errors.h"

namespace quantd {
namespace {

constexpr size_t kDigitsMax = 18;  // Fits int64.

// Decimal digits only: no sign, no spaces.
std::optional<int64_t> ParseLabel(absl::string_view text) {
  if (text.empty() || text.size() > kDigitsMax) return std::nullopt;
  int64_t label = 0;
  for (const char c : text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return std::nullopt;
    label = label * 10 + (c - '0');
  }
  return label;
}

// The cell of this column; empty where the line has fewer. No list of all cells is made: a hostile
// line has millions.
absl::string_view Cell(absl::string_view line, int32_t column) {
  if (column < 0) return "";
  for (; column > 0; --column) {
    const size_t comma = line.find(',');
    if (comma == absl::string_view::npos) return "";
    line.remove_prefix(comma + 1);
  }
  return line.substr(0, line.find(','));
}

absl::string_view BaseName(absl::string_view file) {
  const size_t slash = file.rfind('/');
  return slash == absl::string_view::npos ? file : file.substr(slash + 1);
}

}  // namespace

absl::StatusOr<Labels> LabelsFromArray(const NamedArray& array, int32_t column) {
  const Shape& shape = array.tensor.shape();
  const int64_t columns = shape.size() == 2 ? shape[1] : 1;
  if (shape.empty() || shape.size() > 2 || column < 0 || column >= columns) {
    return BadLabel(absl::StrCat("'", array.label, "' has shape ", ShapeString(shape),
                                 ", which has no column ", column, " with one number a row"));
  }
  if (!IsFeedable(array.tensor.dtype()))
    return BadLabel("labels of this element type are not read");
  Labels labels;
  labels.of_row.resize(static_cast<size_t>(shape[0]));
  for (int64_t row = 0; row < shape[0]; ++row) {
    int64_t& label = labels.of_row[static_cast<size_t>(row)];
    const Conversion conversion =
        Convert(array.tensor, row * columns + column, 1, Normalization(), DataType::kInt64, &label);
    if (conversion != Conversion::kOk || label < 0) {
      return BadLabel(absl::StrCat("the label of row ", row, " in '", array.label,
                                   "' is not a whole number of at least 0"));
    }
  }
  return labels;
}

absl::StatusOr<Labels> LabelsFromCsv(absl::string_view file, absl::string_view text,
                                     int32_t column) {
  if (text.empty()) return BadLabel(absl::StrCat("'", file, "' is empty"));
  if (IsGitLfsPointer(text)) return BadLabel(absl::StrCat("'", file, "': ", kIsGitLfsPointer));
  Labels labels;
  int64_t line_number = 0;
  while (!text.empty()) {
    ++line_number;
    const size_t end = text.find('\n');
    absl::string_view line = text.substr(0, end);
    text.remove_prefix(end == absl::string_view::npos ? text.size() : end + 1);
    line = absl::StripAsciiWhitespace(line);
    if (line.empty()) continue;
    if (line.find('"') != absl::string_view::npos) {
      return BadLabel(
          absl::StrCat("line ", line_number, " of '", file, "' has quotes, which are not read"));
    }
    const std::optional<int64_t> label = ParseLabel(absl::StripAsciiWhitespace(Cell(line, column)));
    if (label.has_value()) {
      labels.of_row.push_back(*label);
    } else if (line_number > 1) {
      return BadLabel(absl::StrCat("line ", line_number, " of '", file,
                                   "' has no whole number of at least 0 in "
                                   "column ",
                                   column));
    }
  }
  return labels;
}

absl::StatusOr<Labels> LabelsFromFolders(const std::vector<std::string>& files) {
  std::map<std::string, int64_t> classes;  // Byte order.
  for (const std::string& file : files) {
    const size_t slash = file.find('/');
    if (slash == std::string::npos || slash == 0) {
      return BadLabel(absl::StrCat("'", file, "' is in no folder that could name its class"));
    }
    classes[file.substr(0, slash)] = 0;
  }
  Labels labels;
  for (auto& [name, label] : classes) {
    label = static_cast<int64_t>(labels.class_names.size());
    labels.class_names.push_back(name);
  }
  for (const std::string& file : files)
    labels.of_row.push_back(classes[file.substr(0, file.find('/'))]);
  return labels;
}

absl::StatusOr<Labels> LabelsFromPrefixes(const std::vector<std::string>& files) {
  Labels labels;
  for (const std::string& file : files) {
    const absl::string_view base = BaseName(file);
    const size_t end = base.find('_');
    const std::optional<int64_t> label =
        end == absl::string_view::npos ? std::nullopt : ParseLabel(base.substr(0, end));
    if (!label.has_value()) {
      return BadLabel(absl::StrCat("'", file, "' does not start with a whole number and '_'"));
    }
    labels.of_row.push_back(*label);
  }
  return labels;
}

}  // namespace quantd
