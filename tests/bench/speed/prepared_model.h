// A model as a job runs it: through the import stage, compiled, with the tensors that calibration
// observes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/exec/executor.h"
#include "worker/graph/graph.h"

namespace quantd::bench {

struct PreparedModel {
  Model model;
  std::unique_ptr<Executor> executor;
  std::vector<std::string> observed;  // By the plan of a W8A8 preset.
};

// Errors: those of the import stage, the planner and the executor.
absl::StatusOr<PreparedModel> PrepareModel(const std::string& path);

}  // namespace quantd::bench
