#include "server/core/row_comparison.h"

#include <algorithm>
#include <functional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/error.h"
#include "common/stats/binomial.h"
#include "common/stats/bootstrap.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

constexpr char kHeader[] = "row,label,reference_top1,quantized_top1,kl,cosine";
constexpr size_t kRowsMax = 1'000'000;
// The largest KL of two distributions whose probabilities are floored at 1e-12, in nats.
constexpr double kKlMax = 27.7;

absl::Status Damaged(size_t line, absl::string_view problem) {
  return absl::DataLossError(absl::StrCat("rows.csv, line ", line, ": ", problem));
}

absl::StatusOr<EvaluatedRow> ParseLine(absl::string_view text, size_t line) {
  const std::vector<absl::string_view> cells = absl::StrSplit(text, ',');
  if (cells.size() != 6) return Damaged(line, "not six cells");
  EvaluatedRow row;
  int64_t label = 0;
  if (!cells[1].empty()) {
    if (!absl::SimpleAtoi(cells[1], &label)) return Damaged(line, "the label is no integer");
    row.label = label;
  }
  if (!absl::SimpleAtoi(cells[0], &row.row) || !absl::SimpleAtoi(cells[2], &row.reference_top1) ||
      !absl::SimpleAtoi(cells[3], &row.quantized_top1) || !absl::SimpleAtod(cells[4], &row.kl) ||
      !absl::SimpleAtod(cells[5], &row.cosine)) {
    return Damaged(line, "a cell is no number");
  }
  return row;
}

using Outcome = std::function<double(const EvaluatedRow&)>;

// A difference of two shares: what only one of both has right decides.
absl::StatusOr<RowDifference> CompareShares(const std::string& metric, const Outcome& outcome,
                                            const std::vector<EvaluatedRow>& baseline,
                                            const std::vector<EvaluatedRow>& candidate,
                                            const ComparisonOptions& options) {
  Discordance pairs;
  std::vector<double> differences;
  for (size_t i = 0; i < baseline.size(); ++i) {
    const double difference = outcome(candidate[i]) - outcome(baseline[i]);
    differences.push_back(difference);
    if (difference < 0) ++pairs.first_only;
    if (difference > 0) ++pairs.second_only;
  }
  const auto n = static_cast<int64_t>(baseline.size());
  RowDifference result{
      .metric = metric,
      .value = static_cast<double>(pairs.second_only - pairs.first_only) / static_cast<double>(n),
      .n = n};
  if (pairs.first_only + pairs.second_only >= kDiscordantPairsMin) {
    ASSIGN_OR_RETURN(
        const Bootstrap bootstrap,
        Bootstrap::Draw({differences}, {.replicates = options.replicates, .seed = options.seed}));
    const Bootstrap::Interval interval = bootstrap.OfMean(0, options.alpha, BootstrapKind::kBca);
    if (!interval.degenerate) {
      result.bounds = interval.bounds;
      return result;
    }
  }
  result.bounds = PairedDifferenceExact(pairs, n, options.alpha);
  result.exact = true;
  return result;
}

// A difference of two means; one row's difference lies in [-range, range].
absl::StatusOr<RowDifference> CompareMeans(const std::string& metric, const Outcome& outcome,
                                           double range, const std::vector<EvaluatedRow>& baseline,
                                           const std::vector<EvaluatedRow>& candidate,
                                           const ComparisonOptions& options) {
  std::vector<double> differences;
  for (size_t i = 0; i < baseline.size(); ++i) {
    differences.push_back(outcome(candidate[i]) - outcome(baseline[i]));
  }
  ASSIGN_OR_RETURN(
      const Bootstrap bootstrap,
      Bootstrap::Draw({differences}, {.replicates = options.replicates, .seed = options.seed}));
  const Bootstrap::Interval interval = bootstrap.OfMean(0, options.alpha, BootstrapKind::kBca);
  RowDifference result{.metric = metric,
                       .value = interval.estimate,
                       .n = bootstrap.rows(),
                       .bounds = interval.bounds};
  if (interval.degenerate) {
    result.bounds = ConstantRowsBounds(interval.estimate, result.n, {-range, range}, options.alpha);
    result.exact = true;
  }
  return result;
}

absl::Status CheckPaired(const std::vector<EvaluatedRow>& baseline,
                         const std::vector<EvaluatedRow>& candidate) {
  bool paired = baseline.size() == candidate.size() && !baseline.empty();
  for (size_t i = 0; paired && i < baseline.size(); ++i) {
    paired = baseline[i].row == candidate[i].row && baseline[i].label == candidate[i].label;
  }
  if (paired) return absl::OkStatus();
  return MakeError(
      absl::StatusCode::kFailedPrecondition, "ROWS_DIFFER",
      "the jobs were evaluated on different rows; submit both with the same data, seed, "
      "calibration and evaluation rows");
}

}  // namespace

absl::StatusOr<std::vector<EvaluatedRow>> ParseRowsCsv(absl::string_view csv) {
  std::vector<EvaluatedRow> rows;
  size_t line = 0;
  for (const absl::string_view text : absl::StrSplit(csv, '\n')) {
    if (++line == 1) {
      if (text != kHeader) return Damaged(1, "an unknown header");
      continue;
    }
    if (text.empty()) continue;
    if (rows.size() == kRowsMax) return Damaged(line, "more than 1,000,000 rows");
    ASSIGN_OR_RETURN(EvaluatedRow row, ParseLine(text, line));
    rows.push_back(row);
  }
  return rows;
}

absl::StatusOr<std::vector<RowDifference>> CompareRows(const std::vector<EvaluatedRow>& baseline,
                                                       const std::vector<EvaluatedRow>& candidate,
                                                       const ComparisonOptions& options) {
  RETURN_IF_ERROR(CheckPaired(baseline, candidate));
  std::vector<RowDifference> differences(3);
  ASSIGN_OR_RETURN(differences[0], CompareShares(
                                       "top1_agreement",
                                       [](const EvaluatedRow& row) {
                                         return row.quantized_top1 == row.reference_top1 ? 1.0
                                                                                         : 0.0;
                                       },
                                       baseline, candidate, options));
  ASSIGN_OR_RETURN(differences[1], CompareMeans(
                                       "kl", [](const EvaluatedRow& row) { return row.kl; }, kKlMax,
                                       baseline, candidate, options));
  ASSIGN_OR_RETURN(differences[2], CompareMeans(
                                       "cosine", [](const EvaluatedRow& row) { return row.cosine; },
                                       2, baseline, candidate, options));
  const auto labelled = [](const EvaluatedRow& row) { return row.label.has_value(); };
  if (!std::all_of(baseline.begin(), baseline.end(), labelled)) return differences;
  ASSIGN_OR_RETURN(RowDifference accuracy, CompareShares(
                                               "accuracy_quantized",
                                               [](const EvaluatedRow& row) {
                                                 return row.quantized_top1 == row.label ? 1.0 : 0.0;
                                               },
                                               baseline, candidate, options));
  differences.push_back(std::move(accuracy));
  return differences;
}

}  // namespace quantd
