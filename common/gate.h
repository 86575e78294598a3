// A gate: a condition on one metric of a quality report, for example `top1_agreement.lower >=
// 0.98`. Client, server and worker read, write and decide gates with the functions here, so that
// they cannot disagree.
//
// Pure functions; thread-safe.
#pragma once

#include <limits>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace quantd {

inline constexpr size_t kGateTextBytesMax = 256;

enum class GateStatistic {
  kValue,           // The point estimate.
  kLower,           // Lower end of the metric's confidence interval.
  kUpper,           // Upper end of it.
  kConformalUpper,  // Upper end of the metric's conformal prediction interval.
};

enum class GateComparison { kAtLeast, kAtMost, kAbove, kBelow };

struct Gate {
  std::string metric;
  GateStatistic statistic = GateStatistic::kValue;
  GateComparison comparison = GateComparison::kAtLeast;
  double threshold = 0;  // Finite, in the metric's unit.

  friend bool operator==(const Gate&, const Gate&) = default;
};

// Reads `metric[.value|.lower|.upper|.conformal_upper] >=|<=|>|< number`; spaces are free between
// the parts.
//
// Errors: INVALID_ARGUMENT, reason INVALID_GATE, field "gate": the message quotes the text and
// points at the place with a caret.
absl::StatusOr<Gate> ParseGate(absl::string_view text);

// The text that ParseGate() reads back as the same gate, to the last bit of the threshold.
std::string FormatGate(const Gate& gate);

// ">=" ...
absl::string_view FormatComparison(GateComparison comparison);
// "value", "lower", "upper", "conformal_upper".
absl::string_view FormatStatistic(GateStatistic statistic);

// One interval as a gate sees it.
struct GateInterval {
  double lower = 0;  // Meaningless when lower_infinite.
  double upper = 0;  // Meaningless when upper_infinite.
  bool lower_infinite = false;
  bool upper_infinite = false;
  bool sufficient = true;  // Not INSUFFICIENT_CALIBRATION.
};

// What a report says of the gate's metric. Leave out what it does not say.
struct GateObservation {
  std::optional<double> value;
  std::optional<GateInterval> confidence;  // The interval that kLower and kUpper mean.
  std::optional<GateInterval> conformal;   // The interval that kConformalUpper means.
  std::string absent_reason;  // Why the metric has no value, if known: "the data has no labels".
};

enum class GateOutcome { kPassed, kFailed, kInconclusive };

struct GateDecision {
  GateOutcome outcome = GateOutcome::kInconclusive;
  std::string explanation;  // One sentence with the figures.
};

// Decides a gate.
//   kValue            passes or fails by the point estimate.
//   kLower, kUpper    passes when that end meets the threshold; fails when the other end misses it
//   too, since then the
//                     data rule the condition out; else it is inconclusive: more rows would tell.
//   kConformalUpper   a one-sided bound has no other end: it passes or fails by the bound.
// A NaN, an absent value, an infinite end that would decide, and an insufficient interval are
// inconclusive.
GateDecision EvaluateGate(const Gate& gate, const GateObservation& observation);

}  // namespace quantd
