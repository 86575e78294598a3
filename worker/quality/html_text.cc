#include "worker/quality/html_text.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "common/stats/fraction.h"
#include "common/utf8.h"

namespace quantd {
namespace {

constexpr char kMinus[] = "\xe2\x88\x92";  // U+2212, as wide as a digit.

// A figure with `decimals`, trailing zeros kept, with a true minus sign and no negative zero.
std::string Decimals(double value, int decimals) {
  std::string text = absl::StrFormat("%.*f", decimals, std::abs(value));
  const bool zero = text.find_first_not_of("0.") == std::string::npos;
  return value < 0 && !zero ? absl::StrCat(kMinus, text) : text;
}

// A unit, set smaller than its figure where that is set large.
std::string Unit(const std::string& unit) {
  return absl::StrCat("<span class=\"unit\">&nbsp;", EscapeHtml(unit), "</span>");
}

// A share in percent: two decimals near the ends, where they tell models apart.
std::string Percent(double share) {
  if (share == 0 || share == 1) return share == 0 ? "0 %" : "100 %";
  const double percent = 100 * share;
  return absl::StrCat(Decimals(percent, percent > 90 || percent < 10 ? 2 : 1), " %");
}

std::string MethodWords(const Interval& interval) {
  if (interval.method == "clopper_pearson") return "Clopper\xe2\x80\x93Pearson";
  if (interval.method == "clopper_pearson_discordant") {
    return "Clopper\xe2\x80\x93Pearson on the rows where only one model is right";
  }
  if (interval.method == "constant_rows") return "bound for rows that are all equal";
  if (interval.method == "paired_bootstrap_bca") {
    return absl::StrCat("paired bootstrap (BCa, ", GroupedNumber(interval.replicates),
                        " replicates, seed ", interval.seed, ")");
  }
  if (interval.method == "split_conformal") {
    return absl::StrCat("split conformal, rank ", GroupedNumber(interval.rank), " of ",
                        GroupedNumber(interval.n), " scores");
  }
  return EscapeHtml(interval.method);
}

std::string GuaranteeWords(GuaranteeClass guarantee) {
  switch (guarantee) {
    case GuaranteeClass::kFiniteSampleMarginal:
      return "holds for any number of rows and any distribution, on average over samples";
    case GuaranteeClass::kFiniteSampleConditional:
      return "holds for any number of rows within its group";
    case GuaranteeClass::kHighProbability:
      return "holds with high probability over the sample";
    case GuaranteeClass::kExactConfidence:
      return "holds for any number of rows";
    case GuaranteeClass::kAsymptotic:
      return "approximate: approaches its level as rows grow";
    case GuaranteeClass::kHeuristic:
      return "a heuristic without a promise";
  }
  return "";
}

}  // namespace

std::string EscapeHtml(absl::string_view text) {
  std::string clean = ToValidUtf8(text);
  for (char& c : clean) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f) c = '?';
  }
  return absl::StrReplaceAll(
      clean, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

std::string GroupedNumber(int64_t number) {
  const std::string digits = absl::StrCat(number);
  const size_t first = number < 0 ? 1 : 0;
  std::string text;
  for (size_t i = first; i < digits.size(); ++i) {
    if (i > first && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return number < 0 ? absl::StrCat(kMinus, text) : text;
}

std::string ByteSize(int64_t bytes) {
  constexpr const char* kUnits[] = {"bytes", "kB", "MB", "GB", "TB"};
  double size = static_cast<double>(bytes);
  size_t unit = 0;
  while (size >= 999.5 && unit + 1 < std::size(kUnits)) {
    size /= 1000;
    ++unit;
  }
  if (unit == 0) return absl::StrCat(GroupedNumber(bytes), " bytes");
  return absl::StrCat(Decimals(size, size < 9.995 ? 2 : size < 99.95 ? 1 : 0), " ", kUnits[unit]);
}

std::string Seconds(double seconds) {
  if (!(seconds >= 0) || seconds > 1e9) return "unknown";
  if (seconds < 9.95) return absl::StrCat(Decimals(seconds, 2), " s");
  if (seconds < 119.5) return absl::StrCat(Decimals(seconds, 1), " s");
  const int64_t whole = std::llround(seconds);
  if (whole < 7200) return absl::StrCat(whole / 60, " min ", whole % 60, " s");
  return absl::StrCat(whole / 3600, " h ", whole % 3600 / 60, " min");
}

std::string Figure(double value) {
  if (std::isnan(value)) return "not a number";
  if (std::isinf(value)) return value > 0 ? "infinite" : absl::StrCat(kMinus, "infinite");
  if (value == 0) return "0";
  const double size = std::abs(value);
  if (size >= 1e6 || size < 1e-4) {
    const int exponent = static_cast<int>(std::floor(std::log10(size)));
    const std::string sign = exponent < 0 ? kMinus : "";
    return absl::StrCat(Decimals(value / std::pow(10.0, exponent), 1), " \xc2\xb7 10<sup>", sign,
                        std::abs(exponent), "</sup>");
  }
  const int decimals = std::max(0, 2 - static_cast<int>(std::floor(std::log10(size))));
  return Decimals(value, decimals);
}

std::string InUnit(double value, const std::string& unit, bool difference) {
  if (!std::isfinite(value)) return Figure(value);
  if (difference) {
    return absl::StrCat(value > 0 ? "+" : "", Decimals(100 * value, 2), Unit("points"));
  }
  if (unit == "fraction") return Percent(value);
  if (unit == "rows") {
    return value == std::floor(value) && std::abs(value) < 1e15
               ? GroupedNumber(static_cast<int64_t>(value))
               : Decimals(value, 1);
  }
  if (unit == "dB") return absl::StrCat(Decimals(value, 1), Unit("dB"));
  if (unit == "cosine") return Decimals(value, 5);
  if (unit == "ratio") return Figure(value);
  return absl::StrCat(Figure(value), Unit(unit));
}

std::string AxisLabel(double value, const std::string& unit, bool difference) {
  const bool share = unit == "fraction";
  // The axis ends are round, so six digits show them in full; sums of steps need their rounding cut
  // off.
  std::string text = absl::StrFormat("%.6g", std::abs(share ? 100 * value : value));
  if (value < 0 && text != "0") text = absl::StrCat(kMinus, text);
  return share && !difference ? absl::StrCat(text, " %") : text;
}

std::string IntervalWords(const Interval& interval, const std::string& unit, bool difference) {
  if (interval.lower_infinite && interval.upper_infinite) return "no finite end on either side";
  const std::string lower = InUnit(interval.lower, unit, difference);
  const std::string upper = InUnit(interval.upper, unit, difference);
  if (interval.upper_infinite) {
    return interval.target == IntervalTarget::kNewSample
               ? "no finite upper bound"
               : absl::StrCat("at least ", lower, ", no finite upper end");
  }
  if (interval.target == IntervalTarget::kNewSample) return absl::StrCat("at most ", upper);
  if (interval.lower_infinite) return absl::StrCat("at most ", upper, ", no finite lower end");
  // The unit once is enough, but a percent sign is read with its figure.
  return absl::StrCat(
      unit == "fraction" && !difference ? lower : lower.substr(0, lower.find("<span class=\"unit")),
      " to ", upper);
}

std::string PromiseWords(const Interval& interval) {
  const std::string level = absl::StrCat(CoveragePercent(interval.alpha), " %");
  std::string text;
  if (interval.status == IntervalStatus::kInsufficientCalibration) {
    text = interval.n < interval.n_required
               ? absl::StrCat("Too few rows for a finite interval at ", level, ": it takes ",
                              GroupedNumber(interval.n_required), ", there are ",
                              GroupedNumber(interval.n), ". ")
               : "The rows do not vary, so resampling them bounds nothing. ";
  }
  if (interval.target == IntervalTarget::kNewSample) {
    absl::StrAppend(&text, "For one new row, with probability at least ", level);
  } else {
    absl::StrAppend(&text, level, " confidence");
  }
  absl::StrAppend(&text, "; ", GuaranteeWords(interval.guarantee), ". ");
  std::string method = MethodWords(interval);
  absl::StrAppend(&text, "<span class=\"how\">n = ", GroupedNumber(interval.n), "; ", method,
                  ".</span>");
  return text;
}

std::string MetricTitle(const std::string& id) {
  struct Title {
    const char* id;
    const char* title;
  };
  constexpr Title kTitles[] = {
      {"top1_agreement", "Same answer as the original"},
      {"top5_agreement", "Original\xe2\x80\x99s answer in the top five"},
      {"accuracy_reference", "Accuracy, original"},
      {"accuracy_quantized", "Accuracy, quantized"},
      {"accuracy_difference", "Change in accuracy"},
      {"top5_accuracy_reference", "Top-five accuracy, original"},
      {"top5_accuracy_quantized", "Top-five accuracy, quantized"},
      {"flips_right_to_wrong", "Rows that became wrong"},
      {"flips_wrong_to_right", "Rows that became right"},
      {"flips_wrong_to_wrong", "Rows wrong in another way"},
      {"kl", "Divergence of the probabilities"},
      {"cosine", "Cosine of the outputs"},
      {"sqnr_db", "Signal-to-noise of the outputs"},
      {"relative_mse", "Relative squared error"},
  };
  for (const Title& known : kTitles) {
    if (id == known.id) return known.title;
  }
  return EscapeHtml(id);
}

bool IsDifference(const std::string& id) { return absl::EndsWith(id, "_difference"); }

}  // namespace quantd
