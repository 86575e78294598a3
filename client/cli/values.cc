#include "client/cli/values.h"

#include <cmath>
#include <limits>
#include <numeric>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/error.h"
#include "common/gate.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

constexpr int kFractionDigitsMax = 18;  // 10^18 < 2^63.

absl::Status BadValue(absl::string_view text, absl::string_view expected) {
  return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_VALUE",
                   absl::StrCat("'", text, "' is not ", expected));
}

absl::Status BadFraction(absl::string_view text) {
  return BadValue(text, "a level; write 0.05, 1/20 or 5%");
}

// Digits only, at most kFractionDigitsMax of them.
bool ParseDigits(absl::string_view text, int64_t* value) {
  if (text.empty() || text.size() > kFractionDigitsMax) return false;
  *value = 0;
  for (const char c : text) {
    if (!absl::ascii_isdigit(c)) return false;
    *value = *value * 10 + (c - '0');
  }
  return true;
}

v1::Fraction Reduced(int64_t numerator, int64_t denominator) {
  const int64_t divisor = std::gcd(numerator, denominator);
  v1::Fraction fraction;
  fraction.set_numerator(divisor == 0 ? numerator : numerator / divisor);
  fraction.set_denominator(divisor == 0 ? denominator : denominator / divisor);
  return fraction;
}

// "1.50" is 150/100: the digits without the point, over ten to the number of decimals.
absl::StatusOr<v1::Fraction> ParseDecimal(absl::string_view text, absl::string_view whole_text,
                                          int64_t denominator) {
  const size_t point = text.find('.');
  std::string digits(text.substr(0, point));
  if (point != absl::string_view::npos) {
    const absl::string_view decimals = text.substr(point + 1);
    absl::StrAppend(&digits, decimals);
    for (size_t i = 0; i < decimals.size(); ++i) {
      if (denominator > std::numeric_limits<int64_t>::max() / 10) return BadFraction(whole_text);
      denominator *= 10;
    }
  }
  int64_t numerator = 0;
  if (!ParseDigits(digits, &numerator)) return BadFraction(whole_text);
  return Reduced(numerator, denominator);
}

}  // namespace

absl::StatusOr<v1::Fraction> ParseFraction(absl::string_view text) {
  const absl::string_view trimmed = absl::StripAsciiWhitespace(text);
  absl::string_view body = trimmed;
  const bool negative = absl::ConsumePrefix(&body, "-");
  absl::StatusOr<v1::Fraction> fraction;
  if (absl::StrContains(body, '/')) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(body, absl::MaxSplits('/', 1));
    int64_t numerator = 0;
    int64_t denominator = 0;
    if (!ParseDigits(absl::StripAsciiWhitespace(parts.first), &numerator) ||
        !ParseDigits(absl::StripAsciiWhitespace(parts.second), &denominator)) {
      return BadFraction(trimmed);
    }
    fraction = Reduced(numerator, denominator);
  } else {
    const bool percent = absl::ConsumeSuffix(&body, "%");
    fraction = ParseDecimal(body, trimmed, percent ? 100 : 1);
  }
  if (fraction.ok() && negative) fraction->set_numerator(-fraction->numerator());
  return fraction;
}

absl::StatusOr<double> ParseRatio(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '/');
  double numerator = 0;
  double denominator = 1;
  if (parts.size() > 2 || !absl::SimpleAtod(parts[0], &numerator) ||
      (parts.size() == 2 && !absl::SimpleAtod(parts[1], &denominator)) || denominator == 0 ||
      !std::isfinite(numerator / denominator)) {
    return BadValue(text, "a number; write 0.5 or 1/255");
  }
  return numerator / denominator;
}

absl::StatusOr<std::vector<double>> ParseNumbers(absl::string_view text) {
  std::vector<double> numbers;
  for (absl::string_view part : absl::StrSplit(text, ',')) {
    ASSIGN_OR_RETURN(const double number, ParseRatio(absl::StripAsciiWhitespace(part)));
    numbers.push_back(number);
  }
  return numbers;
}

absl::StatusOr<std::pair<int32_t, int32_t>> ParseSize(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, absl::ByAnyChar("xX"));
  int32_t sides[2] = {0, 0};
  for (size_t i = 0; i < 2; ++i) {
    const absl::string_view part =
        parts.size() == 1 ? parts[0] : parts[std::min(i, parts.size() - 1)];
    if (parts.size() > 2 || !absl::SimpleAtoi(part, &sides[i]) || sides[i] < 1 ||
        sides[i] > 65'535) {
      return BadValue(text, "a size; write 224x224 (width x height) in pixels");
    }
  }
  return std::make_pair(sides[0], sides[1]);
}

absl::StatusOr<std::pair<std::string, std::string>> ParsePair(absl::string_view text) {
  const size_t equals = text.find('=');
  if (equals == absl::string_view::npos || equals == 0 || equals + 1 == text.size()) {
    return BadValue(text, "a pair; write key=value");
  }
  return std::make_pair(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)));
}

absl::StatusOr<v1::Gate> ParseGateMessage(const std::string& text) {
  ASSIGN_OR_RETURN(const Gate gate, ParseGate(text));
  v1::Gate message;
  message.set_metric(gate.metric);
  message.set_threshold(gate.threshold);
  switch (gate.statistic) {
    case GateStatistic::kValue:
      message.set_statistic(v1::Gate::VALUE);
      break;
    case GateStatistic::kLower:
      message.set_statistic(v1::Gate::LOWER);
      break;
    case GateStatistic::kUpper:
      message.set_statistic(v1::Gate::UPPER);
      break;
    case GateStatistic::kConformalUpper:
      message.set_statistic(v1::Gate::CONFORMAL_UPPER);
      break;
  }
  switch (gate.comparison) {
    case GateComparison::kAtLeast:
      message.set_comparison(v1::Gate::AT_LEAST);
      break;
    case GateComparison::kAtMost:
      message.set_comparison(v1::Gate::AT_MOST);
      break;
    case GateComparison::kAbove:
      message.set_comparison(v1::Gate::ABOVE);
      break;
    case GateComparison::kBelow:
      message.set_comparison(v1::Gate::BELOW);
      break;
  }
  return message;
}

std::string FormatGateMessage(const v1::Gate& message) {
  Gate gate;
  gate.metric = message.metric();
  gate.threshold = message.threshold();
  switch (message.statistic()) {
    case v1::Gate::LOWER:
      gate.statistic = GateStatistic::kLower;
      break;
    case v1::Gate::UPPER:
      gate.statistic = GateStatistic::kUpper;
      break;
    case v1::Gate::CONFORMAL_UPPER:
      gate.statistic = GateStatistic::kConformalUpper;
      break;
    default:
      gate.statistic = GateStatistic::kValue;
      break;
  }
  switch (message.comparison()) {
    case v1::Gate::AT_MOST:
      gate.comparison = GateComparison::kAtMost;
      break;
    case v1::Gate::ABOVE:
      gate.comparison = GateComparison::kAbove;
      break;
    case v1::Gate::BELOW:
      gate.comparison = GateComparison::kBelow;
      break;
    default:
      gate.comparison = GateComparison::kAtLeast;
      break;
  }
  return FormatGate(gate);
}

}  // namespace quantd
