#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/exec/control_flow/body.h"

namespace quantd::control_flow {
namespace {

class If final : public Kernel {
 public:
  If(Body then_branch, Body else_branch)
      : then_branch_(std::move(then_branch)), else_branch_(std::move(else_branch)) {}

  absl::Status Run(const std::vector<const Tensor*>& inputs, Outputs& outputs) const override {
    const IterationCount count;
    ASSIGN_OR_RETURN(const bool condition, OneBool(inputs[0], "the condition"));
    const Body& branch = condition ? then_branch_ : else_branch_;
    ASSIGN_OR_RETURN(std::vector<Tensor> results, branch.Run({}, inputs));
    for (size_t i = 0; i < outputs.size(); ++i) outputs[i] = std::move(results[i]);
    return absl::OkStatus();
  }

 private:
  const Body then_branch_;
  const Body else_branch_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Kernel>> MakeIf(const BodySource& source) {
  const Node& node = source.context.node;
  if (node.inputs.size() != 1) return BadBody("If has one input, the condition");
  ASSIGN_OR_RETURN(Body then_branch, Body::Compile(source, "then_branch"));
  ASSIGN_OR_RETURN(Body else_branch, Body::Compile(source, "else_branch"));
  for (const Body* branch : {&then_branch, &else_branch}) {
    if (branch->inputs() != 0 || branch->outputs() != node.outputs.size()) {
      return BadBody(absl::StrCat("a branch of If has no inputs and as many outputs as the node, which has ",
                                  node.outputs.size(), "; this one has ", branch->inputs(), " and ",
                                  branch->outputs()));
    }
  }
  return std::make_unique<If>(std::move(then_branch), std::move(else_branch));
}

}  // namespace quantd::control_flow
