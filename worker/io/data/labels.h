// The class index of each row: from numbers, from a table, or from the names of image files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/io/data/array_file.h"

namespace quantd {

struct Labels {
  std::vector<int64_t> of_row;
  std::vector<std::string> class_names;  // Only where folders name the classes.
};

// Whole numbers >= 0 of a one-dimensional array, or of `column` of a two-dimensional one. BAD_LABEL
// otherwise.
absl::StatusOr<Labels> LabelsFromArray(const NamedArray& array, int32_t column);

// `column` of comma-separated lines without quotes. A first line whose column is no number is a
// heading. BAD_LABEL names the line.
absl::StatusOr<Labels> LabelsFromCsv(absl::string_view file, absl::string_view text,
                                     int32_t column);

// "cat/0001.jpg" has class "cat"; the classes in byte order are 0, 1, ... BAD_LABEL for a name
// without a folder.
absl::StatusOr<Labels> LabelsFromFolders(const std::vector<std::string>& files);

// "crops/0007_tench.jpg" has label 7. BAD_LABEL for a base name without digits before its first
// '_'.
absl::StatusOr<Labels> LabelsFromPrefixes(const std::vector<std::string>& files);

}  // namespace quantd
