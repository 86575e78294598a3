#include "worker/methods/catalogue.h"

namespace quantd::presets::w8 {

const PresetInfo& Info() {
  static const auto* const kInfo = new PresetInfo{
      .id = "w8",
      .summary = "8-bit weights, one scale a channel; activations stay in full precision.",
      .recipe = {.weight = {.format = {"int8_sym"},
                            .granularity = {"per_channel"},
                            .range = {"mse"},
                            .rounding = {"nearest"}},
                 .compensations = {{"bias_correction"}},
                 .data = {"random"}}};
  return *kInfo;
}

}  // namespace quantd::presets::w8
