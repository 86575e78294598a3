#include "worker/methods/catalogue.h"

namespace quantd::presets::w8a8_minmax {

const PresetInfo& Info() {
  static const auto* const kInfo = new PresetInfo{
      .id = "w8a8-minmax",
      .summary = "8-bit weights and activations over the full observed ranges.",
      .recipe = {.weight = {.format = {"int8_sym"},
                            .granularity = {"per_channel"},
                            .range = {"minmax"},
                            .rounding = {"nearest"}},
                 .activation = {.format = {"uint8_asym"},
                                .granularity = {"per_tensor"},
                                .range = {"minmax"},
                                .rounding = {"nearest"}},
                 .compensations = {{"bias_correction"}},
                 .data = {"random"}}};
  return *kInfo;
}

}  // namespace quantd::presets::w8a8_minmax
