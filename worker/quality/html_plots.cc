#include "worker/quality/html_plots.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/stats/fraction.h"
#include "worker/quality/html_text.h"

namespace quantd {
namespace {

// Coordinates with one decimal: enough for a screen, and equal bytes for equal reports.
std::string At(double coordinate) { return absl::StrFormat("%.1f", coordinate); }

std::string Line(double x1, double y1, double x2, double y2, const char* css_class) {
  return absl::StrCat("<line class=\"", css_class, "\" x1=\"", At(x1), "\" y1=\"", At(y1),
                      "\" x2=\"", At(x2), "\" y2=\"", At(y2), "\"/>");
}

std::string Rect(double x, double y, double width, double height, const char* css_class) {
  return absl::StrCat("<rect class=\"", css_class, "\" x=\"", At(x), "\" y=\"", At(y),
                      "\" width=\"", At(std::max(0.0, width)), "\" height=\"",
                      At(std::max(0.0, height)), "\"/>");
}

std::string Text(double x, double y, const char* anchor, const char* css_class,
                 const std::string& text) {
  return absl::StrCat("<text class=\"", css_class, "\" x=\"", At(x), "\" y=\"", At(y),
                      "\" text-anchor=\"", anchor, "\">", text, "</text>");
}

// Plain text for SVG, where <sup> of Figure() has no meaning.
std::string AxisFigure(double value) {
  std::string text = absl::StrFormat("%.3g", value);
  return value < 0 ? absl::StrCat("\xe2\x88\x92", text.substr(1)) : text;
}

}  // namespace

PlotRange RangeOf(const std::vector<const Metric*>& metrics) {
  double lower = std::numeric_limits<double>::infinity();
  double upper = -lower;
  const auto include = [&](double value) {
    if (!std::isfinite(value)) return;
    lower = std::min(lower, value);
    upper = std::max(upper, value);
  };
  for (const Metric* metric : metrics) {
    include(metric->value);
    // Where the natural end of the scale is the good end, the reader sees how far from it a figure
    // lies.
    if (metric->unit == "fraction" && !IsDifference(metric->id)) include(1);
    if (IsDifference(metric->id) || metric->unit == "nat" || metric->unit == "rows") include(0);
    for (const Interval& interval : metric->intervals) {
      if (!interval.lower_infinite) include(interval.lower);
      if (!interval.upper_infinite) include(interval.upper);
    }
  }
  if (!(lower <= upper) || !std::isfinite(upper - lower)) return {};
  const double width = upper > lower ? upper - lower : std::max(1e-9, std::abs(upper));
  // Ends on the next multiple of 1, 2 or 5 times a power of ten, about a quarter of the width.
  const double power = std::pow(10.0, std::floor(std::log10(width / 4)));
  double step = 10 * power;
  for (const double factor : {5.0, 2.0, 1.0}) {
    if (factor * power >= width / 4) step = factor * power;
  }
  // A figure that ends on a multiple, but for rounding, gets no extra step.
  constexpr double kSlack = 1e-9;
  PlotRange range{step * std::floor(lower / step + kSlack),
                  step * std::ceil(upper / step - kSlack)};
  if (range.lower == range.upper) range.upper += step;
  return range;
}

std::string IntervalBar(const PlotRange& range, double value, const Interval* interval) {
  constexpr double kWidth = 240;
  constexpr double kMiddle = 9;
  const double width = range.upper > range.lower ? range.upper - range.lower : 1;
  const auto x = [&](double at) {
    return std::clamp((at - range.lower) / width, 0.0, 1.0) * (kWidth - 12) + 6;
  };
  std::string svg = absl::StrCat(
      "<svg class=\"interval\" viewBox=\"0 0 240 18\" role=\"img\" "
      "aria-hidden=\"true\">",
      Line(0, kMiddle, kWidth, kMiddle, "track"));
  if (range.lower < 0 && range.upper > 0) {
    absl::StrAppend(&svg, Line(x(0), 1, x(0), 17, "zero"));
  }
  if (interval != nullptr) {
    const double left = interval->lower_infinite ? 0 : x(interval->lower);
    const double right = interval->upper_infinite ? kWidth : x(interval->upper);
    absl::StrAppend(
        &svg, Rect(left, kMiddle - 3, std::max(2.0, right - left), 6,
                   interval->upper_infinite || interval->lower_infinite ? "span open" : "span"));
    if (!interval->lower_infinite) absl::StrAppend(&svg, Line(left, 4, left, 14, "end"));
    if (!interval->upper_infinite) absl::StrAppend(&svg, Line(right, 4, right, 14, "end"));
  }
  if (std::isfinite(value)) {
    absl::StrAppend(&svg, "<circle class=\"dot\" cx=\"", At(x(value)), "\" cy=\"9\" r=\"4\"/>");
  }
  return absl::StrCat(svg, "</svg>");
}

std::string ShareBar(double share, const std::string& css_class) {
  const double length = std::isfinite(share) ? std::clamp(share, 0.0, 1.0) : 0;
  return absl::StrCat(
      "<svg class=\"share\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" "
      "aria-hidden=\"true\">",
      Rect(0, 0, 100, 10, "rail"),
      Rect(0, 0, length > 0 ? std::max(0.6, 100 * length) : 0, 10, css_class.c_str()), "</svg>");
}

std::string HistogramPlot(const LayerQuality& layer) {
  constexpr double kLeft = 6;
  constexpr double kRight = 314;
  constexpr double kTop = 18;
  constexpr double kBottom = 104;
  const ActivationHistogram& histogram = layer.histogram;
  const double width = histogram.upper - histogram.lower;
  if (histogram.counts.empty() || !(width > 0) || !std::isfinite(width)) {
    return "<p class=\"muted\">No histogram was recorded.</p>";
  }
  const uint64_t most = *std::max_element(histogram.counts.begin(), histogram.counts.end());
  const double scale = std::log1p(static_cast<double>(most));
  const double step = (kRight - kLeft) / static_cast<double>(histogram.counts.size());
  const auto x = [&](double at) {
    const double share = (at - histogram.lower) / width;
    return kLeft + (std::isnan(share) ? 0 : std::clamp(share, 0.0, 1.0)) * (kRight - kLeft);
  };
  std::string svg = absl::StrCat(
      "<svg class=\"plot\" viewBox=\"0 0 320 122\" role=\"img\" aria-label=\"Histogram of the "
      "input "
      "of ",
      EscapeHtml(layer.node), "\">");
  const double clip_left = x(layer.clip_lower);
  const double clip_right = x(layer.clip_upper);
  absl::StrAppend(&svg, Rect(clip_left, kTop, clip_right - clip_left, kBottom - kTop, "kept"));
  for (size_t i = 0; i < histogram.counts.size(); ++i) {
    if (histogram.counts[i] == 0) continue;
    const double height =
        scale > 0
            ? (kBottom - kTop - 4) * std::log1p(static_cast<double>(histogram.counts[i])) / scale
            : 0;
    const double left = kLeft + step * static_cast<double>(i);
    const double centre = histogram.lower + width * (static_cast<double>(i) + 0.5) /
                                                static_cast<double>(histogram.counts.size());
    const bool inside = centre >= layer.clip_lower && centre <= layer.clip_upper;
    absl::StrAppend(&svg, Rect(left, kBottom - height, std::max(0.6, step - 0.6), height,
                               inside ? "bin" : "bin out"));
  }
  absl::StrAppend(&svg, Line(kLeft, kBottom, kRight, kBottom, "axis"),
                  Line(clip_left, kTop - 4, clip_left, kBottom, "clip"),
                  Line(clip_right, kTop - 4, clip_right, kBottom, "clip"));
  // Labels near an edge grow inward, and the pair parts when the clip is narrow.
  const bool tight = clip_right - clip_left < 70;
  absl::StrAppend(&svg,
                  Text(clip_left, 10, tight && clip_left > 70 ? "end" : "start", "tick clipped",
                       AxisFigure(layer.clip_lower)),
                  Text(clip_right, 10, tight && clip_right < 250 ? "start" : "end", "tick clipped",
                       AxisFigure(layer.clip_upper)),
                  Text(kLeft, 117, "start", "tick", AxisFigure(histogram.lower)),
                  Text(kRight, 117, "end", "tick", AxisFigure(histogram.upper)));
  return absl::StrCat(svg, "</svg>");
}

std::string ScorePlot(const ScoreDistribution& distribution) {
  constexpr double kLeft = 54;
  constexpr double kRight = 628;
  constexpr double kTop = 22;
  constexpr double kBottom = 190;
  const std::vector<double>& scores = distribution.sorted_scores;
  if (scores.empty()) return "<p class=\"muted\">There is no conformal score for this model.</p>";
  // Decades around the positive scores, at most eight: below 1e-8 of the largest nothing can be
  // seen anyway. Zeros stand at the left edge.
  double top = scores.back();
  if (!distribution.conformal_quantile_infinite) {
    top = std::max(top, distribution.conformal_quantile);
  }
  if (!(top > 0) || !std::isfinite(top)) top = 1;
  const auto positive = std::upper_bound(scores.begin(), scores.end(), top * 1e-8);
  const double least = positive == scores.end() ? top / 10 : *positive;
  const int low = static_cast<int>(std::floor(std::log10(least)));
  const int high = std::max(low + 1, static_cast<int>(std::ceil(std::log10(top))));
  const auto x = [&](double score) {
    const double decade = score > 0 ? std::log10(score) : low;
    return kLeft + std::clamp((decade - low) / (high - low), 0.0, 1.0) * (kRight - kLeft);
  };
  const auto y = [&](double share) { return kBottom - share * (kBottom - kTop); };

  std::string svg =
      "<svg class=\"plot\" viewBox=\"0 0 640 226\" role=\"img\" aria-label=\"Distribution of the "
      "conformal score\">";
  for (const double share : {0.0, 0.25, 0.5, 0.75, 1.0}) {
    absl::StrAppend(
        &svg, Line(kLeft, y(share), kRight, y(share), share == 0 ? "axis" : "grid"),
        Text(kLeft - 6, y(share) + 3.5, "end", "tick", absl::StrFormat("%.0f %%", 100 * share)));
  }
  for (int decade = low; decade <= high; ++decade) {
    const double at = x(std::pow(10.0, decade));
    const bool small = decade >= -4 && decade <= 4;
    absl::StrAppend(
        &svg, Line(at, kBottom, at, kBottom + 4, "axis"),
        Text(at, kBottom + 17, "middle", "tick",
             small ? AxisFigure(std::pow(10.0, decade))
                   : absl::StrCat("10<tspan dy=\"-4\" font-size=\"75%\">",
                                  decade < 0 ? "\xe2\x88\x92" : "", std::abs(decade), "</tspan>")));
  }
  absl::StrAppend(&svg, "<path class=\"curve\" d=\"M", At(x(scores[0])), " ", At(y(0)));
  const double n = static_cast<double>(scores.size());
  for (size_t i = 0; i < scores.size(); ++i) {
    absl::StrAppend(&svg, "H", At(x(scores[i])), "V", At(y(static_cast<double>(i + 1) / n)));
  }
  absl::StrAppend(&svg, "H", At(kRight), "\"/>");
  const double level = 1 - distribution.alpha.value();
  if (!distribution.conformal_quantile_infinite) {
    const double at = x(distribution.conformal_quantile);
    const bool right_half = at > (kLeft + kRight) / 2;
    absl::StrAppend(
        &svg, Line(kLeft, y(level), at, y(level), "mark thin"),
        Line(at, kTop - 6, at, kBottom, "mark"),
        Text(kLeft + 6, y(level) + 13, "start", "tick level",
             absl::StrCat(CoveragePercent(distribution.alpha), " % of new rows")),
        Text(right_half ? at - 6 : at + 6, 15, right_half ? "end" : "start", "tick marked",
             absl::StrCat("bound for a new row: ", AxisFigure(distribution.conformal_quantile))));
  } else {
    absl::StrAppend(&svg, Text(kRight, 14, "end", "tick marked",
                               "bound for a new row: infinite (too few rows)"));
  }
  absl::StrAppend(
      &svg, Text((kLeft + kRight) / 2, 222, "middle", "tick caption", "score, logarithmic scale"));
  return absl::StrCat(svg, "</svg>");
}

}  // namespace quantd
