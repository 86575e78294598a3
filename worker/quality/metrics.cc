#include "worker/quality/metrics.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/check.h"
#include "common/error.h"
#include "common/stats/proportion.h"
#include "common/status_macros.h"
#include "worker/quality/intervals.h"
#include "worker/quality/layer_comparison.h"

namespace quantd {
namespace {

constexpr char kScore[] = "KL(full precision || quantized) of one row's class probabilities, nats";

bool Among(const std::array<int32_t, kTopClasses>& top, int64_t label) {
  return std::find(top.begin(), top.end(), label) != top.end();
}

struct Counts {
  int64_t top1_agreement = 0;
  int64_t top5_agreement = 0;
  int64_t reference_right = 0;
  int64_t quantized_right = 0;
  int64_t reference_top5 = 0;
  int64_t quantized_top5 = 0;
  int64_t right_to_wrong = 0;
  int64_t wrong_to_right = 0;
  int64_t wrong_to_wrong = 0;  // Both wrong, with different classes.
};

Counts CountRows(absl::Span<const RowScores> rows, absl::Span<const int64_t> labels) {
  Counts counts;
  for (size_t i = 0; i < rows.size(); ++i) {
    const RowScores& row = rows[i];
    const bool agree = row.reference_top[0] == row.quantized_top[0];
    counts.top1_agreement += agree;
    counts.top5_agreement += Among(row.quantized_top, row.reference_top[0]);
    if (labels.empty()) continue;
    const bool reference_right = row.reference_top[0] == labels[i];
    const bool quantized_right = row.quantized_top[0] == labels[i];
    counts.reference_right += reference_right;
    counts.quantized_right += quantized_right;
    counts.reference_top5 += Among(row.reference_top, labels[i]);
    counts.quantized_top5 += Among(row.quantized_top, labels[i]);
    counts.right_to_wrong += reference_right && !quantized_right;
    counts.wrong_to_right += !reference_right && quantized_right;
    counts.wrong_to_wrong += !reference_right && !quantized_right && !agree;
  }
  return counts;
}

absl::Status CheckLabels(OutputKind kind, absl::Span<const RowScores> rows,
                         absl::Span<const int64_t> labels) {
  if (labels.empty()) return absl::OkStatus();
  if (labels.size() != rows.size()) {
    return InvalidField("LABEL_COUNT_MISMATCH", "labels",
                        absl::StrCat("there are ", labels.size(), " labels for ", rows.size(),
                                     " rows; give one a row"));
  }
  if (kind == OutputKind::kOther) return absl::OkStatus();
  for (size_t i = 0; i < rows.size(); ++i) {
    if (labels[i] < 0 || labels[i] >= rows[i].classes) {
      return InvalidField("LABEL_OUT_OF_RANGE", absl::StrCat("labels[", i, "]"),
                          absl::StrCat("is ", labels[i], ", but the model's classes are 0 to ",
                                       rows[i].classes - 1));
    }
  }
  return absl::OkStatus();
}

// Columns of the bootstrap. Every row is resampled with all of them, so no metric's interval
// depends on which other metrics are asked for.
enum Column : size_t { kKl, kCosine, kSignal, kNoise, kDifference, kColumns };

// Fills in one metric after another from the same rows.
class Summarizer {
 public:
  Summarizer(OutputKind kind, absl::Span<const RowScores> rows, absl::Span<const int64_t> labels,
             const SummaryOptions& options)
      : kind_(kind),
        rows_(rows),
        labels_(labels),
        options_(options),
        context_{options.alpha, static_cast<int64_t>(rows.size()), options.population,
                 options.seed},
        counts_(CountRows(rows, labels)) {}

  absl::Status DrawBootstrap() {
    std::vector<std::vector<double>> columns(kColumns, std::vector<double>(rows_.size(), 0.0));
    for (size_t i = 0; i < rows_.size(); ++i) {
      const RowScores& row = rows_[i];
      diverged_ = diverged_ || !std::isfinite(row.noise) || !std::isfinite(row.signal);
      columns[kKl][i] = row.kl;
      columns[kCosine][i] = row.cosine;
      columns[kSignal][i] = row.signal;
      columns[kNoise][i] = row.noise;
      if (labels_.empty()) continue;
      columns[kDifference][i] =
          (row.quantized_top[0] == labels_[i]) - (row.reference_top[0] == labels_[i]);
    }
    if (diverged_) {
      columns[kSignal].assign(rows_.size(), 0.0);
      columns[kNoise].assign(rows_.size(), 0.0);
    }
    const BootstrapOptions options{options_.bootstrap_replicates, options_.seed, options_.threads};
    ASSIGN_OR_RETURN(bootstrap_, Bootstrap::Draw(std::move(columns), options));
    return absl::OkStatus();
  }

