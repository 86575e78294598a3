// Activations by the names that fused operators carry.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "worker/kernels/kernel_table.h"

namespace quantd::cpu {

// "" (none), "relu", "gelu_erf", "gelu_tanh", "silu", "sigmoid", "tanh", "hard_swish"; BAD_ATTRIBUTE for another one.
absl::StatusOr<Activation> ParseActivation(const std::string& name);

}  // namespace quantd::cpu
