#include "worker/methods/catalogue.h"

namespace quantd::presets::w4_g128 {

const PresetInfo& Info() {
  static const auto* const kInfo = new PresetInfo{
      .id = "w4-g128",
      .summary = "4-bit weights in blocks of 128; activations stay in full precision.",
      .recipe = {.weight = {.format = {"int4_sym"},
                            .granularity = {"per_block", {{"block_size", int64_t{128}}}},
                            .range = {"mse"},
                            .rounding = {"nearest"}},
                 .compensations = {{"bias_correction"}},
                 .data = {"random"}}};
  return *kInfo;
}

}  // namespace quantd::presets::w4_g128
