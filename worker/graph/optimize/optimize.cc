#include "worker/graph/optimize/optimize.h"

#include <set>

#include "worker/graph/optimize/passes.h"
#include "worker/graph/rewrites/fold_batch_norm.h"
#include "worker/graph/rewrites/fold_conv_add.h"

namespace quantd {
namespace {

using optimize::Pass;

// What makes patterns plain. Each may make room for another: they run until nothing changes, within a limit
// that no graph of ordinary depth reaches.
constexpr Pass kCleanUp[] = {&optimize::FoldConstants, &optimize::RemoveNoOps, &optimize::FoldShapes,
                             &optimize::MergeEqualNodes, &optimize::MergeTransposes, &optimize::MergeReshapes};
constexpr int kCleanUpRounds = 8;

// A convolution takes in activations that are recognized by then. Attention looks for Mul and Div that scale scores, so it comes before what swallows them; activations come before
// the products that take them in; what is left of residual sums goes to the normalizations.
constexpr Pass kFusions[] = {&optimize::FuseLayerNorm, &optimize::FuseActivations,   &optimize::FuseConv,
                             &optimize::FuseAttention, &optimize::FuseMatMul,        &optimize::FuseSkipLayerNorm,
                             &optimize::FuseFakeQuantize};

// Layouts last: everything before knows tensors in their own.
constexpr Pass kLayouts[] = {&optimize::MoveChannelsLast, &optimize::MergeTransposes};

}  // namespace

std::map<std::string, std::string> Optimize(Graph& graph, const std::vector<std::string>& keep, bool any_layout,
                                            optimize::PassContext context) {
  const size_t outputs = graph.outputs.size();
  std::set<std::string> seen;
  for (const ValueInfo& output : graph.outputs) seen.insert(output.name);
  std::vector<std::string> added;
  for (const std::string& name : keep) {
    if (!seen.insert(name).second) continue;
    graph.outputs.push_back({.name = name});
    added.push_back(name);
    if (any_layout) context.any_layout.insert(name);
  }
  // Before constants are folded: it wants weights as their codes.
  if (context.integer) optimize::LowerToInteger(graph, context);
  bool changed = true;
  for (int round = 0; changed && round < kCleanUpRounds; ++round) {
    changed = false;
    for (const Pass pass : kCleanUp) changed |= pass(graph, context);
    RemoveDeadNodes(graph);
  }
  // These two only refuse; they never fail.
  (void)FoldBatchNorm(graph);
  (void)FoldConvAdd(graph);
  for (const Pass pass : kFusions) pass(graph, context);
  for (const Pass pass : kLayouts) pass(graph, context);
  RemoveDeadNodes(graph);
  std::map<std::string, std::string> moved;
  for (size_t i = 0; i < added.size(); ++i) {
    const std::string& now = graph.outputs[outputs + i].name;
    if (now != added[i]) moved[added[i]] = now;
  }
  graph.outputs.resize(outputs);
  return moved;
}

}  // namespace quantd
