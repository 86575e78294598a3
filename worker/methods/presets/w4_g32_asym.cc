#include "worker/methods/catalogue.h"

namespace quantd::presets::w4_g32_asym {

const PresetInfo& Info() {
  static const auto* const kInfo = new PresetInfo{
      .id = "w4-g32-asym",
      .summary = "4-bit weights in blocks of 32, each with a zero point of its own.",
      .recipe = {.weight = {.format = {"uint4_asym"},
                            .granularity = {"per_block", {{"block_size", int64_t{32}}}},
                            .range = {"mse"},
                            .rounding = {"nearest"}},
                 .compensations = {{"bias_correction"}},
                 .data = {"random"}}};
  return *kInfo;
}

}  // namespace quantd::presets::w4_g32_asym