  Metric Measure(const MetricInfo& info) {
    Metric metric;
    metric.id = info.id;
    metric.summary = info.summary;
    metric.unit = info.unit;
    metric.n = context_.n;
    metric.population = options_.population;
    metric.status_detail = WhyNotApplicable(info);
    if (!metric.status_detail.empty()) {
      metric.status = MetricStatus::kNotApplicable;
      metric.n = 0;
      return metric;
    }
    if (const std::optional<int64_t> successes = SuccessesOf(info.id)) {
      metric.value = static_cast<double>(*successes) / static_cast<double>(context_.n);
      metric.intervals = {ProportionInterval(context_, *successes)};
    } else if (const std::optional<int64_t> count = FlipsOf(info.id)) {
      metric.value = static_cast<double>(*count);
      metric.intervals = {CountInterval(context_, *count)};
    } else {
      MeasureMean(&metric);
    }
    return metric;
  }

  ScoreDistribution Distribution() const {
    ScoreDistribution distribution;
    distribution.alpha = options_.alpha;
    if (kind_ == OutputKind::kOther) return distribution;
    const std::vector<double> sorted = SortedKl();
    const Interval interval = NewSampleInterval(context_, sorted, kScore);
    distribution.score = kScore;
    distribution.conformal_quantile = interval.upper;
    distribution.conformal_quantile_infinite = interval.upper_infinite;
    const int64_t n = context_.n;
    const int64_t kept = std::min(n, kScoreDistributionMax);
    for (int64_t i = 0; i < kept; ++i) {
      const int64_t index = kept == 1 ? 0 : i * (n - 1) / (kept - 1);
      distribution.sorted_scores.push_back(sorted[static_cast<size_t>(index)]);
    }
    return distribution;
  }

  std::vector<std::string> Warnings() const;

 private:
  std::string WhyNotApplicable(const MetricInfo& info) const {
    if (info.needs_classes && kind_ == OutputKind::kOther) {
      return "The model's output is not one row of classes.";
    }
    if (info.needs_labels && labels_.empty()) return "The data has no labels.";
    if (info.id.rfind("top5", 0) == 0 && rows_[0].classes <= kTopClasses) {
      return absl::StrCat("With ", rows_[0].classes, " classes the best five are all of them.");
    }
    return "";
  }

  std::optional<int64_t> SuccessesOf(const std::string& id) const {
    const std::pair<const char*, int64_t> shares[] = {
        {"top1_agreement", counts_.top1_agreement},
        {"top5_agreement", counts_.top5_agreement},
        {"accuracy_reference", counts_.reference_right},
        {"accuracy_quantized", counts_.quantized_right},
        {"top5_accuracy_reference", counts_.reference_top5},
        {"top5_accuracy_quantized", counts_.quantized_top5}};
    for (const auto& [name, successes] : shares) {
      if (id == name) return successes;
    }
    return std::nullopt;
  }

  std::optional<int64_t> FlipsOf(const std::string& id) const {
    const std::pair<const char*, int64_t> flips[] = {
        {"flips_right_to_wrong", counts_.right_to_wrong},
        {"flips_wrong_to_right", counts_.wrong_to_right},
        {"flips_wrong_to_wrong", counts_.wrong_to_wrong}};
    for (const auto& [name, count] : flips) {
      if (id == name) return count;
    }
    return std::nullopt;
  }

  void MeasureMean(Metric* metric) const {
    if (metric->id == "accuracy_difference") {
      metric->value = static_cast<double>(counts_.wrong_to_right - counts_.right_to_wrong) /
                      static_cast<double>(context_.n);
      metric->intervals = {DifferenceInterval(
          context_, *bootstrap_, kDifference,
          {.first_only = counts_.right_to_wrong, .second_only = counts_.wrong_to_right})};
    } else if (metric->id == "kl") {
      metric->value = bootstrap_->Mean(kKl);
      metric->intervals = {
          MeanInterval(context_, *bootstrap_, kKl, {0, -std::log(kProbabilityFloor)}),
          NewSampleInterval(context_, SortedKl(), kScore)};
    } else if (metric->id == "cosine") {
      metric->value = bootstrap_->Mean(kCosine);
      metric->intervals = {MeanInterval(context_, *bootstrap_, kCosine, {-1, 1})};
    } else {
      QUANTD_CHECK(metric->id == "sqnr_db" || metric->id == "relative_mse");
      MeasureRatio(metric->id == "sqnr_db" ? SqnrDb : RelativeMse, metric);
    }
  }

