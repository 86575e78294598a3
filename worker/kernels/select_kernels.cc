#include "worker/kernels/select_kernels.h"

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "common/error.h"

namespace quantd {
namespace {

bool HasAvx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

bool HasAvx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}

}  // namespace

std::vector<const KernelTable*> RunnableKernels() {
  std::vector<const KernelTable*> tables;
  if (Avx512Kernels() != nullptr && HasAvx512()) tables.push_back(Avx512Kernels());
  if (Avx2Kernels() != nullptr && HasAvx2()) tables.push_back(Avx2Kernels());
  tables.push_back(ReferenceKernels());
  return tables;
}

absl::StatusOr<const KernelTable*> SelectKernels(absl::string_view isa) {
  const std::vector<const KernelTable*> tables = RunnableKernels();
  if (isa.empty()) return tables.front();
  for (const KernelTable* table : tables) {
    if (isa == table->isa) return table;
  }
  return MakeError(absl::StatusCode::kInvalidArgument, "UNKNOWN_ISA",
                   absl::StrCat("this processor has no kernels named '", isa, "'"));
}

const KernelTable& Kernels() {
  static const KernelTable* const kTable = [] {
    const char* const requested = std::getenv("QUANTD_ISA");
    const absl::StatusOr<const KernelTable*> table = SelectKernels(requested == nullptr ? "" : requested);
    return table.ok() ? *table : RunnableKernels().front();
  }();
  return *kTable;
}

}  // namespace quantd
