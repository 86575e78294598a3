// What oneDNN runs on, after what ONEDNN_MAX_CPU_ISA allows.
#include <dnnl.h>

#include <algorithm>
#include <iterator>

#include "worker/backend/backend.h"

namespace quantd {
namespace {

struct IsaName {
  dnnl_cpu_isa_t isa;
  const char* name;
  bool exact;
};

constexpr IsaName kIsas[] = {{dnnl_cpu_isa_sse41, "SSE4.1", false},
                             {dnnl_cpu_isa_avx, "AVX", false},
                             {dnnl_cpu_isa_avx2, "AVX2", false},
                             {dnnl_cpu_isa_avx2_vnni, "AVX2 with VNNI", true},
                             {dnnl_cpu_isa_avx512_core, "AVX-512", false},
                             {dnnl_cpu_isa_avx512_core_vnni, "AVX-512 with VNNI", true},
                             {dnnl_cpu_isa_avx512_core_bf16, "AVX-512 with VNNI and bf16", true},
                             {dnnl_cpu_isa_avx512_core_amx, "AVX-512 with AMX", true}};

const IsaName* FindIsa() {
  const dnnl_cpu_isa_t effective = dnnl_get_effective_cpu_isa();
  const auto* const it = std::find_if(std::begin(kIsas), std::end(kIsas),
                                      [&](const IsaName& entry) { return entry.isa == effective; });
  return it == std::end(kIsas) ? nullptr : it;
}

}  // namespace

std::string CpuInstructionSet() {
  const IsaName* const isa = FindIsa();
  return isa == nullptr ? "an unknown instruction set" : isa->name;
}

bool CpuSumsBytesExactly() {
  const IsaName* const isa = FindIsa();
  return isa != nullptr && isa->exact;
}

}  // namespace quantd
