// Inputs that both engines read. A folder of feeds holds, a tensor, a file of its raw bytes
// (little-endian, row-major) and a line of the index: "NAME TYPE EXTENT,EXTENT,... FILE".
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/exec/executor.h"
#include "worker/graph/graph.h"

namespace quantd::bench {

inline constexpr char kInputIndex[] = "inputs.txt";
inline constexpr char kOutputIndex[] = "outputs.txt";

// Deterministic values for each input: float32 uniform over the range that the model named
// `model_name` was made for; integers by the input's role (ids, a mask with padding at the end,
// types). An open first extent becomes `batch`, every other open one `sequence`; fixed extents
// stay.
//
// Errors: UNIMPLEMENTED for an input without a shape or of another type than float32 and int64.
absl::StatusOr<TensorMap> MakeFeeds(const Graph& graph, const std::string& model_name,
                                    int64_t batch, int64_t sequence);

// Errors: those of errno; INVALID_ARGUMENT for a file that does not hold what the index says.
absl::Status WriteTensors(const TensorMap& tensors, const std::string& folder,
                          const std::string& index);
absl::StatusOr<TensorMap> ReadTensors(const std::string& folder, const std::string& index);

}  // namespace quantd::bench
