#include "worker/quality/html_layers.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "worker/quality/html_plots.h"
#include "worker/quality/html_text.h"

namespace quantd {
namespace {

constexpr size_t kCardsMax = 6;

// Quantized layers from the lowest SQNR up; graph order among equals.
std::vector<const LayerQuality*> WorstFirst(const QualityReport& report) {
  std::vector<const LayerQuality*> layers;
  for (const LayerQuality& layer : report.layers) {
    if (!layer.excluded) layers.push_back(&layer);
  }
  // NaN would break the order's promise; it counts as the worst there is.
  const auto key = [](const LayerQuality* layer) {
    return std::isnan(layer->sqnr_db) ? -INFINITY : layer->sqnr_db;
  };
  std::stable_sort(layers.begin(), layers.end(),
                   [&](const LayerQuality* a, const LayerQuality* b) { return key(a) < key(b); });
  return layers;
}

// About a quarter of the layers, at most as many as get a card.
size_t HighlightedCount(size_t layers) {
  return std::min({kCardsMax, layers, std::max<size_t>(1, layers / 4)});
}

std::string Decibels(double value) { return InUnit(value, "dB", false); }

// The start and the longer end of a name: nodes of one model differ at the end.
std::string ShortName(const std::string& name) {
  constexpr size_t kBytesMax = 30;
  constexpr size_t kHead = 8;
  if (name.size() <= kBytesMax) return name;
  const auto is_continuation = [&](size_t i) {
    return (static_cast<unsigned char>(name[i]) & 0xc0) == 0x80;
  };
  size_t head = kHead;
  while (head > 0 && is_continuation(head)) --head;
  size_t tail = name.size() - (kBytesMax - kHead - 1);
  while (tail < name.size() && is_continuation(tail)) ++tail;
  return absl::StrCat(name.substr(0, head), "\xe2\x80\xa6", name.substr(tail));
}

std::string SqnrRow(const LayerQuality& layer, double top, bool worst) {
  const std::string name = EscapeHtml(layer.node);
  const double share = layer.excluded ? 0 : layer.sqnr_db / top;
  return absl::StrCat("<div class=\"layer", worst ? " worst" : "", "\"><code title=\"", name, "\">",
                      EscapeHtml(ShortName(layer.node)), "</code>",
                      ShareBar(share, layer.excluded ? "bar quiet"
                                      : worst        ? "bar worst"
                                                     : "bar"),
                      "<span class=\"db\">", layer.excluded ? "kept" : Decibels(layer.sqnr_db),
                      "</span></div>");
}

// In words, the share of observed values outside the clip, from the histogram's bins: an estimate
// to a bin's width.
std::string ClippedShare(const LayerQuality& layer) {
  const ActivationHistogram& histogram = layer.histogram;
  double all = 0;
  double outside = 0;
  const double width = (histogram.upper - histogram.lower) /
                       static_cast<double>(std::max<size_t>(1, histogram.counts.size()));
  for (size_t i = 0; i < histogram.counts.size(); ++i) {
    const double centre = histogram.lower + width * (static_cast<double>(i) + 0.5);
    const double count = static_cast<double>(histogram.counts[i]);
    all += count;
    if (centre < layer.clip_lower || centre > layer.clip_upper) outside += count;
  }
  if (!(all > 0)) return "";
  if (outside == 0) return ", none clipped";
  const double percent = 100 * outside / all;
  return percent < 0.01 ? ", under 0.01 % clipped"
                        : absl::StrFormat(", \xe2\x89\x88%.2f %% clipped", percent);
}

// Weights alone and codes of the run time come without.
bool HasRange(const LayerQuality& layer) { return layer.activation_scale > 0; }

std::string LayerCard(const LayerQuality& layer, bool worst) {
  std::string facts = EscapeHtml(layer.op_type);
  if (layer.excluded) {
    absl::StrAppend(&facts, ", kept in full precision");
  } else {
    absl::StrAppend(
        &facts, ", <b", worst ? " class=\"low\"" : "", ">", Decibels(layer.sqnr_db),
        "</b>, cosine ", InUnit(layer.cosine, "cosine", false), "<br>",
        // A product of two activations has none.
        layer.weight_format.empty() ? "no weights"
                                    : absl::StrCat("weights ", EscapeHtml(layer.weight_format), " ",
                                                   EscapeHtml(layer.weight_granularity)),
        "<br>input ",
        layer.activation_format.empty() ? "in full precision" : EscapeHtml(layer.activation_format), " ",
        EscapeHtml(layer.activation_range));
    if (HasRange(layer)) {
      absl::StrAppend(&facts, ", scale ", Figure(layer.activation_scale), ", zero point ",
                      GroupedNumber(layer.activation_zero_point), "<br>seen ", Figure(layer.observed_min), " to ",
                      Figure(layer.observed_max), ClippedShare(layer));
    }
  }
  const bool plot = !layer.histogram.counts.empty();
  return absl::StrCat("<article class=\"card\"><h3>", EscapeHtml(layer.node),
                      "</h3><p class=\"facts\">", facts, "</p>", plot ? HistogramPlot(layer) : "",
                      "</article>");
}

}  // namespace

std::string LayersSection(const QualityReport& report) {
  if (report.layers.empty()) return "";
  const std::vector<const LayerQuality*> ordered = WorstFirst(report);
  const size_t highlighted = HighlightedCount(ordered.size());
  const auto is_worst = [&](const LayerQuality& layer) {
    return std::find(ordered.begin(), ordered.begin() + static_cast<ptrdiff_t>(highlighted),
                     &layer) != ordered.begin() + static_cast<ptrdiff_t>(highlighted);
  };
  double top = 10;
  for (const LayerQuality* layer : ordered) {
    if (std::isfinite(layer->sqnr_db)) top = std::max(top, layer->sqnr_db);
  }

  std::string html = absl::StrCat(
      "<section><h2>Layers</h2><p class=\"lead\">Signal-to-quantization-noise ratio at each "
      "layer\xe2"
      "\x80\x99s output on held-out rows, in graph order. Higher is better; 6 dB more halve the "
      "error.</p><p class=\"legend\"><span><i class=\"key worst\"></i>lowest ",
      highlighted, "</span><span><i class=\"key\"></i>others</span>");
  if (ordered.size() < report.layers.size()) {
    absl::StrAppend(&html, "<span><i class=\"key quiet\"></i>kept in full precision</span>");
  }
  absl::StrAppend(&html, "</p><div class=\"layers\">");
  for (const LayerQuality& layer : report.layers) {
    absl::StrAppend(&html, SqnrRow(layer, top, is_worst(layer)));
  }
  absl::StrAppend(&html,
                  "</div></section><section>",
                  std::any_of(report.layers.begin(), report.layers.end(), HasRange)
                      ? "<h2>Ranges of the lowest layers</h2><p class=\"lead\">"
                        "Values that reach each layer in calibration, counts on a logarithmic scale. The "
                        "tinted band lies between the clip lines; values beyond are cut to them.</p>"
                      : "<h2>The lowest layers</h2>",
                  "<div class=\"cards\">");
  const size_t cards = std::min(kCardsMax, ordered.size());
  for (size_t i = 0; i < cards; ++i) {
    absl::StrAppend(&html, LayerCard(*ordered[i], is_worst(*ordered[i])));
  }
  absl::StrAppend(&html, "</div>");
  const size_t rest = report.layers.size() - cards;
  if (rest > 0) {
    absl::StrAppend(&html, "<details><summary>The other ", rest, rest == 1 ? " layer" : " layers",
                    "</summary><div class=\"cards\">");
    for (const LayerQuality& layer : report.layers) {
      const auto shown = ordered.begin() + static_cast<ptrdiff_t>(cards);
      if (std::find(ordered.begin(), shown, &layer) == shown) {
        absl::StrAppend(&html, LayerCard(layer, false));
      }
    }
    absl::StrAppend(&html, "</div></details>");
  }
  return absl::StrCat(html, "</section>");
}

}  // namespace quantd
