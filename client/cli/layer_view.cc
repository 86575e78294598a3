#include "client/cli/layer_view.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/output.h"

namespace quantd {

namespace {

std::string Words(const std::string& first, const std::string& second) {
  return first.empty() ? "-" : absl::StrCat(first, " ", second);
}

// Weights alone and codes of the run time come without.
std::string Range(const v1::LayerQuality& layer, double lower, double upper) {
  return layer.activation_scale() > 0 ? absl::StrFormat("[%.4g, %.4g]", lower, upper) : "-";
}

}  // namespace

void PrintLayers(const v1::QualityReport& report, std::ostream& out) {
  std::vector<const v1::LayerQuality*> layers;
  for (const v1::LayerQuality& layer : report.layers()) layers.push_back(&layer);
  std::stable_sort(layers.begin(), layers.end(),
                   [](const v1::LayerQuality* a, const v1::LayerQuality* b) {
                     return a->sqnr_db() < b->sqnr_db();
                   });
  Table table({"LAYER", "OPERATOR", "SQNR", "COSINE", "WEIGHTS", "INPUT", "CLIP", "OBSERVED"});
  for (const v1::LayerQuality* layer : layers) {
    table.Add({Printable(layer->node()), layer->op_type(),
               absl::StrFormat("%.1f dB", layer->sqnr_db()),
               absl::StrFormat("%.5f", layer->cosine()),
               layer->excluded() ? "full precision" : Printable(Words(layer->weight_format(), layer->weight_granularity())),
               Printable(Words(layer->activation_format(), layer->activation_range())),
               Range(*layer, layer->clip_lower(), layer->clip_upper()),
               Range(*layer, layer->observed_min(), layer->observed_max())});
  }
  table.Print(out);
}

}  // namespace quantd
