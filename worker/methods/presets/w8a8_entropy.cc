#include "worker/methods/catalogue.h"

namespace quantd::presets::w8a8_entropy {

const PresetInfo& Info() {
  static const auto* const kInfo = new PresetInfo{
      .id = "w8a8-entropy",
      .summary = "8-bit weights and activations; activations clipped where the KL divergence is least.",
      .recipe = {.weight = {.format = {"int8_sym"},
                            .granularity = {"per_channel"},
                            .range = {"minmax"},
                            .rounding = {"nearest"}},
                 .activation = {.format = {"uint8_asym"},
                                .granularity = {"per_tensor"},
                                .range = {"entropy"},
                                .rounding = {"nearest"}},
                 .compensations = {{"bias_correction"}},
                 .data = {"random"}}};
  return *kInfo;
}

}  // namespace quantd::presets::w8a8_entropy
