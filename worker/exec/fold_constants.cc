#include "worker/exec/fold_constants.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "worker/exec/constant_nodes.h"

namespace quantd {
namespace {

constexpr size_t kSmallBytes = 1024;

}  // namespace

absl::Status FoldConstants(Graph& graph, int64_t opset, const Backend& backend) {
  ConstantNodes constants(graph);
  std::vector<Node> kept;
  for (Node& node : graph.nodes) {
    bool constant = !node.inputs.empty() && !node.outputs.empty() && backend.Supports(node, opset);
    size_t input_bytes = kSmallBytes;
    KernelContext context{.node = node, .opset = opset};
    std::vector<const Tensor*> inputs;
    for (const std::string& name : node.inputs) {
      const auto it = graph.initializers.find(name);
      const bool known = it != graph.initializers.end();
      constant &= known || name.empty();
      context.constants.push_back(known ? it->second : Tensor());
      inputs.push_back(known ? &it->second : nullptr);
      if (known) input_bytes = std::max(input_bytes, it->second.bytes());
    }
    if (constant) {
      absl::StatusOr<std::unique_ptr<Kernel>> kernel = backend.MakeKernel(context);
      if (!kernel.ok()) {
        return Annotate(kernel.status(), absl::StrCat("node '", node.name, "' (", node.op_type, ")"));
      }
      ASSIGN_OR_RETURN(const std::optional<std::vector<Tensor>> results,
                       constants.Run(node, **kernel, inputs, input_bytes));
      // Not every kernel asks before it makes an output of its input's extents in a wider type.
      constant = results.has_value() &&
                 std::all_of(results->begin(), results->end(),
                             [&](const Tensor& t) { return t.is_array() && t.bytes() <= input_bytes; });
      for (size_t i = 0; constant && i < results->size(); ++i) {
        if (!node.outputs[i].empty()) graph.initializers[node.outputs[i]] = (*results)[i];
      }
    }
    if (!constant) kept.push_back(std::move(node));
  }
  graph.nodes = std::move(kept);
  RemoveDeadNodes(graph);
  return absl::OkStatus();
}

}  // namespace quantd
