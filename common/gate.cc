#include "common/gate.h"

#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/error.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

constexpr GateStatistic kStatistics[] = {GateStatistic::kValue, GateStatistic::kLower,
                                         GateStatistic::kUpper, GateStatistic::kConformalUpper};
// Longer ones first, so that ">=" is not read as ">".
constexpr GateComparison kComparisons[] = {GateComparison::kAtLeast, GateComparison::kAtMost,
                                           GateComparison::kAbove, GateComparison::kBelow};

absl::Status GateError(absl::string_view text, size_t position, absl::string_view expected) {
  // One printable byte a column, so that the caret stands under its place whatever the text holds.
  std::string shown;
  for (const char c : text) shown += absl::ascii_isprint(static_cast<unsigned char>(c)) ? c : '?';
  return InvalidField("INVALID_GATE", "gate",
                      absl::StrCat("expected ", expected, " at column ", position + 1, "\n  ",
                                   shown, "\n  ", std::string(position, ' '),
                                   "^\nwrite for example: top1_agreement.lower >= 0.98"));
}

// A cursor over the gate's text.
class GateReader {
 public:
  explicit GateReader(absl::string_view text) : text_(text) {}

  absl::StatusOr<std::string> Word(absl::string_view expected) {
    const size_t begin = position_;
    while (position_ < text_.size() && IsWordByte(text_[position_])) ++position_;
    if (begin == position_ || !absl::ascii_islower(static_cast<unsigned char>(text_[begin]))) {
      return GateError(text_, begin, expected);
    }
    return std::string(text_.substr(begin, position_ - begin));
  }

  absl::StatusOr<GateStatistic> Statistic() {
    if (position_ >= text_.size() || text_[position_] != '.') return GateStatistic::kValue;
    const size_t begin = ++position_;
    constexpr char kExpected[] = "value, lower, upper or conformal_upper";
    ASSIGN_OR_RETURN(const std::string word, Word(kExpected));
    for (const GateStatistic statistic : kStatistics) {
      if (FormatStatistic(statistic) == word) return statistic;
    }
    return GateError(text_, begin, kExpected);
  }

  absl::StatusOr<GateComparison> Comparison() {
    for (const GateComparison comparison : kComparisons) {
      const absl::string_view sign = FormatComparison(comparison);
      if (text_.substr(position_, sign.size()) == sign) {
        position_ += sign.size();
        return comparison;
      }
    }
    return GateError(text_, position_, ">=, <=, > or <");
  }

  // The rest of the text.
  absl::StatusOr<double> Number() {
    const absl::string_view rest = absl::StripTrailingAsciiWhitespace(text_.substr(position_));
    double number = 0;
    if (rest.empty() || !absl::SimpleAtod(rest, &number) || !std::isfinite(number)) {
      return GateError(text_, position_, "a finite number");
    }
    return number;
  }

  void SkipSpace() {
    while (position_ < text_.size() &&
           absl::ascii_isspace(static_cast<unsigned char>(text_[position_]))) {
      ++position_;
    }
  }

 private:
  static bool IsWordByte(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return absl::ascii_islower(byte) || absl::ascii_isdigit(byte) || c == '_';
  }

  absl::string_view text_;
  size_t position_ = 0;
};

bool Satisfies(double figure, GateComparison comparison, double threshold) {
  switch (comparison) {
    case GateComparison::kAtLeast:
      return figure >= threshold;
    case GateComparison::kAtMost:
      return figure <= threshold;
    case GateComparison::kAbove:
      return figure > threshold;
    case GateComparison::kBelow:
      return figure < threshold;
  }
  return false;
}

// Six digits are for reading; a figure that would look equal to the threshold without being so gets
// all of its own.
std::string Figure(double figure, double threshold) {
  const std::string brief = absl::StrCat(figure);
  if (figure != threshold && brief == absl::StrCat(threshold)) {
    return absl::StrFormat("%.17g", figure);
  }
  return brief;
}

GateDecision Inconclusive(const Gate& gate, absl::string_view why) {
  return {GateOutcome::kInconclusive,
          absl::StrCat("Inconclusive: ", why, ", so ", FormatGate(gate), " can not be decided.")};
}

GateDecision DecideByFigure(const Gate& gate, absl::string_view what, double figure) {
  const bool passed = Satisfies(figure, gate.comparison, gate.threshold);
  return {
      passed ? GateOutcome::kPassed : GateOutcome::kFailed,
      absl::StrCat(passed ? "Passed: " : "Failed: ", what, " of ", gate.metric, " is ",
                   Figure(figure, gate.threshold), passed ? ", which meets " : ", which misses ",
                   FormatComparison(gate.comparison), " ", gate.threshold, ".")};
}

std::string Absent(const Gate& gate, absl::string_view what, const GateObservation& observation) {
  std::string text = absl::StrCat("the report has no ", what, " of ", gate.metric);
  if (!observation.absent_reason.empty()) {
    absl::StrAppend(&text, " (", observation.absent_reason, ")");
  }
  return text;
}

