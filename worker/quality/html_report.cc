#include "worker/quality/html_report.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/stats/fraction.h"
#include "worker/quality/html_layers.h"
#include "worker/quality/html_plots.h"
#include "worker/quality/html_style.h"
#include "worker/quality/html_text.h"

namespace quantd {
namespace {

bool Applies(const Metric* metric) {
  return metric != nullptr && metric->status == MetricStatus::kOk;
}

const Interval* IntervalFor(const Metric& metric, IntervalTarget target) {
  for (const Interval& interval : metric.intervals) {
    if (interval.target == target) return &interval;
  }
  return nullptr;
}

std::string ValueOf(const Metric& metric) {
  return InUnit(metric.value, metric.unit, IsDifference(metric.id));
}

// "3.6 times smaller", from the two sizes; empty when they are not known.
std::string SizeWords(const ModelSizes& sizes) {
  if (sizes.original_bytes <= 0 || sizes.quantized_bytes <= 0) return "";
  const double times =
      static_cast<double>(sizes.original_bytes) / static_cast<double>(sizes.quantized_bytes);
  if (times >= 1.05) return absl::StrFormat("%.1f times smaller", times);
  if (times <= 1 / 1.05) return absl::StrFormat("%.1f times larger", 1 / times);
  return "about as large";
}

std::string AccuracyWords(const Metric& difference) {
  const double points = 100 * difference.value;
  std::string text;
  if (std::abs(points) < 0.005) {
    text = "its accuracy is unchanged";
  } else {
    text = absl::StrFormat("its accuracy is <b>%.2f points %s</b>", std::abs(points),
                           points < 0 ? "lower" : "higher");
  }
  if (const Interval* interval = IntervalFor(difference, IntervalTarget::kPopulationMean)) {
    absl::StrAppend(&text, " (", CoveragePercent(interval->alpha), " % interval ",
                    IntervalWords(*interval, difference.unit, true), ")");
  }
  return text;
}

// What a reader who stops after one paragraph should know.
std::string Verdict(const QualityReport& report) {
  std::vector<std::string> sentences;
  const Metric* agreement = FindMetric(report, "top1_agreement");
  const Metric* difference = FindMetric(report, "accuracy_difference");
  const Metric* sqnr = FindMetric(report, "sqnr_db");
  if (Applies(agreement)) {
    std::string text =
        absl::StrCat("On ", GroupedNumber(agreement->n),
                     " held-out rows the quantized model gives the original\xe2\x80\x99s"
                     " answer on <b>",
                     ValueOf(*agreement), "</b> of them");
    if (Applies(difference)) absl::StrAppend(&text, ", and ", AccuracyWords(*difference));
    sentences.push_back(text + ".");
  } else if (Applies(sqnr)) {
    sentences.push_back(
        absl::StrCat("On ", GroupedNumber(sqnr->n),
                     " held-out rows the quantized model\xe2\x80\x99s outputs follow "
                     "the original\xe2\x80\x99s with a signal-to-noise ratio of <b>",
                     ValueOf(*sqnr), "</b>."));
  } else {
    sentences.push_back("No metric of the quantized model\xe2\x80\x99s outputs could be measured.");
  }
  const std::string size = SizeWords(report.sizes);
  if (!size.empty()) sentences.push_back(absl::StrCat("The file is <b>", size, "</b>."));
  return absl::StrJoin(sentences, " ");
}

std::string Tile(const std::string& name, const std::string& big, const std::string& note) {
  return absl::StrCat("<div class=\"tile\"><p class=\"name\">", name, "</p><p class=\"big\">", big,
                      "</p><p class=\"note\">", note, "</p></div>");
}

std::string MetricTile(const QualityReport& report, const std::string& id) {
  const Metric* metric = FindMetric(report, id);
  if (!Applies(metric)) return "";
  const Interval* interval = IntervalFor(*metric, IntervalTarget::kPopulationMean);
  return Tile(
      MetricTitle(id), ValueOf(*metric),
      interval == nullptr ? "" : IntervalWords(*interval, metric->unit, IsDifference(metric->id)));
}

// Up to four figures: agreement, accuracy or what stands in for it, the bound for a new row, the
// size.
std::string Tiles(const QualityReport& report) {
  std::vector<std::string> tiles;
  const auto add = [&](std::string tile) {
    if (!tile.empty() && tiles.size() < 4) tiles.push_back(std::move(tile));
  };
  add(MetricTile(report, "top1_agreement"));
  add(MetricTile(report, "accuracy_quantized"));
  if (const Metric* kl = FindMetric(report, "kl"); Applies(kl)) {
    if (const Interval* interval = IntervalFor(*kl, IntervalTarget::kNewSample)) {
      add(Tile("Divergence of a new row",
               interval->upper_infinite
                   ? "unbounded"
                   : "\xe2\x89\xa4 " + InUnit(interval->upper, kl->unit, false),
               absl::StrCat("with probability at least ", CoveragePercent(interval->alpha), " %")));
    }
  }
  if (report.sizes.original_bytes > 0 && report.sizes.quantized_bytes > 0) {
    add(Tile("Size", ByteSize(report.sizes.quantized_bytes),
             absl::StrCat("was ", ByteSize(report.sizes.original_bytes))));
  }
  for (const char* id : {"sqnr_db", "cosine", "relative_mse"}) {
    if (tiles.size() < 4) add(MetricTile(report, id));
  }
  return tiles.empty() ? ""
                       : absl::StrCat("<div class=\"tiles\">", absl::StrJoin(tiles, ""), "</div>");
}

std::string Warnings(const QualityReport& report) {
  if (report.warnings.empty()) return "";
  std::string html = "<div class=\"warnings\"><h2>Worth knowing</h2><ul>";
  for (const std::string& warning : report.warnings) {
    absl::StrAppend(&html, "<li>", EscapeHtml(warning), "</li>");
  }
  return absl::StrCat(html, "</ul></div>");
}

// Metrics of one kind share an axis, so that their bars can be read against each other.
PlotRange AxisOf(const QualityReport& report, const Metric& metric) {
  const auto kind = [](const Metric& one) {
    return IsDifference(one.id) || (one.unit != "fraction" && one.unit != "rows") ? one.id
                                                                                  : one.unit;
  };
  std::vector<const Metric*> members;
  for (const Metric& other : report.metrics) {
    if (Applies(&other) && kind(other) == kind(metric)) members.push_back(&other);
  }
  return RangeOf(members);
}

// One interval: its ends in words, its bar, and what it promises.
std::string Evidence(const Metric& metric, const Interval& interval, const PlotRange& axis,
                     const std::string& common_population) {
  const bool difference = IsDifference(metric.id);
  // A prediction bound is about one row, so the mean's dot does not belong on it.
  const bool is_mean = interval.target == IntervalTarget::kPopulationMean;
  std::string html =
      absl::StrCat("<div class=\"evidence\"><div><p class=\"ends\">",
                   IntervalWords(interval, metric.unit, difference), "</p>",
                   IntervalBar(axis, is_mean ? metric.value : NAN, &interval),
                   "<p class=\"scale\"><span>", AxisLabel(axis.lower, metric.unit, difference),
                   "</span><span>", AxisLabel(axis.upper, metric.unit, difference),
                   "</span></p></div><p class=\"promise\">", PromiseWords(interval));
  if (interval.population != common_population) {
    absl::StrAppend(&html, " <span class=\"how\">Population: ", EscapeHtml(interval.population),
                    ".</span>");
  }
  return absl::StrCat(html, "</p></div>");
}

std::string MetricRow(const QualityReport& report, const Metric& metric,
                      const std::string& common_population) {
  std::string html = absl::StrCat(
      "<div class=\"metric\" id=\"metric-", EscapeHtml(metric.id), "\"><div><p class=\"title\">",
      MetricTitle(metric.id), "</p><p class=\"sub\">", EscapeHtml(metric.summary), " <code>",
      EscapeHtml(metric.id), "</code></p></div><p class=\"value\">", ValueOf(metric), "</p><div>");
  const PlotRange axis = AxisOf(report, metric);
  for (const Interval& interval : metric.intervals) {
    absl::StrAppend(&html, Evidence(metric, interval, axis, common_population));
  }
  if (metric.intervals.empty()) {
    absl::StrAppend(&html, "<p class=\"promise\">No interval; n = ", GroupedNumber(metric.n),
                    ".</p>");
  }
  return absl::StrCat(html, "</div></div>");
}

std::string MetricsSection(const QualityReport& report) {
  std::string population;
  for (const Metric& metric : report.metrics) {
    if (Applies(&metric) && population.empty()) population = metric.population;
  }
  std::string html = "<section><h2>Figures</h2><p class=\"lead\">";
  if (!population.empty()) {
    absl::StrAppend(&html, "Each figure and its interval speak of ", EscapeHtml(population),
                    ". Each interval keeps its level on its own; together they promise less.");
  }
  absl::StrAppend(&html, "</p>");
  std::string absent;
  for (const Metric& metric : report.metrics) {
    if (Applies(&metric)) {
      absl::StrAppend(&html, MetricRow(report, metric, population));
    } else {
      absl::StrAppend(&absent, "<dt id=\"metric-", EscapeHtml(metric.id), "\"><code>",
                      EscapeHtml(metric.id), "</code></dt><dd>", EscapeHtml(metric.status_detail),
                      "</dd>");
    }
  }
  if (!absent.empty()) {
    absl::StrAppend(&html, "<details><summary>Not measured</summary><dl>", absent,
                    "</dl></details>");
  }
  return absl::StrCat(html, "</section>");
}

std::string ScoreSection(const QualityReport& report) {
  const ScoreDistribution& distribution = report.score_distribution;
  if (distribution.sorted_scores.empty()) return "";
  const std::string level = CoveragePercent(distribution.alpha);
  std::string caption;
  if (distribution.conformal_quantile_infinite) {
    caption = absl::StrCat("There are too few rows to bound a new row with probability ", level,
                           " %: the bound is infinite.");
  } else {
    caption =
        absl::StrCat("A new row from the same population stays at or below <b>",
                     Figure(distribution.conformal_quantile), "</b> with probability at least ",
                     level, " %, whatever the distribution.");
  }
  return absl::StrCat(
      "<section><h2>A new row</h2><p class=\"lead\">Share of held-out rows with at "
      "most a given score: ",
      EscapeHtml(distribution.score), ".</p><figure class=\"wide\">", ScorePlot(distribution),
      "<figcaption>", caption, "</figcaption></figure></section>");
}

std::string SizesSection(const ModelSizes& sizes) {
  const double most =
      static_cast<double>(std::max<int64_t>({1, sizes.original_bytes, sizes.quantized_bytes}));
  const auto row = [&](const char* name, int64_t bytes, const char* css_class) {
    return absl::StrCat("<span>", name, "</span>",
                        ShareBar(static_cast<double>(bytes) / most, css_class),
                        "<span class=\"end-note\">", ByteSize(bytes), "</span>");
  };
  return absl::StrCat(
      "<section><h2>Size</h2><p class=\"lead\">", GroupedNumber(sizes.quantized_parameters), " of ",
      GroupedNumber(sizes.parameters), " parameters are quantized; the file shrinks to ",
      absl::StrFormat("%.3f", sizes.ratio), " of its size.</p><div class=\"rows\">",
      row("Original", sizes.original_bytes, "bar quiet"),
      row("Quantized", sizes.quantized_bytes, "bar"), "</div></section>");
}

std::string ParamText(const ParamValue& value) {
  if (const bool* flag = std::get_if<bool>(&value)) return *flag ? "yes" : "no";
  if (const int64_t* integer = std::get_if<int64_t>(&value)) return absl::StrCat(*integer);
  if (const double* number = std::get_if<double>(&value)) return absl::StrCat(*number);
  return std::get<std::string>(value);
}

std::string ComponentText(const Component& component) {
  if (component.params.empty()) return component.id;
  return absl::StrCat(component.id, "(",
                      absl::StrJoin(component.params, ", ",
                                    [](std::string* out, const auto& param) {
                                      absl::StrAppend(out, param.first, "=",
                                                      ParamText(param.second));
                                    }),
                      ")");
}

std::string TensorRecipeText(const TensorRecipe& recipe) {
  std::vector<std::string> parts;
  for (const Component* part :
       {&recipe.format, &recipe.granularity, &recipe.range, &recipe.rounding}) {
    if (!part->id.empty()) parts.push_back(ComponentText(*part));
  }
  return absl::StrJoin(parts, ", ");
}

std::string Entry(const std::string& name, const std::string& value_html) {
  if (value_html.empty()) return "";
  return absl::StrCat("<dt>", EscapeHtml(name), "</dt><dd>", value_html, "</dd>");
}

std::string Code(const std::string& text) {
  return text.empty() ? "" : absl::StrCat("<code>", EscapeHtml(text), "</code>");
}

std::string FactsSection(const std::string& title, const std::string& entries) {
  if (entries.empty()) return "";
  return absl::StrCat("<section><h2>", title, "</h2><dl>", entries, "</dl></section>");
}

std::string RecipeSection(const Recipe& recipe) {
  std::string html;
  const auto listed = [&](const char* name, const std::vector<Component>& components) {
    std::vector<std::string> texts;
    for (const Component& component : components) texts.push_back(ComponentText(component));
    absl::StrAppend(&html, Entry(name, EscapeHtml(absl::StrJoin(texts, ", "))));
  };
  listed("Transforms", recipe.transforms);
  absl::StrAppend(&html, Entry("Weights", EscapeHtml(TensorRecipeText(recipe.weight))),
                  Entry("Activations", EscapeHtml(TensorRecipeText(recipe.activation))));
  listed("Compensation", recipe.compensations);
  absl::StrAppend(&html, Entry("Allocation", EscapeHtml(ComponentText(recipe.allocation))),
                  Entry("Data choice", EscapeHtml(ComponentText(recipe.data))));
  listed("Recovery", recipe.recoveries);
  for (const LayerRule& rule : recipe.rules) {
    std::string sets;
    for (const auto& [name, part] : {std::pair("weights", &rule.weight), std::pair("activations", &rule.activation)}) {
      if (*part != TensorRecipe()) absl::StrAppend(&sets, "; ", name, " ", EscapeHtml(TensorRecipeText(*part)));
    }
    const char* const title = rule.exclude ? "Kept exact" : sets.empty() ? "Not excluded" : "Rule";
    absl::StrAppend(&html, Entry(title, absl::StrCat("type ", Code(rule.op_type.empty() ? "*" : rule.op_type), ", node ",
                                                     Code(rule.node_name.empty() ? "*" : rule.node_name), sets)));
  }
  return FactsSection("Recipe", html);
}

std::string DataSection(const DataUse& use) {
  return FactsSection(
      "Data", absl::StrCat(Entry("Source", EscapeHtml(use.source)),
                           Entry("Rows", GroupedNumber(use.rows_total)),
                           Entry("Calibration", GroupedNumber(use.calibration_rows) + " rows"),
                           Entry("Evaluation", GroupedNumber(use.evaluation_rows) +
                                                   " rows, none of them in calibration"),
                           Entry("Labels", use.labelled ? "yes" : "none"),
                           Entry("Split seed", absl::StrCat(use.split_seed)),
                           Entry("Calibration rows", Code(use.calibration_rows_digest)),
                           Entry("Evaluation rows", Code(use.evaluation_rows_digest))));
}

std::string TimingSection(const QualityReport& report) {
  double total = 0;
  std::string entries;
  for (const StageTiming& timing : report.timings) {
    total += timing.seconds;
    absl::StrAppend(&entries, Entry(timing.stage, Seconds(timing.seconds)));
  }
  if (entries.empty()) return "";
  return FactsSection("Time", absl::StrCat(entries, Entry("all stages", Seconds(total))));
}

std::string ProvenanceSection(const QualityReport& report) {
  std::string entries = Entry("Engine", EscapeHtml(report.engine_version));
  for (const InputDigest& input : report.inputs) {
    absl::StrAppend(&entries, Entry(input.role, absl::StrCat(EscapeHtml(input.name), "<br>",
                                                             Code(input.digest))));
  }
  return FactsSection("Provenance", entries);
}

}  // namespace

std::string RenderHtmlReport(const QualityReport& report) {
  const std::string name = EscapeHtml(report.model_name);
  // The policy forbids every load: what is not in this file can not be fetched, whatever a name
  // smuggles in.
  return absl::StrCat(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
      "<title>",
      name, ": quality report</title><style>", kReportStyle, "</style></head><body><main><header>",
      "<p class=\"eyebrow\">Quality of the quantized model</p><h1>", name,
      "</h1><p class=\"recipe\">", EscapeHtml(report.recipe_summary), "</p><p class=\"verdict\">",
      Verdict(report), "</p>", Tiles(report), Warnings(report), "</header>", MetricsSection(report),
      ScoreSection(report), LayersSection(report), SizesSection(report.sizes),
      "<div class=\"facts-grid\">", RecipeSection(report.recipe), DataSection(report.data_use),
      ProvenanceSection(report), TimingSection(report), "</div><footer>Made by quantd ",
      EscapeHtml(report.engine_version),
      ". This file is complete: it loads nothing and runs no "
      "script.</footer></main></body></html>\n");
}

}  // namespace quantd
