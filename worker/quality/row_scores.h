// Compares one row of a quantized model's outputs with the full-precision ones. Pure functions:
// rows and batches may be scored in parallel and in any order.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "worker/graph/tensor.h"

namespace quantd {

// Which metrics make sense for a model's outputs.
enum class OutputKind {
  kOther,          // Several outputs, or one that is not a row of classes: distances only.
  kLogits,         // One float output [rows, classes, 1...]; softmax is applied before KL.
  kProbabilities,  // The same, and every reference row is a distribution: all in [0, 1], sum within
                   // 1e-3 of 1.
};

// Judges by the full-precision outputs (of the first batch, say); the quantized ones need not sum
// to 1 exactly. Call it once a model, not once a batch.
OutputKind DetectOutputKind(const std::map<std::string, Tensor>& reference_outputs);

inline constexpr int kTopClasses = 5;

// Probabilities below this count as this in KL, so that a class that underflows to 0 in the
// quantized model costs at most -ln(1e-12) = 27.6 nats and a model with its softmax inside gives
// the same KL as one that ends in logits.
inline constexpr double kProbabilityFloor = 1e-12;

// What one row contributes. `reference_top` and `quantized_top` hold the best classes, best first,
// the lower index at a tie (as ArgMax does); -1 beyond the number of classes.
struct RowScores {
  std::array<int32_t, kTopClasses> reference_top = {-1, -1, -1, -1, -1};
  std::array<int32_t, kTopClasses> quantized_top = {-1, -1, -1, -1, -1};
  int32_t classes = 0;  // 0 for OutputKind::kOther.
  double kl = 0;        // KL(reference || quantized), nats; within [0, -ln(kProbabilityFloor)].
  double cosine = 0;  // Of the two rows, all outputs together; 1 when both are zero, 0 when one is.
  double signal = 0;  // sum x^2
  double noise = 0;   // sum (x - x_q)^2
};

// One output's values of one row.
struct OutputRow {
  absl::Span<const double> reference;
  absl::Span<const double> quantized;
};

// Scores one row. REQUIRES: the two spans of a pair have equal lengths; a classifier has one pair,
// not empty.
//
// Errors: INVALID_ARGUMENT, reason NON_FINITE_OUTPUT: a reference value is NaN or infinite, or a
// quantized one is NaN. (An infinite quantized value is a diverged row: the limit of KL, cosine 0,
// infinite noise.)
absl::StatusOr<RowScores> ScoreRow(OutputKind kind, absl::Span<const OutputRow> outputs);

// Scores every row of a batch. `first_row` only serves error messages.
//
// Errors: as ScoreRow(), naming the row; INTERNAL: the maps differ in names, shapes or types, or do
// not fit `kind`. UNIMPLEMENTED, reason UNSUPPORTED_OUTPUT_TYPE: not float, double, int32 or int64
// (the output is named).
absl::StatusOr<std::vector<RowScores>> ScoreBatch(OutputKind kind,
                                                  const std::map<std::string, Tensor>& reference,
                                                  const std::map<std::string, Tensor>& quantized,
                                                  int64_t first_row);

}  // namespace quantd
