// Operators that run graphs: If, Loop, Scan and SequenceMap. Each body is compiled once, into an executor of its own.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/backend/backend.h"

namespace quantd {
class ConstantNodes;
}  // namespace quantd

namespace quantd::control_flow {

// Bodies that run in one run of a model, those of nested loops counted together. A loop whose condition never turns
// false ends here; real ones (a step per token, frame or box) stay far below.
inline constexpr int64_t kIterationsMax = 1'000'000;

struct Operator {
  absl::string_view op_type;
  int64_t since;  // Of the ONNX domain.
};
// Every one there is.
std::span<const Operator> Operators();

// Whether it is one of them, in that opset.
bool IsControlFlow(const Node& node, int64_t opset);

// `context.constants` and the kernel's inputs are one an input of the node, then one a name in `captured`, which is
// CapturedBy(node). What is constant among the captured is constant in the bodies. What they
// compute of constants is counted in `constants`.
//
// Errors: UNIMPLEMENTED, reason UNSUPPORTED_OPERATOR, for operators in bodies, BAD_GRAPH for a missing body or one
// whose inputs and outputs do not fit the node. Run(): what the bodies return, INVALID_ARGUMENT for inputs that
// do not fit and, with reason TOO_MANY_ITERATIONS, beyond kIterationsMax.
absl::StatusOr<std::unique_ptr<Kernel>> MakeControlFlowKernel(const KernelContext& context,
                                                              const std::vector<std::string>& captured,
                                                              const Backend& backend,
                                                              ConstantNodes& constants);

}  // namespace quantd::control_flow
