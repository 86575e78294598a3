// Compares the outputs of a quantized model with those of the full-precision one, row by row, and sums the rows up into
// metrics with intervals.
//
// Scoring is pure per row, so batches may be scored in parallel in any order; Summarize() takes the scores in row order
// and runs in a fixed order, so its result is the same bits for any number of threads or rows per batch.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/stats/bootstrap.h"
#include "common/stats/fraction.h"
#include "worker/graph/tensor.h"
#include "worker/quality/report.h"

namespace quantd {

// What a metric is, for catalogues and for checking requests.
struct MetricInfo {
  std::string id;
  std::string summary;
  std::string unit;
  bool needs_labels = false;
  bool needs_classes = false;  // Only for one output [rows, classes].
};

// Every metric that Summarize() can report, in the order in which it reports them.
const std::vector<MetricInfo>& MetricCatalogue();

// INVALID_ARGUMENT, reason UNKNOWN_METRIC, naming "<field>[i]" for each id that is not in the catalogue.
absl::Status CheckMetricIds(const std::vector<std::string>& ids, absl::string_view field);

// Which metrics make sense for a model's outputs.
enum class OutputKind {
  kOther,          // Several outputs, or one that is not a row of classes: distances only.
  kLogits,         // One float output [rows, classes, 1...]; softmax is applied before KL.
  kProbabilities,  // The same, and every reference row is a distribution: all in [0, 1], sum within 1e-3 of 1.
};

// Judges by the full-precision outputs (of the first batch, say); the quantized ones need not sum to 1 exactly. Call it
// once a model, not once a batch.
OutputKind DetectOutputKind(const std::map<std::string, Tensor>& reference_outputs);

inline constexpr int kTopClasses = 5;

// Probabilities below this count as this in KL, so that a class that underflows to 0 in the quantized model costs at most
// -ln(1e-12) = 27.6 nats and a model with its softmax inside gives the same KL as one that ends in logits.
inline constexpr double kProbabilityFloor = 1e-12;

// What one row contributes. `reference_top` and `quantized_top` hold the best classes, best first, the lower index at a
// tie (as ArgMax does); -1 beyond the number of classes.
struct RowScores {
  std::array<int32_t, kTopClasses> reference_top = {-1, -1, -1, -1, -1};
  std::array<int32_t, kTopClasses> quantized_top = {-1, -1, -1, -1, -1};
  int32_t classes = 0;  // 0 for OutputKind::kOther.
  double kl = 0;        // KL(reference || quantized), nats; >= 0.
  double cosine = 0;    // Of the two rows, all outputs together; 1 when both are zero, 0 when one is.
  double signal = 0;    // sum x^2
  double noise = 0;     // sum (x - x_q)^2
};

// Scores one row. Each pair of spans is one output's values of that row; classifiers have one pair.
//
// Errors: INVALID_ARGUMENT, reason NON_FINITE_OUTPUT: a reference value is NaN or infinite, or a quantized one is NaN.
// (An infinite quantized value counts as a diverged row: the limit of KL, cosine 0, infinite noise.)
struct OutputRow {
  absl::Span<const double> reference;
  absl::Span<const double> quantized;
};
absl::StatusOr<RowScores> ScoreRow(OutputKind kind, absl::Span<const OutputRow> outputs);

// Scores every row of a batch. `first_row` only serves error messages.
//
// Errors: as ScoreRow(); INTERNAL: the maps differ in names, shapes or types. UNIMPLEMENTED: outputs of a type other
// than float, double, int32 and int64.
absl::StatusOr<std::vector<RowScores>> ScoreBatch(OutputKind kind,
                                                  const std::map<std::string, Tensor>& reference,
                                                  const std::map<std::string, Tensor>& quantized,
                                                  int64_t first_row);

struct SummaryOptions {
  std::vector<std::string> metrics;  // Ids; empty means all.
  Fraction alpha = {1, 20};
  int32_t bootstrap_replicates = kBootstrapReplicatesDefault;
  uint64_t seed = 0;
  int threads = 1;         // Of the bootstrap; changes no bit.
  std::string population;  // "held-out rows of fashion-mnist test": what the rows are exchangeable with.
};

struct Summary {
  std::vector<Metric> metrics;           // In catalogue order.
  ScoreDistribution score_distribution;  // Of the KL; empty scores for OutputKind::kOther.
  std::vector<std::string> warnings;     // In sentences: few rows, many flips behind a small difference, ...
};

// Sums up. `labels` is empty or holds one class index a row.
//
// Errors: INVALID_ARGUMENT, reason NO_EVALUATION_ROWS; reason LABEL_COUNT_MISMATCH, naming "labels"; reason
// LABEL_OUT_OF_RANGE, naming "labels[i]"; reason UNKNOWN_METRIC; INVALID_BOOTSTRAP.
absl::StatusOr<Summary> Summarize(OutputKind kind, absl::Span<const RowScores> rows,
                                  absl::Span<const int64_t> labels, const SummaryOptions& options);

}  // namespace quantd
