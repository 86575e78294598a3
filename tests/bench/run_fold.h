// Runs one fold as a job of its own, as a worker would, and reads what it left.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/bench/models.h"
#include "worker/quality/row_scores.h"

namespace quantd::bench {

struct FoldResult {
  std::vector<RowScores> rows;  // Best class of both models, KL and cosine; nothing else.
  std::vector<int64_t> labels;
  int64_t calibration_rows = 0;
  double size_ratio = 0;  // Quantized bytes / original bytes.
};

// Runs `fold` with the preset in a temporary folder that is gone afterwards. Where `keep` is not
// empty, the artifact goes to keep/PRESET/ and the evaluated rows, as the model reads them, to
// keep/inputs.npy.
//
// Errors: the job's own verdict.
absl::StatusOr<FoldResult> RunFold(const BenchModel& model, const Fold& fold,
                                   const std::string& preset, const std::string& keep, int threads);

}  // namespace quantd::bench
