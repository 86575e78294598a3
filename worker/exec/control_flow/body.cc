#include "worker/exec/control_flow/body.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "worker/exec/control_flow/control_flow.h"
#include "worker/graph/tensor_blocks.h"

namespace quantd::control_flow {
namespace {

// A run stays on its thread, and so do the bodies inside it: the count needs no lock, and does not depend on how many
// runs go on side by side.
thread_local int64_t iterations = 0;
thread_local int depth = 0;

absl::Status Bad(absl::string_view reason, absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, reason, message);
}

absl::Status CountIteration() {
  if (++iterations <= kIterationsMax) return absl::OkStatus();
  // Not RESOURCE_EXHAUSTED, which may pass on another worker: model and row are the same there.
  return Bad(
      "TOO_MANY_ITERATIONS",
      absl::StrCat("loops ran their bodies more than ", kIterationsMax,
                   " times in one run of the model; does the condition of this one ever turn "
                   "false?"));
}

absl::Status RequireOne(const Tensor* tensor, DataType dtype, absl::string_view what) {
  if (tensor == nullptr) return Bad("MISSING_INPUT", absl::StrCat(what, " is missing"));
  if (tensor->dtype() != dtype) {
    return Bad("UNSUPPORTED_TYPE", absl::StrCat(what, " is ", DataTypeName(tensor->dtype()), ", but ",
                                                DataTypeName(dtype), " is needed"));
  }
  if (tensor->size() != 1) {
    return Bad("BAD_SHAPE", absl::StrCat(what, " has shape ", ShapeString(tensor->shape()),
                                         ", but one element is needed"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status BadBody(absl::string_view message) { return Bad("BAD_GRAPH", message); }

absl::StatusOr<Body> Body::Compile(const BodySource& source, const std::string& key) {
  const auto found = source.context.node.attributes.find(key);
  const auto* body = found == source.context.node.attributes.end()
                         ? nullptr
                         : std::get_if<std::shared_ptr<const Graph>>(&found->second);
  if (body == nullptr || *body == nullptr) return BadBody(absl::StrCat("has no body '", key, "'"));
  Graph graph = **body;  // Shares the weights.
  Body compiled;
  // What the body declares of its inputs is advice: exporters write down the shapes of the first iteration.
  for (ValueInfo& input : graph.inputs) {
    compiled.inputs_.push_back(input.name);
    input = {.name = input.name};
  }
  compiled.outputs_ = graph.outputs;
  const std::vector<std::string> needed = CapturedBy({.attributes = {{"body", *body}}});
  const size_t own = source.context.node.inputs.size();
  for (size_t i = 0; i < source.captured.size(); ++i) {
    const std::string& name = source.captured[i];
    if (!std::binary_search(needed.begin(), needed.end(), name)) continue;
    const Tensor& constant = source.context.constants[own + i];
    if (constant.defined()) {
      graph.initializers[name] = constant;
    } else {
      graph.inputs.push_back({.name = name});
      compiled.captures_.push_back({name, own + i});
    }
  }
  ASSIGN_OR_RETURN(std::unique_ptr<Executor> executor,
                   CompileGraph(graph, source.context.opset, source.backend, {.constants = &source.constants}));
  compiled.executor_ = std::move(executor);
  return compiled;
}

absl::StatusOr<std::vector<Tensor>> Body::Run(std::vector<Tensor> values,
                                              const std::vector<const Tensor*>& node_inputs) const {
  QUANTD_CHECK(values.size() == inputs_.size());
  RETURN_IF_ERROR(CountIteration());
  TensorMap feeds;
  for (size_t i = 0; i < values.size(); ++i) feeds[inputs_[i]] = std::move(values[i]);
  for (const Capture& capture : captures_) feeds[capture.name] = *node_inputs[capture.position];
  ASSIGN_OR_RETURN(const TensorMap results, executor_->Run(feeds));
  std::vector<Tensor> outputs;
  for (const ValueInfo& output : outputs_) outputs.push_back(results.at(output.name));
  return outputs;
}

IterationCount::IterationCount() {
  if (depth++ == 0) iterations = 0;
}
IterationCount::~IterationCount() { --depth; }

absl::StatusOr<bool> OneBool(const Tensor* tensor, absl::string_view what) {
  RETURN_IF_ERROR(RequireOne(tensor, DataType::kBool, what));
  return *tensor->data<bool>();
}

absl::StatusOr<int64_t> OneInteger(const Tensor* tensor, absl::string_view what) {
  RETURN_IF_ERROR(RequireOne(tensor, DataType::kInt64, what));
  return *tensor->data<int64_t>();
}

Tensor SliceAt(const Tensor& tensor, size_t axis, int64_t index) {
  Shape shape = tensor.shape();
  shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
  return SliceAlong(tensor, axis, index, 1).Reshaped(shape);
}

absl::StatusOr<Tensor> Stack(const std::vector<Tensor>& tensors, int64_t axis, const ValueInfo& declared) {
  DataType dtype = declared.dtype;
  Shape shape;
  for (const Dimension& dimension : declared.shape) shape.push_back(std::max<int64_t>(dimension.extent, 0));
  if (!tensors.empty()) {
    dtype = tensors[0].dtype();
    shape = tensors[0].shape();
  } else if (SizeOf(dtype) == 0 && dtype != DataType::kString) {
    return BadBody(absl::StrCat("output '", declared.name,
                                "' of the body has no declared type, and there was no iteration to tell it"));
  }
  const int64_t rank = static_cast<int64_t>(shape.size()) + 1;
  if (axis < -rank || axis >= rank) {
    return Bad("BAD_ATTRIBUTE", absl::StrCat("axis ", axis, " is out of range for rank ", rank));
  }
  const auto at = static_cast<size_t>(axis < 0 ? axis + rank : axis);
  Shape slice = shape;
  slice.insert(slice.begin() + static_cast<std::ptrdiff_t>(at), tensors.empty() ? 0 : 1);
  if (tensors.empty()) {
    RETURN_IF_ERROR(CheckedElementCount(slice).status());
    return Tensor(dtype, slice);
  }
  std::vector<Tensor> slices;
  for (const Tensor& tensor : tensors) {
    if (!tensor.is_array() || tensor.shape() != shape) {
      return Bad("BAD_SHAPE", absl::StrCat("output '", declared.name, "' of the body is ",
                                           DataTypeName(tensor.dtype()), ShapeString(tensor.shape()), " after ",
                                           DataTypeName(dtype), ShapeString(shape), " in the first iteration"));
    }
    slices.push_back(tensor.Reshaped(slice));
  }
  return JoinAlong(slices, at);
}

}  // namespace quantd::control_flow
