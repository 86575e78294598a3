#include "tests/fuzz/import_and_plan.h"

#include "common/error.h"
#include "common/status_macros.h"
#include "worker/backend/backend.h"
#include "worker/exec/executor.h"
#include "worker/io/onnx/reader.h"
#include "worker/methods/catalogue.h"
#include "worker/quantize/prepare_model.h"
#include "worker/quantize/quantization_plan.h"

namespace quantd::testing {

absl::Status ImportAndPlan(absl::string_view bytes) {
  ASSIGN_OR_RETURN(Model model, ParseOnnxModel(bytes, {}));
  RETURN_IF_ERROR(PrepareModel(model));
  RETURN_IF_ERROR(CompileGraph(model.graph, model.opset(), CpuBackend()).status());
  static const Catalogue* const kCatalogue = new Catalogue(MakeCatalogue());
  ASSIGN_OR_RETURN(const QuantizationPlan plan, PlanQuantization(model.graph, kCatalogue->presets.front()->recipe));
  TensorsToObserve(plan);
  return absl::OkStatus();
}

bool IsTypedOrOk(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kResourceExhausted:
      return !GetErrorDetails(status).reason.empty();
    default:
      return status.ok();
  }
}

}  // namespace quantd::testing
