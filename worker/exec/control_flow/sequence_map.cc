#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "worker/exec/control_flow/body.h"

namespace quantd::control_flow {
namespace {

// The body runs once an element of the first input. Of the further inputs sequences give their element, tensors are the
// same every time. Each output is a sequence.
class SequenceMap final : public Kernel {
 public:
  explicit SequenceMap(Body body) : body_(std::move(body)) {}

  absl::Status Run(const std::vector<const Tensor*>& inputs, Outputs& outputs) const override {
    const IterationCount count;
    for (size_t i = 0; i < body_.inputs(); ++i) RETURN_IF_ERROR(CheckInput(inputs, i));
    std::vector<std::vector<Tensor>> collected(body_.outputs());
    for (size_t at = 0; at < inputs[0]->elements().size(); ++at) {
      std::vector<Tensor> values;
      for (size_t i = 0; i < body_.inputs(); ++i) {
        values.push_back(inputs[i]->is_sequence() ? inputs[i]->elements()[at] : *inputs[i]);
      }
      ASSIGN_OR_RETURN(std::vector<Tensor> results, body_.Run(std::move(values), inputs));
      for (size_t k = 0; k < results.size(); ++k) collected[k].push_back(std::move(results[k]));
    }
    for (size_t k = 0; k < outputs.size(); ++k) {
      const DataType dtype = collected[k].empty() ? body_.output(k).dtype : collected[k][0].dtype();
      for (const Tensor& element : collected[k]) {
        if (!element.is_array() || element.dtype() != dtype) {
          return BadBody(absl::StrCat("output ", k, " of the body of SequenceMap changes its type"));
        }
      }
      outputs[k] = Tensor::Sequence(dtype, std::move(collected[k]));
    }
    return absl::OkStatus();
  }

 private:
  static absl::Status CheckInput(const std::vector<const Tensor*>& inputs, size_t i) {
    if (inputs[i] == nullptr || (i == 0 && !inputs[i]->is_sequence())) {
      return MakeError(absl::StatusCode::kInvalidArgument, "UNSUPPORTED_TYPE",
                       absl::StrCat("input ", i, " of SequenceMap is no sequence"));
    }
    if (inputs[i]->is_sequence() && inputs[i]->size() != inputs[0]->size()) {
      return MakeError(absl::StatusCode::kInvalidArgument, "BAD_SHAPE",
                       absl::StrCat("the sequences of SequenceMap have ", inputs[0]->size(), " and ",
                                    inputs[i]->size(), " elements"));
    }
    return absl::OkStatus();
  }

  const Body body_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Kernel>> MakeSequenceMap(const BodySource& source) {
  const Node& node = source.context.node;
  ASSIGN_OR_RETURN(Body body, Body::Compile(source, "body"));
  if (node.inputs.empty() || body.inputs() != node.inputs.size() || body.outputs() < node.outputs.size()) {
    return BadBody(absl::StrCat("SequenceMap has ", node.inputs.size(), " inputs and ", node.outputs.size(),
                                " outputs, its body ", body.inputs(), " and ", body.outputs()));
  }
  return std::make_unique<SequenceMap>(std::move(body));
}

}  // namespace quantd::control_flow
