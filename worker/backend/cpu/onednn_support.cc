#include "worker/backend/cpu/onednn_support.h"

#include "absl/strings/str_cat.h"
#include "common/error.h"

namespace quantd::cpu {

absl::Status FromOneDnn(const dnnl::error& error) {
  const absl::StatusCode code = error.status == dnnl_out_of_memory
                                    ? absl::StatusCode::kResourceExhausted
                                    : absl::StatusCode::kInternal;
  return MakeError(code, "ONEDNN", absl::StrCat("oneDNN: ", error.what()));
}

const dnnl::engine& OneDnnEngine() {
  static const auto* const kEngine = new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return *kEngine;
}

dnnl::memory WrapMemory(const dnnl::memory::desc& desc, const void* data) {
  return dnnl::memory(desc, OneDnnEngine(), const_cast<void*>(data));
}

dnnl::memory::dims WindowPadsEnd(const Window& window, const std::vector<int64_t>& input) {
  dnnl::memory::dims pads_end = window.pads_end;
  for (size_t axis = 0; axis < pads_end.size(); ++axis) {
    pads_end[axis] = (window.output[axis] - 1) * window.strides[axis] +
                     (window.kernel[axis] - 1) * window.dilations[axis] + 1 - input[axis + 2] -
                     window.pads_begin[axis];
  }
  return pads_end;
}

dnnl::memory::dims WindowDilates(const Window& window) {
  dnnl::memory::dims dilates = window.dilations;
  for (auto& dilate : dilates) --dilate;
  return dilates;
}

}  // namespace quantd::cpu
