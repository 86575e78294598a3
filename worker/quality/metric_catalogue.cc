#include "worker/quality/metric_catalogue.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/error.h"

namespace quantd {

const std::vector<MetricInfo>& MetricCatalogue() {
  static const auto* const kCatalogue = new std::vector<MetricInfo>{
      {"top1_agreement", "Share of rows on which both models name the same best class.", "fraction",
       false, true},
      {"top5_agreement",
       "Share of rows on which the full-precision model's best class is among the quantized "
       "model's "
       "best five.",
       "fraction", false, true},
      {"accuracy_reference", "Share of rows that the full-precision model classifies as labelled.",
       "fraction", true, true},
      {"accuracy_quantized", "Share of rows that the quantized model classifies as labelled.",
       "fraction", true, true},
      {"accuracy_difference",
       "Accuracy of the quantized model minus that of the full-precision one, on the same rows.",
       "fraction", true, true},
      {"top5_accuracy_reference",
       "Share of rows whose label is among the full-precision model's best five classes.",
       "fraction", true, true},
      {"top5_accuracy_quantized",
       "Share of rows whose label is among the quantized model's best five classes.", "fraction",
       true, true},
      {"flips_right_to_wrong",
       "Rows that the full-precision model classifies as labelled and the quantized one does not.",
       "rows", true, true},
      {"flips_wrong_to_right",
       "Rows that the quantized model classifies as labelled and the full-precision one does not.",
       "rows", true, true},
      {"flips_wrong_to_wrong", "Rows that both models get wrong, each in its own way.", "rows",
       true, true},
      {"kl",
       "Mean Kullback-Leibler divergence of the quantized model's class probabilities from the "
       "full-precision ones.",
       "nat", false, true},
      {"cosine", "Mean cosine similarity of both models' outputs, row by row.", "cosine", false,
       false},
      {"sqnr_db", "Signal-to-quantization-noise ratio of the outputs, over all rows together.",
       "dB", false, false},
      {"relative_mse",
       "Squared error of the outputs divided by their squared size, over all rows together.",
       "ratio", false, false},
  };
  return *kCatalogue;
}

absl::Status CheckMetricIds(const std::vector<std::string>& ids, absl::string_view field) {
  const std::vector<MetricInfo>& known = MetricCatalogue();
  std::vector<FieldViolation> violations;
  for (size_t i = 0; i < ids.size(); ++i) {
    const bool found = std::any_of(known.begin(), known.end(),
                                   [&](const MetricInfo& info) { return info.id == ids[i]; });
    if (found) continue;
    violations.push_back(
        {absl::StrCat(field, "[", i, "]"),
         absl::StrCat("there is no metric \"", ids[i].substr(0, 64), "\"; choose from ",
                      absl::StrJoin(known, ", ", [](std::string* out, const MetricInfo& info) {
                        absl::StrAppend(out, info.id);
                      }))});
  }
  return violations.empty() ? absl::OkStatus() : InvalidFields("UNKNOWN_METRIC", violations);
}

}  // namespace quantd
