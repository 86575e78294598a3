// Reads a file as a job reads its data.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "worker/graph/tensor.h"

namespace quantd::hostile {

// Opens the file at `path`, named `file` in the job, as the rows of a model's one input x of type
// float with rows of this shape, and reads the first rows.
absl::Status ReadAsData(const std::string& file, const std::string& path, const Shape& row_shape);

// The same, as labels of four rows.
absl::Status ReadAsLabels(const std::string& file, const std::string& path);

}  // namespace quantd::hostile
