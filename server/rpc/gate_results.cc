#include "server/rpc/gate_results.h"

#include "absl/strings/str_cat.h"

namespace quantd {
namespace {

GateInterval FromProto(const v1::Interval& interval) {
  return {.lower = interval.lower(),
          .upper = interval.upper(),
          .lower_infinite = interval.lower_infinite(),
          .upper_infinite = interval.upper_infinite(),
          .sufficient = interval.status() != v1::INSUFFICIENT_CALIBRATION};
}

GateObservation Observe(const std::string& metric_id, const v1::QualityReport& report) {
  GateObservation observation;
  for (const v1::Metric& metric : report.metrics()) {
    if (metric.id() != metric_id) continue;
    observation.absent_reason = metric.status_detail();
    if (metric.status() == v1::METRIC_OK) observation.value = metric.value();
    for (const v1::Interval& interval : metric.intervals()) {
      auto& target =
          interval.target() == v1::NEW_SAMPLE ? observation.conformal : observation.confidence;
      if (!target) target = FromProto(interval);
    }
    return observation;
  }
  observation.absent_reason = absl::StrCat("the report has no metric ", metric_id,
                                           "; it is not among spec.evaluation.metrics");
  return observation;
}

}  // namespace

Gate FromProto(const v1::Gate& gate) {
  return {.metric = gate.metric(),
          .statistic = static_cast<GateStatistic>(gate.statistic() - v1::Gate::VALUE),
          .comparison = static_cast<GateComparison>(gate.comparison() - v1::Gate::AT_LEAST),
          .threshold = gate.threshold()};
}

v1::GateResult DecideGate(const v1::Gate& gate, const v1::QualityReport& report) {
  const GateDecision decision = EvaluateGate(FromProto(gate), Observe(gate.metric(), report));
  v1::GateResult result;
  *result.mutable_gate() = gate;
  constexpr v1::GateResult::Outcome kOutcomes[] = {v1::GateResult::PASSED, v1::GateResult::FAILED,
                                                   v1::GateResult::INCONCLUSIVE};
  result.set_outcome(kOutcomes[static_cast<int>(decision.outcome)]);
  result.set_explanation(decision.explanation);
  return result;
}

}  // namespace quantd
