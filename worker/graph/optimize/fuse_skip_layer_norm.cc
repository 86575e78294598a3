// Add(x, r) in front of a quantd.LayerNormalization: the rows are added where they are normalized. It pays for every
// sum that is left, since the alternative reads and writes the whole tensor once more. The sum stays an output where
// somebody else reads it, as the next residual does.
#include <string>
#include <utility>

#include "worker/graph/optimize/passes.h"
#include "worker/graph/optimize/rewriter.h"

namespace quantd::optimize {
namespace {

void Fuse(Rewriter& rewriter, const Node& norm) {
  const Node* const add = rewriter.Producer(norm.inputs[0], "Add");
  if (add == nullptr || add->inputs.size() != 2 || norm.inputs.size() != 3) return;
  const std::string& sum = add->outputs[0];
  // The sum would come into being where the normalization stands: its other readers must come after that.
  bool read_elsewhere = rewriter.IsOutput(sum);
  for (const Node* reader : rewriter.Readers(sum)) {
    if (reader < &norm) return;
    read_elsewhere |= reader != &norm;
  }
  // Constants are tables of positions and the like, which need a broadcast.
  if (rewriter.Constant(add->inputs[0]) != nullptr || rewriter.Constant(add->inputs[1]) != nullptr) return;
  Node fused = norm;
  fused.inputs[0] = add->inputs[0];
  fused.inputs.push_back(add->inputs[1]);
  if (read_elsewhere) fused.outputs.push_back(sum);
  rewriter.Replace({add, &norm}, &norm, std::move(fused));
}

}  // namespace

bool FuseSkipLayerNorm(Graph& graph, const PassContext& context) {
  Rewriter rewriter(graph, context);
  for (const Node& node : graph.nodes) {
    if (node.domain == kFusedDomain && node.op_type == "LayerNormalization") Fuse(rewriter, node);
  }
  return rewriter.Apply();
}

}  // namespace quantd::optimize
