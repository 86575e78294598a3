#include "worker/methods/catalogue.h"

namespace quantd::presets::w8a8_percentile {

const PresetInfo& Info() {
  static const auto* const kInfo = new PresetInfo{
      .id = "w8a8-percentile",
      .summary = "8-bit weights and activations; activations clipped at the 99.99 % quantiles.",
      .recipe = {.weight = {.format = {"int8_sym"},
                            .granularity = {"per_channel"},
                            .range = {"minmax"},
                            .rounding = {"nearest"}},
                 .activation = {.format = {"uint8_asym"},
                                .granularity = {"per_tensor"},
                                .range = {"percentile"},
                                .rounding = {"nearest"}},
                 .compensations = {{"bias_correction"}},
                 .data = {"random"}}};
  return *kInfo;
}

}  // namespace quantd::presets::w8a8_percentile
