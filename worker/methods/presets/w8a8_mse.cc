#include "worker/methods/catalogue.h"

namespace quantd::presets::w8a8_mse {

const PresetInfo& Info() {
  static const auto* const kInfo = new PresetInfo{
      .id = "w8a8-mse",
      .summary = "8-bit weights and activations, both clipped where the squared error is least.",
      .recipe = {.weight = {.format = {"int8_sym"},
                            .granularity = {"per_channel"},
                            .range = {"mse"},
                            .rounding = {"nearest"}},
                 .activation = {.format = {"uint8_asym"},
                                .granularity = {"per_tensor"},
                                .range = {"mse"},
                                .rounding = {"nearest"}},
                 .compensations = {{"bias_correction"}},
                 .data = {"random"}}};
  return *kInfo;
}

}  // namespace quantd::presets::w8a8_mse
