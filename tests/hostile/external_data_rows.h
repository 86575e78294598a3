// The files beside a model that hold its weights, and what a model may say of them.
#pragma once

#include <onnx/onnx_pb.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tests/hostile/reader.h"

namespace quantd::hostile {

inline constexpr int kWeights = 1024;  // Of the initializer w, float.

// y = Relu(x), with a weight w that nobody reads.
onnx::ModelProto ValidModel();

// Reads the model at `path`. Files are given for all locations that the rows below name, so that it
// is the name that is refused and not a file that is missing.
absl::Status ReadModelBeside(const std::string& path);

// Models that name places and ranges that they must not. They are read by ReadModelBeside.
std::vector<Row> ExternalLocationRows();

// The weights' file is what is bad; the model is right.
Reader ExternalDataReader();

}  // namespace quantd::hostile
