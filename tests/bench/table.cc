#include "tests/bench/table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/check.h"
#include "common/status_macros.h"
#include "worker/quality/metrics.h"

namespace quantd::bench {
namespace {

const Metric& Find(const Summary& summary, const std::string& id) {
  const auto found = std::find_if(summary.metrics.begin(), summary.metrics.end(),
                                  [&](const Metric& metric) { return metric.id == id; });
  QUANTD_CHECK(found != summary.metrics.end());
  return *found;
}

// "88.65 [88.01, 89.27]", in per cent or points.
std::string Percent(const Metric& metric) {
  const Interval& interval = metric.intervals.at(0);
  return absl::StrFormat("%.2f [%.2f, %.2f]", 100 * metric.value, 100 * interval.lower,
                         100 * interval.upper);
}

std::string Points(const Metric& metric) {
  const Interval& interval = metric.intervals.at(0);
  return absl::StrFormat("%+.2f [%+.2f, %+.2f]", 100 * metric.value, 100 * interval.lower,
                         100 * interval.upper);
}

}  // namespace

std::string TableHeader() {
  return "| model | preset | rows calibrated / evaluated | accuracy fp, % | accuracy quantized, % "
         "| "
         "difference, points | top-1 agreement, % | mean KL, nat | KL of a new row, 95 % bound | "
         "size ratio |\n|---|---|---|---|---|---|---|---|---|---|\n";
}

absl::StatusOr<std::string> TableLine(const BenchModel& model, const std::string& preset,
                                      const std::vector<FoldResult>& folds, int threads) {
  std::vector<RowScores> rows;
  std::vector<int64_t> labels;
  double ratio = 0;
  for (const FoldResult& fold : folds) {
    rows.insert(rows.end(), fold.rows.begin(), fold.rows.end());
    labels.insert(labels.end(), fold.labels.begin(), fold.labels.end());
    ratio = std::max(ratio, fold.size_ratio);
  }
  const SummaryOptions options{.metrics = {"accuracy_reference", "accuracy_quantized",
                                           "accuracy_difference", "top1_agreement", "kl"},
                               .threads = threads};
  ASSIGN_OR_RETURN(const Summary summary, Summarize(OutputKind::kLogits, rows, labels, options));
  const Metric& kl = Find(summary, "kl");
  const Interval& bound = kl.intervals.at(1);
  const std::string folds_text =
      folds.size() == 1 ? "" : absl::StrCat(" in ", folds.size(), " folds");
  return absl::StrFormat(
      "| %s | %s | %d / %d%s | %s | %s | %s | %s | %.2g [%.2g, %.2g] | %s | %.3f |\n", model.name,
      preset, folds.at(0).calibration_rows, rows.size(), folds_text,
      Percent(Find(summary, "accuracy_reference")), Percent(Find(summary, "accuracy_quantized")),
      Points(Find(summary, "accuracy_difference")), Percent(Find(summary, "top1_agreement")),
      kl.value, kl.intervals.at(0).lower, kl.intervals.at(0).upper,
      bound.upper_infinite ? "infinite" : absl::StrFormat("%.2g", bound.upper), ratio);
}

}  // namespace quantd::bench
