// Dropout as inference sees it: nothing is dropped, and the mask says so.
#include <algorithm>

#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"

namespace quantd::cpu {
namespace {

// The mask has the data's type until opset 9, is bool since. Since opset 12 inputs say the ratio and whether to train;
// training with a ratio of 0 drops nothing either.
template <bool kBoolMask>
absl::StatusOr<std::unique_ptr<Kernel>> MakeDropout(const KernelContext&) {
  return MakeKernelFrom([](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    const Tensor& x = *inputs[0];
    if (inputs.size() > 2 && inputs[2] != nullptr) {
      if (inputs[2]->dtype() != DataType::kBool) return BadType(*inputs[2], "bool");
      if (inputs[2]->size() != 1) return BadShape("training_mode of Dropout is not one value");
      bool drops = inputs[2]->data<bool>()[0];
      if (drops && inputs[1] != nullptr && inputs[1]->size() == 1 && inputs[1]->dtype() == DataType::kFloat) {
        drops = inputs[1]->data<float>()[0] != 0;
      }
      if (drops) return BadAttribute("Dropout in training mode is random, which is not supported");
    }
    if (outputs.size() > 1) {
      if (!kBoolMask && x.dtype() != DataType::kFloat) return BadType(x, "float");
      ASSIGN_OR_RETURN(Tensor mask, outputs.Make(kBoolMask ? DataType::kBool : DataType::kFloat, x.shape()));
      if constexpr (kBoolMask) {
        std::fill_n(mask.mutable_data<bool>(), mask.size(), true);
      } else {
        std::fill_n(mask.mutable_data<float>(), mask.size(), 1.0f);
      }
      outputs[1] = std::move(mask);
    }
    outputs[0] = x;
    return absl::OkStatus();
  });
}

constexpr KernelEntry kEntries[] = {{"Dropout", 1, &MakeDropout<false>}, {"Dropout", 10, &MakeDropout<true>}};

}  // namespace

std::span<const KernelEntry> DropoutKernels() { return kEntries; }

}  // namespace quantd::cpu
