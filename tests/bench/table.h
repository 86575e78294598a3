// One line of the quality table, in Markdown.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/bench/run_fold.h"

namespace quantd::bench {

std::string TableHeader();

// Pools the folds' rows, in fold order, and sums them up as a job's report does.
absl::StatusOr<std::string> TableLine(const BenchModel& model, const std::string& preset,
                                      const std::vector<FoldResult>& folds, int threads);

}  // namespace quantd::bench
