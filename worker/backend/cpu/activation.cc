#include "worker/backend/cpu/activation.h"

#include "absl/strings/str_cat.h"
#include "worker/backend/cpu/kernel_support.h"

namespace quantd::cpu {

absl::StatusOr<Activation> ParseActivation(const std::string& name) {
  struct Entry {
    absl::string_view name;
    Activation activation;
  };
  constexpr Entry kEntries[] = {
      {"", Activation::kNone},          {"relu", Activation::kRelu},
      {"gelu_erf", Activation::kGeluErf}, {"gelu_tanh", Activation::kGeluTanh},
      {"silu", Activation::kSilu},      {"sigmoid", Activation::kSigmoid},
      {"tanh", Activation::kTanh},      {"hard_swish", Activation::kHardSwish},
  };
  for (const Entry& entry : kEntries) {
    if (entry.name == name) return entry.activation;
  }
  return BadAttribute(absl::StrCat("there is no activation '", name, "'"));
}

}  // namespace quantd::cpu
