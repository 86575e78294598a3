#include "worker/exec/optimize_for.h"

#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include "common/status_macros.h"
#include "worker/exec/constant_nodes.h"
#include "worker/graph/optimize/optimize.h"

namespace quantd {
namespace {

absl::StatusOr<std::vector<Tensor>> Evaluate(const Backend& backend, int64_t opset, const Node& node,
                                             const std::vector<const Tensor*>& inputs, ConstantNodes& constants) {
  KernelContext context{.node = node, .opset = opset};
  for (const Tensor* input : inputs) context.constants.push_back(input == nullptr ? Tensor() : *input);
  ASSIGN_OR_RETURN(const std::unique_ptr<Kernel> kernel, backend.MakeKernel(context));
  ASSIGN_OR_RETURN(std::optional<std::vector<Tensor>> results, constants.Run(node, *kernel, inputs));
  if (!results.has_value()) return absl::ResourceExhaustedError("runs with the model rather than before");
  return *std::move(results);
}

}  // namespace

std::map<std::string, std::string> OptimizeFor(const Backend& backend, int64_t opset, const CompileOptions& options,
                                               ConstantNodes& constants, Graph& graph) {
  const char* const wanted = std::getenv("QUANTD_OPTIMIZE");
  if (wanted != nullptr && std::strcmp(wanted, "0") == 0) return {};
  optimize::PassContext context{
      .opset = opset,
      .integer = options.arithmetic == Arithmetic::kInteger,
      .supports = [&](const Node& node) { return backend.Supports(node, opset); },
      .evaluate = [&](const Node& node, const std::vector<const Tensor*>& inputs) {
        return Evaluate(backend, opset, node, inputs, constants);
      }};
  return Optimize(graph, options.keep, options.kept_layout == KeptLayout::kAny, std::move(context));
}

}  // namespace quantd
