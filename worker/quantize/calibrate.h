// Runs the full-precision model on the calibration rows and observes tensors.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/exec/batch_source.h"
#include "worker/observe/tensor_statistics.h"

namespace quantd {

// Statistics of each of `tensors` over all rows; the same bits for any number of threads.
//
// Errors: INVALID_ARGUMENT, reason NON_FINITE_ACTIVATION, naming the first tensor that held a NaN or an infinity: no range
// covers it, and the model is broken on the user's own data.
absl::StatusOr<std::map<std::string, TensorStatistics>> CalibrateTensors(
    const Graph& graph, int64_t opset, const std::vector<std::string>& tensors, const BatchSource& rows,
    int threads);

}  // namespace quantd
