#include "client/cli/layer_view.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_format.h"
#include "client/cli/output.h"

namespace quantd {

void PrintLayers(const v1::QualityReport& report, std::ostream& out) {
  std::vector<const v1::LayerQuality*> layers;
  for (const v1::LayerQuality& layer : report.layers()) layers.push_back(&layer);
  std::stable_sort(layers.begin(), layers.end(),
                   [](const v1::LayerQuality* a, const v1::LayerQuality* b) {
                     return a->sqnr_db() < b->sqnr_db();
                   });
  Table table({"LAYER", "OPERATOR", "SQNR", "COSINE", "WEIGHTS", "CLIP", "OBSERVED"});
  for (const v1::LayerQuality* layer : layers) {
    table.Add({Printable(layer->node()), layer->op_type(),
               absl::StrFormat("%.1f dB", layer->sqnr_db()),
               absl::StrFormat("%.5f", layer->cosine()),
               layer->excluded() ? "full precision" : layer->weight_format(),
               absl::StrFormat("[%.4g, %.4g]", layer->clip_lower(), layer->clip_upper()),
               absl::StrFormat("[%.4g, %.4g]", layer->observed_min(), layer->observed_max())});
  }
  table.Print(out);
}

}  // namespace quantd
