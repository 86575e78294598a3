#include "worker/quantize/prepare_model.h"

#include "common/status_macros.h"
#include "worker/backend/backend.h"
#include "worker/exec/fold_constants.h"
#include "worker/exec/operator_support.h"
#include "worker/graph/rewrites/convert_opset.h"
#include "worker/graph/rewrites/fold_batch_norm.h"
#include "worker/graph/rewrites/fold_conv_add.h"
#include "worker/graph/rewrites/remove_identities.h"

namespace quantd {
namespace {

// Per-axis QuantizeLinear and DequantizeLinear exist from here on.
constexpr int64_t kOpsetMin = 13;

}  // namespace

absl::Status PrepareModel(Model& model) {
  if (const absl::Status raised = RaiseOpset(model, kOpsetMin); !raised.ok()) {
    // Of operators that we lack in any version a list of all says more than the first that has no newer form.
    RETURN_IF_ERROR(CheckSupport(model.graph, model.opset(), CpuBackend()));
    return raised;
  }
  Graph& graph = model.graph;
  RETURN_IF_ERROR(RemoveIdentities(graph));
  RETURN_IF_ERROR(FoldConstants(graph, model.opset(), CpuBackend()));
  RETURN_IF_ERROR(FoldBatchNorm(graph));
  RETURN_IF_ERROR(FoldConvAdd(graph));
  RemoveDeadNodes(graph);
  return absl::OkStatus();
}

}  // namespace quantd
