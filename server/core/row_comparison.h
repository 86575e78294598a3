// Two quantized models compared row by row, from the rows.csv that both jobs left in their
// artifacts. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/stats/fraction.h"
#include "common/stats/proportion.h"

namespace quantd {

// What one evaluation says of one held-out row.
struct EvaluatedRow {
  int64_t row = 0;
  std::optional<int64_t> label;
  int64_t reference_top1 = 0;
  int64_t quantized_top1 = 0;
  double kl = 0;
  double cosine = 0;

  friend bool operator==(const EvaluatedRow&, const EvaluatedRow&) = default;
};

// The rows of a file whose header is row,label,reference_top1,quantized_top1,kl,cosine; the label
// may be empty.
//
// Errors: DATA_LOSS, naming the line, for anything else. At most 1,000,000 rows.
absl::StatusOr<std::vector<EvaluatedRow>> ParseRowsCsv(absl::string_view csv);

// Candidate minus baseline, of one metric, on paired rows.
struct RowDifference {
  std::string metric;  // "top1_agreement", "accuracy_quantized", "kl" or "cosine".
  double value = 0;
  int64_t n = 0;
  Bounds bounds;
  bool exact = false;  // Clopper-Pearson on the discordant rows or constant rows; otherwise the BCa
                       // bootstrap.
};

struct ComparisonOptions {
  Fraction alpha{1, 20};
  uint64_t seed = 0;
  int32_t replicates = 10'000;
};

// Accuracy only where every row has a label. The intervals are those of the quality report
// (docs/decisions/0002).
//
// Errors: FAILED_PRECONDITION, reason ROWS_DIFFER, when the jobs were evaluated on other rows or
// labels.
absl::StatusOr<std::vector<RowDifference>> CompareRows(const std::vector<EvaluatedRow>& baseline,
                                                       const std::vector<EvaluatedRow>& candidate,
                                                       const ComparisonOptions& options);

}  // namespace quantd
