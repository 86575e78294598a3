// Rows out of image files, one row a file, decoded when read.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/graph/graph.h"
#include "worker/io/data/data_spec.h"
#include "worker/io/data/row_source.h"

namespace quantd {

// `files`: name and path, in the order of the rows. The first image is decoded here, and all must
// give the shape that it gives.
//
// Errors, here and from Read: BAD_DATA (damaged image), INPUT_SHAPE_MISMATCH, BAD_PREPROCESSING,
// EMPTY_DATA.
absl::StatusOr<std::unique_ptr<RowSource>> MakeImageSource(
    std::vector<std::pair<std::string, std::string>> files, const ValueInfo& input,
    const Preprocessing& preprocessing);

}  // namespace quantd
