#include "worker/methods/catalogue.h"

namespace quantd::presets::w4_g32 {

const PresetInfo& Info() {
  static const auto* const kInfo = new PresetInfo{
      .id = "w4-g32",
      .summary = "4-bit weights in blocks of 32, finer and a little larger than w4-g128.",
      .recipe = {.weight = {.format = {"int4_sym"},
                            .granularity = {"per_block", {{"block_size", int64_t{32}}}},
                            .range = {"mse"},
                            .rounding = {"nearest"}},
                 .compensations = {{"bias_correction"}},
                 .data = {"random"}}};
  return *kInfo;
}

}  // namespace quantd::presets::w4_g32