  void MeasureRatio(double (*ratio)(double, double), Metric* metric) const {
    if (diverged_) {
      metric->value = ratio(0, 1);
      metric->intervals = {UnknownInterval(context_)};
      return;
    }
    metric->value = ratio(bootstrap_->Mean(kSignal), bootstrap_->Mean(kNoise));
    metric->intervals = {StatisticInterval(
        context_, *bootstrap_,
        [ratio](absl::Span<const double> means) { return ratio(means[kSignal], means[kNoise]); })};
  }

  std::vector<double> SortedKl() const {
    std::vector<double> sorted;
    for (const RowScores& row : rows_) sorted.push_back(row.kl);
    std::sort(sorted.begin(), sorted.end());
    return sorted;
  }

  const OutputKind kind_;
  const absl::Span<const RowScores> rows_;
  const absl::Span<const int64_t> labels_;
  const SummaryOptions& options_;
  const IntervalContext context_;
  const Counts counts_;
  std::optional<Bootstrap> bootstrap_;
  bool diverged_ = false;
};

std::vector<std::string> Summarizer::Warnings() const {
  // Below this the bootstrap's intervals are known to be too short (docs/decisions/0002).
  constexpr int64_t kRowsMin = 100;
  std::vector<std::string> warnings;
  if (context_.n < kRowsMin) {
    warnings.push_back(
        absl::StrCat("Only ", context_.n,
                     " evaluation rows: intervals are wide, and those of means are rough."));
  }
  if (diverged_) {
    warnings.push_back("The quantized model produced infinite outputs on some rows.");
  }
  const int64_t required = RequiredSamples(context_.alpha);
  if (kind_ != OutputKind::kOther && context_.n < required) {
    warnings.push_back(absl::StrCat("The bound for a new row is infinite: it needs at least ",
                                    required, " evaluation rows, and there are ", context_.n, "."));
  }
  // Labels of another task, or rows that were not prepared as the model wants them, leave every other
  // figure without a meaning, and nothing else would tell.
  const int32_t classes = rows_[0].classes;
  if (!labels_.empty() && classes > 1) {
    const double lower = ClopperPearson(counts_.reference_right, context_.n, context_.alpha).lower;
    if (lower <= 1.0 / classes) {
      warnings.push_back(absl::StrFormat(
          "The full-precision model is right on %d of %d labelled rows, which is not clearly more "
          "than guessing: are the labels and the preprocessing those of the model?",
          counts_.reference_right, context_.n));
    }
  }
  // A small net change can hide many changed answers: users see those, not the net.
  const int64_t flips = counts_.right_to_wrong + counts_.wrong_to_right;
  const int64_t net = std::abs(counts_.wrong_to_right - counts_.right_to_wrong);
  if (flips * 50 >= context_.n && flips >= 4 * net && !labels_.empty()) {
    warnings.push_back(absl::StrFormat(
        "Accuracy moved by only %.2f points, but %.1f %% of the rows changed between right and "
        "wrong.",
        100.0 * static_cast<double>(net) / static_cast<double>(context_.n),
        100.0 * static_cast<double>(flips) / static_cast<double>(context_.n)));
  }
  return warnings;
}

}  // namespace

absl::StatusOr<Summary> Summarize(OutputKind kind, absl::Span<const RowScores> rows,
                                  absl::Span<const int64_t> labels, const SummaryOptions& options) {
  RETURN_IF_ERROR(CheckMetricIds(options.metrics, "metrics"));
  RETURN_IF_ERROR(MakeLevel(options.alpha.numerator, options.alpha.denominator, "alpha").status());
  if (rows.empty()) {
    return MakeError(absl::StatusCode::kInvalidArgument, "NO_EVALUATION_ROWS",
                     "there are no rows to evaluate on");
  }
  RETURN_IF_ERROR(CheckLabels(kind, rows, labels));

  Summarizer summarizer(kind, rows, labels, options);
  RETURN_IF_ERROR(summarizer.DrawBootstrap());
  Summary summary;
  for (const MetricInfo& info : MetricCatalogue()) {
    const bool wanted =
        options.metrics.empty() ||
        std::find(options.metrics.begin(), options.metrics.end(), info.id) != options.metrics.end();
    if (wanted) summary.metrics.push_back(summarizer.Measure(info));
  }
  summary.score_distribution = summarizer.Distribution();
  summary.warnings = summarizer.Warnings();
  return summary;
}

}  // namespace quantd
