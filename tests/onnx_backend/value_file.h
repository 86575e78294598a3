// The .pb files of the cases.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "worker/graph/graph.h"

namespace quantd::onnx_backend {

// The value in a file, which holds the message that belongs to the kind of `info`.
absl::StatusOr<Tensor> ReadValueFile(const std::string& path, const ValueInfo& info);

}  // namespace quantd::onnx_backend
