// The optimizer's passes with a backend behind them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "worker/backend/backend.h"
#include "worker/exec/executor.h"

namespace quantd {

class ConstantNodes;

// Makes `graph` fast to run on `backend`: see worker/graph/optimize/optimize.h. With the environment variable
// QUANTD_OPTIMIZE set to 0 it stays as it is, to look for the reason of a difference. What is computed of constants
// is counted in `constants`. Returns where kept tensors are that have another name now.
std::map<std::string, std::string> OptimizeFor(const Backend& backend, int64_t opset, const CompileOptions& options,
                                               ConstantNodes& constants, Graph& graph);

}  // namespace quantd
