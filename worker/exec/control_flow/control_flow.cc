#include "worker/exec/control_flow/control_flow.h"

#include "common/check.h"
#include "worker/exec/control_flow/body.h"

namespace quantd::control_flow {
namespace {

constexpr Operator kOperators[] = {{"If", 1}, {"Loop", 1}, {"Scan", 8}, {"SequenceMap", 17}};

}  // namespace

std::span<const Operator> Operators() { return kOperators; }

bool IsControlFlow(const Node& node, int64_t opset) {
  for (const Operator& op : kOperators) {
    if (node.Is(op.op_type) && opset >= op.since) return true;
  }
  return false;
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeControlFlowKernel(const KernelContext& context,
                                                              const std::vector<std::string>& captured,
                                                              const Backend& backend,
                                                              ConstantNodes& constants) {
  QUANTD_CHECK(context.constants.size() == context.node.inputs.size() + captured.size());
  const BodySource source{context, captured, backend, constants};
  if (context.node.Is("If")) return MakeIf(source);
  if (context.node.Is("Loop")) return MakeLoop(source);
  if (context.node.Is("Scan")) return MakeScan(source);
  QUANTD_CHECK(context.node.Is("SequenceMap"));
  return MakeSequenceMap(source);
}

}  // namespace quantd::control_flow