GateDecision EvaluateEnd(const Gate& gate, const GateInterval& interval) {
  const bool wants_lower = gate.statistic == GateStatistic::kLower;
  const absl::string_view end_name = wants_lower ? "the lower end" : "the upper end";
  const double end = wants_lower ? interval.lower : interval.upper;
  const double other = wants_lower ? interval.upper : interval.lower;
  const bool end_infinite = wants_lower ? interval.lower_infinite : interval.upper_infinite;
  const bool other_infinite = wants_lower ? interval.upper_infinite : interval.lower_infinite;
  if (!interval.sufficient) {
    return Inconclusive(gate,
                        absl::StrCat("there are too few rows for the interval of ", gate.metric));
  }
  if (end_infinite || !std::isfinite(end)) {
    return Inconclusive(gate, absl::StrCat(end_name, " of ", gate.metric, " is not finite"));
  }
  if (Satisfies(end, gate.comparison, gate.threshold)) return DecideByFigure(gate, end_name, end);
  const bool other_misses =
      !other_infinite && std::isfinite(other) && !Satisfies(other, gate.comparison, gate.threshold);
  const std::string ends =
      absl::StrCat("the interval of ", gate.metric, ", ", Figure(interval.lower, gate.threshold),
                   " to ", Figure(interval.upper, gate.threshold));
  if (other_misses) {
    return {GateOutcome::kFailed,
            absl::StrCat("Failed: all of ", ends, ", misses ", FormatComparison(gate.comparison),
                         " ", gate.threshold, ".")};
  }
  return Inconclusive(gate, absl::StrCat(end_name, " misses the threshold, but ",
                                         other_infinite ? "the other end is not finite"
                                                        : absl::StrCat(ends, ", holds it"),
                                         "; more evaluation rows would tell"));
}

}  // namespace

absl::string_view FormatComparison(GateComparison comparison) {
  switch (comparison) {
    case GateComparison::kAtLeast:
      return ">=";
    case GateComparison::kAtMost:
      return "<=";
    case GateComparison::kAbove:
      return ">";
    case GateComparison::kBelow:
      return "<";
  }
  return "?";
}

absl::string_view FormatStatistic(GateStatistic statistic) {
  switch (statistic) {
    case GateStatistic::kValue:
      return "value";
    case GateStatistic::kLower:
      return "lower";
    case GateStatistic::kUpper:
      return "upper";
    case GateStatistic::kConformalUpper:
      return "conformal_upper";
  }
  return "?";
}

absl::StatusOr<Gate> ParseGate(absl::string_view text) {
  if (text.size() > kGateTextBytesMax) {
    return InvalidField("INVALID_GATE", "gate",
                        absl::StrCat("is longer than ", kGateTextBytesMax, " bytes"));
  }
  GateReader reader(text);
  Gate gate;
  reader.SkipSpace();
  ASSIGN_OR_RETURN(gate.metric, reader.Word("a metric such as top1_agreement"));
  ASSIGN_OR_RETURN(gate.statistic, reader.Statistic());
  reader.SkipSpace();
  ASSIGN_OR_RETURN(gate.comparison, reader.Comparison());
  reader.SkipSpace();
  ASSIGN_OR_RETURN(gate.threshold, reader.Number());
  return gate;
}

std::string FormatGate(const Gate& gate) {
  std::string text = gate.metric;
  if (gate.statistic != GateStatistic::kValue) {
    absl::StrAppend(&text, ".", FormatStatistic(gate.statistic));
  }
  // The shortest of the forms that read back as the same double.
  std::string number;
  for (int digits = 6; digits <= 17; ++digits) {
    number = absl::StrFormat("%.*g", digits, gate.threshold);
    double back = 0;
    if (absl::SimpleAtod(number, &back) && back == gate.threshold) break;
  }
  absl::StrAppend(&text, " ", FormatComparison(gate.comparison), " ", number);
  return text;
}

GateDecision EvaluateGate(const Gate& gate, const GateObservation& observation) {
  switch (gate.statistic) {
    case GateStatistic::kValue:
      if (!observation.value || !std::isfinite(*observation.value)) {
        return Inconclusive(gate, Absent(gate, "finite value", observation));
      }
      return DecideByFigure(gate, "the value", *observation.value);
    case GateStatistic::kLower:
    case GateStatistic::kUpper:
      if (!observation.confidence) {
        return Inconclusive(gate, Absent(gate, "confidence interval", observation));
      }
      return EvaluateEnd(gate, *observation.confidence);
    case GateStatistic::kConformalUpper:
      break;
  }
  if (!observation.conformal) {
    return Inconclusive(gate, Absent(gate, "conformal interval", observation));
  }
  const GateInterval& interval = *observation.conformal;
  if (!interval.sufficient || interval.upper_infinite || !std::isfinite(interval.upper)) {
    return Inconclusive(gate, absl::StrCat("the conformal bound of ", gate.metric, " is infinite"));
  }
  return DecideByFigure(gate, "the conformal bound", interval.upper);
}

}  // namespace quantd
