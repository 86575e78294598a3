// Between an executor and a kernel: hands over only what the kernel's row says that it takes.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "worker/backend/cpu/kernel_support.h"

namespace quantd::cpu {

// The kernel of `entry` for `context`, which casts floating-point types and refuses other values as `entry.takes` says.
// Constants are cast once, here.
//
// Errors: those of entry.make. Run(): UNSUPPORTED_TYPE for what is refused, and what the kernel returns.
absl::StatusOr<std::unique_ptr<Kernel>> MakeGuardedKernel(const KernelEntry& entry, const KernelContext& context);

}  // namespace quantd::cpu
