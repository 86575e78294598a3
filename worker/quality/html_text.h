// Words and numbers of the HTML report: escaping, figures in their unit, intervals and what they
// promise in sentences.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "worker/quality/report.h"

namespace quantd {

// Safe as text and inside double quotes. Bytes that are not UTF-8 and control characters become
// '?'.
std::string EscapeHtml(absl::string_view text);

// "12,345".
std::string GroupedNumber(int64_t number);

// "3.2 MB": decimal prefixes, as files are sold.
std::string ByteSize(int64_t bytes);

// "0.03 s", "12.4 s", "3 min 20 s".
std::string Seconds(double seconds);

// Three significant digits, a true minus sign, no exponent between 1e-4 and 1e6; "infinite" and
// "not a number" in words.
std::string Figure(double value);

// `value` in the unit of a metric: "99.6 %", "−0.15 points" (for a difference of shares), "0.0031
// nat", "38.2 dB".
std::string InUnit(double value, const std::string& unit, bool difference);

// `value` as a label of an axis: "95 %", "0.002", without the unit where it would only be repeated.
std::string AxisLabel(double value, const std::string& unit, bool difference);

// Both ends in words: "99.2 % to 99.8 %", "at most 0.03 nat", "no finite upper end".
std::string IntervalWords(const Interval& interval, const std::string& unit, bool difference);

// One or two sentences: level, what is covered, the method, for how many rows it holds. Says so
// when there are too few.
std::string PromiseWords(const Interval& interval);

// A metric's name for people: "Same answer" for top1_agreement; the id itself for one that is not
// known.
std::string MetricTitle(const std::string& id);

// Whether the metric is a difference of shares, shown in points.
bool IsDifference(const std::string& id);

}  // namespace quantd
