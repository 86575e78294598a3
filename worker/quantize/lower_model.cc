#include "worker/quantize/lower_model.h"

namespace quantd {

absl::StatusOr<Model> LowerModel(const ExportFormInfo& form, const Model& simulated) {
  if (form.id == "onnx_matmul_nbits") return LowerToMatMulNBits(simulated);
  // The simulation is written with the operators of the other forms.
  return simulated;
}

}  // namespace quantd
