#include "server/rpc/estimate_quality.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/stats/fraction.h"
#include "common/status_macros.h"
#include "proto/wire/work_digest.h"
#include "server/rpc/spec_check.h"
#include "server/rpc/spec_needs.h"

namespace quantd {
namespace {

constexpr int kHistoryMax = 1000;

// The values of one metric in the earlier jobs, and one of its messages to describe it.
struct History {
  v1::Metric like;
  std::vector<double> values;
};

absl::Status AddJob(const JobQueue& queue, const Job& job, const std::string& recipe,
                    std::map<std::string, History>& metrics) {
  ASSIGN_OR_RETURN(const FullJob full, queue.GetFull(job.name));
  v1::JobSpec spec;
  v1::QualityReport report;
  if (!spec.ParseFromString(full.spec) || !report.ParseFromString(full.report)) {
    return absl::DataLossError(absl::StrCat("the record of ", job.name.ToString(), " is damaged"));
  }
  if (DeterministicBytes(spec.recipe()) != recipe) return absl::OkStatus();
  for (const v1::Metric& metric : report.metrics()) {
    if (metric.status() != v1::METRIC_OK) continue;
    History& history = metrics[metric.id()];
    history.like = metric;
    history.values.push_back(metric.value());
  }
  return absl::OkStatus();
}

v1::Metric Predict(History history, const Fraction& alpha) {
  std::vector<double>& values = history.values;
  std::sort(values.begin(), values.end());
  const auto n = static_cast<int64_t>(values.size());
  const Fraction tail = DivideLevel(alpha, 2);
  const auto at = [&](int64_t rank) { return values[static_cast<size_t>(rank - 1)]; };
  const std::string population = "jobs of this tenant with this recipe, models and data alike";

  v1::Metric metric;
  metric.set_id(history.like.id());
  metric.set_summary(absl::StrCat("Predicted for a new job: ", history.like.summary()));
  metric.set_unit(history.like.unit());
  metric.set_value(at((n + 1) / 2));
  metric.set_n(n);
  metric.set_population(population);
  metric.set_status(v1::METRIC_OK);
  v1::Interval& interval = *metric.add_intervals();
  interval.set_method("conformal_order_statistics");
  interval.set_method_version(1);
  interval.set_guarantee(v1::FINITE_SAMPLE_MARGINAL);
  interval.set_target(v1::NEW_SAMPLE);
  interval.mutable_alpha()->set_numerator(alpha.numerator);
  interval.mutable_alpha()->set_denominator(alpha.denominator);
  interval.set_n(n);
  interval.set_n_required(RequiredSamples(tail));
  interval.set_population(population);
  interval.set_score("the metric's value in one job");
  const int64_t lower = LowerRank(n, tail);
  const int64_t upper = UpperRank(n, tail);
  interval.set_rank(upper);
  interval.set_lower_infinite(lower < 1);
  interval.set_upper_infinite(upper > n);
  if (lower >= 1) interval.set_lower(at(lower));
  if (upper <= n) interval.set_upper(at(upper));
  interval.set_status(lower >= 1 && upper <= n ? v1::INTERVAL_OK : v1::INSUFFICIENT_CALIBRATION);
  return metric;
}

}  // namespace

absl::StatusOr<v1::EstimateQualityResponse> EstimateFromHistory(
    const JobQueue& queue, const v1::EstimateQualityRequest& request) {
  ASSIGN_OR_RETURN(const std::string tenant, ParseTenant(request.parent()));
  SpecProblems problems;
  CheckStructure(request.spec(), problems);
  RETURN_IF_ERROR(problems.ToStatus());
  Fraction alpha{1, 20};
  if (request.spec().evaluation().has_alpha()) {
    const v1::Fraction& asked = request.spec().evaluation().alpha();
    ASSIGN_OR_RETURN(alpha,
                     MakeLevel(asked.numerator(), asked.denominator(), "spec.evaluation.alpha"));
  }
  ASSIGN_OR_RETURN(
      const std::vector<Job> jobs,
      queue.List({.tenant = tenant, .state = JobState::kSucceeded, .limit = kHistoryMax}));
  const std::string recipe = DeterministicBytes(request.spec().recipe());
  const std::string preset = PresetOf(RequirementsOf(request.spec()));
  std::map<std::string, History> metrics;
  for (const Job& job : jobs) {
    // A copied result is no second observation.
    if (!job.cached_from.empty() || PresetOf(job.traits.requirements) != preset) continue;
    RETURN_IF_ERROR(AddJob(queue, job, recipe, metrics));
  }
  const int64_t needed = RequiredSamples(DivideLevel(alpha, 2));
  size_t most = 0;
  v1::EstimateQualityResponse response;
  for (auto& [id, history] : metrics) {
    most = std::max(most, history.values.size());
    if (static_cast<int64_t>(history.values.size()) < needed) continue;
    *response.add_metrics() = Predict(std::move(history), alpha);
  }
  if (response.metrics_size() > 0) return response;
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      absl::StrCat(most, " finished jobs have this recipe; a finite interval at this level takes ",
                   needed),
      {.reason = "NOT_ENOUGH_HISTORY",
       .metadata = {{"jobs", absl::StrCat(most)}, {"jobs_needed", absl::StrCat(needed)}}});
}

}  // namespace quantd
