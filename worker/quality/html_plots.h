// The report's plots as inline SVG. Colours come from the page's CSS classes, so they follow light
// and dark.
#pragma once

#include <string>
#include <vector>

#include "worker/quality/report.h"

namespace quantd {

// The axis that an interval bar is drawn on.
struct PlotRange {
  double lower = 0;
  double upper = 1;
};

// A range with round ends around all finite ends and values of these metrics; it reaches 1 for
// shares and 0 for counts, differences and divergences.
PlotRange RangeOf(const std::vector<const Metric*>& metrics);

// An interval as a bar, the value as a dot; an infinite end runs off the plot. `interval` may be
// null: the dot alone.
std::string IntervalBar(const PlotRange& range, double value, const Interval* interval);

// A horizontal bar of length share in [0, 1]. `css_class` colours it.
std::string ShareBar(double share, const std::string& css_class);

// Counts on a logarithmic scale, with the clip's lines; what lies outside the clip is coloured
// apart.
std::string HistogramPlot(const LayerQuality& layer);

// The share of rows whose score is at most x, against x on a logarithmic scale, with the conformal
// quantile.
std::string ScorePlot(const ScoreDistribution& distribution);

}  // namespace quantd
