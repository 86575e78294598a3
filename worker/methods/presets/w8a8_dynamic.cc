#include "worker/methods/catalogue.h"

namespace quantd::presets::w8a8_dynamic {

const PresetInfo& Info() {
  static const auto* const kInfo = new PresetInfo{
      .id = "w8a8-dynamic",
      .summary = "8-bit weights; activations of MatMul and Gemm get 8-bit codes at run time, from their own values.",
      .recipe = {.weight = {.format = {"uint8_sym"},
                            .granularity = {"per_channel"},
                            .range = {"mse"},
                            .rounding = {"nearest"}},
                 .activation = {.format = {"uint8_asym"},
                                .granularity = {"per_tensor"},
                                .range = {"dynamic"},
                                .rounding = {"nearest"}},
                 .compensations = {{"bias_correction"}},
                 .data = {"random"}}};
  return *kInfo;
}

}  // namespace quantd::presets::w8a8_dynamic
