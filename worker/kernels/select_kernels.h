// Which table of vector kernels runs on this processor.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/kernels/kernel_table.h"

namespace quantd {

// The tables that this processor runs, best first; the reference is last and always there.
std::vector<const KernelTable*> RunnableKernels();

// The best table, or the one named. INVALID_ARGUMENT for a name that no table of this processor has.
absl::StatusOr<const KernelTable*> SelectKernels(absl::string_view isa);

// The table of this process, chosen once: the one that the environment variable QUANTD_ISA names, else (also when
// the name is unknown here) the best.
const KernelTable& Kernels();

}  // namespace quantd
