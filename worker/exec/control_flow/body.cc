#include "worker/exec/control_flow/body.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "worker/exec/control_flow/control_flow.h"

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
  return MakeError(absl::StatusCode::kResourceExhausted, "TOO_MANY_ITERATIONS",
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

size_t ElementBytes(const Tensor& tensor) {
  return tensor.dtype() == DataType::kString ? sizeof(std::string) : SizeOf(tensor.dtype());
}

// Copies `count` elements from place to place; strings by assignment.
void CopyElements(const Tensor& from, int64_t from_at, Tensor& to, int64_t to_at, int64_t count) {
  if (from.dtype() == DataType::kString) {
    const std::string* begin = from.data<std::string>() + from_at;
    std::copy(begin, begin + count, to.mutable_data<std::string>() + to_at);
    return;
  }
  const size_t size = ElementBytes(from);
  if (count == 0) return;
  std::memcpy(static_cast<char*>(to.mutable_raw()) + static_cast<size_t>(to_at) * size,
              static_cast<const char*>(from.raw()) + static_cast<size_t>(from_at) * size,
              static_cast<size_t>(count) * size);
}

int64_t Product(const Shape& shape, size_t begin, size_t end) {
  int64_t product = 1;
  for (size_t i = begin; i < end; ++i) product *= shape[i];
  return product;
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
                   CompileGraph(graph, source.context.opset, source.backend, {}, Arithmetic::kFloat,
                                &source.constants));
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
  const int64_t outer = Product(tensor.shape(), 0, axis);
  const int64_t inner = Product(tensor.shape(), axis + 1, tensor.rank());
  Shape shape = tensor.shape();
  shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
  if (outer == 1) return tensor.Reshaped({tensor.dim(axis), inner}).Rows(index, 1).Reshaped(shape);
  Tensor slice = Tensor::Uninitialized(tensor.dtype(), shape);
  for (int64_t o = 0; o < outer; ++o) {
    CopyElements(tensor, (o * tensor.dim(axis) + index) * inner, slice, o * inner, inner);
  }
  return slice;
}

absl::StatusOr<Tensor> Stack(const std::vector<Tensor>& tensors, int64_t axis, const ValueInfo& declared) {
  DataType dtype = declared.dtype;
  Shape element;
  for (const Dimension& dimension : declared.shape) element.push_back(std::max<int64_t>(dimension.extent, 0));
  if (!tensors.empty()) {
    dtype = tensors[0].dtype();
    element = tensors[0].shape();
  } else if (SizeOf(dtype) == 0 && dtype != DataType::kString) {
    return BadBody(absl::StrCat("output '", declared.name,
                                "' of the body has no declared type, and there was no iteration to tell it"));
  }
  const int64_t rank = static_cast<int64_t>(element.size()) + 1;
  if (axis < -rank || axis >= rank) {
    return Bad("BAD_ATTRIBUTE", absl::StrCat("axis ", axis, " is out of range for rank ", rank));
  }
  const auto at = static_cast<size_t>(axis < 0 ? axis + rank : axis);
  const int64_t outer = Product(element, 0, at);
  const int64_t inner = Product(element, at, element.size());
  const auto count = static_cast<int64_t>(tensors.size());
  Shape shape = element;
  shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(at), count);
  RETURN_IF_ERROR(CheckedElementCount(shape).status());
  Tensor stacked = Tensor::Uninitialized(dtype, shape);
  for (int64_t i = 0; i < count; ++i) {
    const Tensor& tensor = tensors[static_cast<size_t>(i)];
    if (!tensor.is_array() || tensor.dtype() != dtype || tensor.shape() != element) {
      return Bad("BAD_SHAPE", absl::StrCat("output '", declared.name, "' of the body is ",
                                           DataTypeName(tensor.dtype()), ShapeString(tensor.shape()),
                                           " after ", DataTypeName(dtype), ShapeString(element),
                                           " in the first iteration"));
    }
    for (int64_t o = 0; o < outer; ++o) {
      CopyElements(tensor, o * inner, stacked, (o * count + i) * inner, inner);
    }
  }
  return stacked;
}

}  // namespace quantd::control_flow
