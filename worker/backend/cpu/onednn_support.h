// What the files that call oneDNN share. Included by them alone.
#pragma once

#include <dnnl.hpp>

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "worker/backend/cpu/window.h"

namespace quantd::cpu {

absl::Status FromOneDnn(const dnnl::error& error);
// The processor. Lives for ever.
const dnnl::engine& OneDnnEngine();
// Memory of the caller's; oneDNN takes no const pointer, but does not write to sources.
dnnl::memory WrapMemory(const dnnl::memory::desc& desc, const void* data);
// oneDNN wants the padding that the last window really reaches into, even when that is negative.
dnnl::memory::dims WindowPadsEnd(const Window& window, const std::vector<int64_t>& input);
// The window's dilations, which oneDNN counts from 0.
dnnl::memory::dims WindowDilates(const Window& window);

}  // namespace quantd::cpu
