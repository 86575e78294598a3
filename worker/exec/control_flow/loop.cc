#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/exec/control_flow/body.h"

namespace quantd::control_flow {
namespace {

// Node inputs: trip count (optional), condition (optional), N values carried from iteration to iteration. Body inputs:
// iteration, condition, the N; body outputs: condition, the N, K values that are collected. Node outputs: N, K.
class Loop final : public Kernel {
 public:
  Loop(Body body, size_t carried) : body_(std::move(body)), carried_(carried) {}

  absl::Status Run(const std::vector<const Tensor*>& inputs, Outputs& outputs) const override {
    const IterationCount count;
    int64_t trips = std::numeric_limits<int64_t>::max();
    if (inputs[0] != nullptr) {
      ASSIGN_OR_RETURN(trips, OneInteger(inputs[0], "the trip count"));
    }
    bool go_on = true;
    if (inputs[1] != nullptr) {
      ASSIGN_OR_RETURN(go_on, OneBool(inputs[1], "the condition"));
    }
    std::vector<Tensor> carried;
    for (size_t i = 0; i < carried_; ++i) {
      if (inputs[2 + i] == nullptr) return BadBody("an initial value of Loop is missing");
      carried.push_back(*inputs[2 + i]);
    }
    std::vector<std::vector<Tensor>> collected(body_.outputs() - 1 - carried_);
    for (int64_t trip = 0; go_on && trip < trips; ++trip) {
      std::vector<Tensor> values = {Tensor::Scalar<int64_t>(trip), Tensor::Scalar<bool>(true)};
      for (Tensor& value : carried) values.push_back(std::move(value));
      ASSIGN_OR_RETURN(std::vector<Tensor> results, body_.Run(std::move(values), inputs));
      ASSIGN_OR_RETURN(go_on, OneBool(&results[0], "the condition that the body makes"));
      for (size_t i = 0; i < carried_; ++i) carried[i] = std::move(results[1 + i]);
      for (size_t k = 0; k < collected.size(); ++k) {
        collected[k].push_back(std::move(results[1 + carried_ + k]));
      }
    }
    for (size_t i = 0; i < outputs.size() && i < carried_; ++i) outputs[i] = std::move(carried[i]);
    for (size_t k = 0; carried_ + k < outputs.size(); ++k) {
      ASSIGN_OR_RETURN(outputs[carried_ + k], Stack(collected[k], 0, body_.output(1 + carried_ + k)));
    }
    return absl::OkStatus();
  }

 private:
  const Body body_;
  const size_t carried_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Kernel>> MakeLoop(const BodySource& source) {
  const Node& node = source.context.node;
  ASSIGN_OR_RETURN(Body body, Body::Compile(source, "body"));
  if (node.inputs.size() < 2 || body.inputs() != node.inputs.size()) {
    return BadBody(absl::StrCat("Loop has ", node.inputs.size(), " inputs and its body ", body.inputs(),
                                "; both have two and one a carried value"));
  }
  const size_t carried = node.inputs.size() - 2;
  if (body.outputs() < 1 + carried || node.outputs.size() > body.outputs() - 1) {
    return BadBody(absl::StrCat("the body of Loop has ", body.outputs(), " outputs; with ", carried,
                                " carried values and ", node.outputs.size(), " outputs of the node ",
                                1 + std::max(carried, node.outputs.size()), " are needed"));
  }
  return std::make_unique<Loop>(std::move(body), carried);
}

}  // namespace quantd::control_flow
