// onnx.GraphProto to Graph: the part of reading that knows nothing of files and versions.
#pragma once

#include "absl/status/statusor.h"
#include "worker/graph/graph.h"
#include "worker/io/onnx/external_data.h"

namespace onnx {
class GraphProto;
}  // namespace onnx

namespace quantd::onnx_io {

// Bodies of If, Loop and Scan inside each other.
inline constexpr int kSubgraphDepthMax = 64;

// Constants become initializers, initializers are no inputs, every node has a unique name, and
// nodes follow the producers of their inputs, in bodies too.
//
// Weights are taken out of `proto` one by one, so that none is held twice.
//
// Errors: BAD_GRAPH, BAD_TENSOR, EXTERNAL_DATA, UNSUPPORTED_DTYPE, UNSUPPORTED_MODEL.
absl::StatusOr<Graph> GraphFromProto(onnx::GraphProto& proto, ExternalData& external_data);

}  // namespace quantd::onnx_io
