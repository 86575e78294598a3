#include "worker/exec/executor.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "worker/backend/backend.h"
#include "worker/exec/constant_nodes.h"
#include "worker/exec/control_flow/control_flow.h"
#include "worker/exec/one_open_mp_thread.h"
#include "worker/exec/operator_support.h"
#include "worker/exec/optimize_for.h"
#include "worker/exec/run_memory.h"

namespace quantd {
namespace {

std::string Describe(const Node& node) {
  return absl::StrCat("node '", node.name, "' (", node.op_type, ")");
}

// Kernels write their outputs, and read what is there, without looking: neither may be missing.
absl::Status CheckReads(const Graph& graph) {
  std::set<std::string> made;
  for (const ValueInfo& input : graph.inputs) made.insert(input.name);
  for (const auto& [name, tensor] : graph.initializers) made.insert(name);
  for (const Node& node : graph.nodes) {
    const std::string field = absl::StrCat("model.graph.node[", node.name, "]");
    if (node.outputs.empty()) return InvalidField("BAD_GRAPH", field, "has no outputs");
    for (const std::string& input : node.inputs) {
      if (!input.empty() && made.count(input) == 0) {
        return InvalidField("BAD_GRAPH", field,
                            absl::StrCat("reads tensor '", input, "', which nothing before it makes"));
      }
    }
    made.insert(node.outputs.begin(), node.outputs.end());
  }
  return absl::OkStatus();
}

struct Step {
  Node node;
  std::unique_ptr<Kernel> kernel;
  std::vector<int> inputs;   // Slots; -1 for an absent input. Then those of tensors that bodies capture.
  std::vector<int> outputs;  // Slots; -1 for an unused output.
};

class GraphExecutor final : public Executor {
 public:
  static absl::StatusOr<std::unique_ptr<Executor>> Compile(const Graph& original, int64_t opset,
                                                           const Backend& backend,
                                                           const CompileOptions& options,
                                                           ConstantNodes& constant_nodes);

  absl::StatusOr<TensorMap> Run(const TensorMap& feeds) const override {
    return Execute(feeds, nullptr);
  }

  absl::StatusOr<TensorMap> RunObserved(const TensorMap& feeds,
                                        const Visitor& visit) const override {
    return Execute(feeds, &visit);
  }

  size_t activation_bytes() const override { return memory_.block_bytes(); }

  std::map<std::string, int64_t> OperatorCounts() const override {
    std::map<std::string, int64_t> counts;
    for (const Step& step : steps_) ++counts[step.node.op_type];
    return counts;
  }

 private:
  absl::StatusOr<TensorMap> Execute(const TensorMap& feeds, const Visitor* visit) const;
  absl::Status CheckFeeds(const TensorMap& feeds) const;
  // Makes the node's kernel, and runs it here when all that it reads is constant.
  absl::Status AddNode(const Node& node, int64_t opset, const Backend& backend, ConstantNodes& constant_nodes);
  // `moved`: tensors in `keep` that have another name in the optimized graph.
  absl::Status ResolveKept(const std::vector<std::string>& keep,
                           const std::map<std::string, std::string>& moved);
  // Drops the steps that neither an output nor a kept tensor needs.
  void DropUnneededSteps();
  int Slot(const std::string& name) {
    return slots_.emplace(name, static_cast<int>(slots_.size())).first->second;
  }

  std::vector<ValueInfo> inputs_;
  std::vector<std::string> outputs_;
  std::map<std::string, int> slots_;
  std::map<int, std::string> kept_;  // What a visitor sees, by slot.
  std::map<int, Tensor> constants_;
  std::vector<Step> steps_;
  mutable RunMemory memory_;
  std::vector<int> readers_;  // By slot: how many inputs of steps read it, and one if it is an output.
};

absl::StatusOr<std::unique_ptr<Executor>> GraphExecutor::Compile(const Graph& original, int64_t opset,
                                                                 const Backend& backend,
                                                                 const CompileOptions& options,
                                                                 ConstantNodes& constant_nodes) {
  const absl::Status missing = CheckSupport(original, opset, backend);
  RETURN_IF_ERROR(CheckReads(original));
  Graph graph = original;
  // A graph that cannot be run is told of as it was written.
  std::map<std::string, std::string> moved;
  if (missing.ok()) moved = OptimizeFor(backend, opset, options, constant_nodes, graph);

  auto executor = std::make_unique<GraphExecutor>();
  executor->inputs_ = graph.inputs;
  for (const ValueInfo& output : graph.outputs) executor->outputs_.push_back(output.name);
  for (const ValueInfo& input : graph.inputs) executor->Slot(input.name);
  for (const auto& [name, tensor] : graph.initializers) {
    executor->constants_[executor->Slot(name)] = tensor;
  }
  std::vector<NodeProblem> problems;
  for (const Node& node : graph.nodes) {
    // What `missing` tells of, here or in a body, is not tried.
    if (!missing.ok() && (control_flow::IsControlFlow(node, opset) || !backend.Supports(node, opset))) continue;
    const absl::Status status = executor->AddNode(node, opset, backend, constant_nodes);
    if (!status.ok()) problems.push_back({node.name, Annotate(status, Describe(node))});
  }
  RETURN_IF_ERROR(AllProblems(missing, problems));
  RETURN_IF_ERROR(executor->ResolveKept(options.keep, moved));
  executor->DropUnneededSteps();
  return executor;
}

absl::Status GraphExecutor::AddNode(const Node& node, int64_t opset, const Backend& backend,
                                    ConstantNodes& constant_nodes) {
  Step step{.node = node};
  KernelContext context{.node = step.node, .opset = opset};
  // Operators with bodies run when the model runs: how long they take is not known.
  const bool control_flow = control_flow::IsControlFlow(node, opset);
  bool constant = !node.inputs.empty() && !control_flow;
  // What bodies read from here is read by this step, so that it lives until then.
  const std::vector<std::string> captured = CapturedBy(node);
  std::vector<std::string> reads = node.inputs;
  reads.insert(reads.end(), captured.begin(), captured.end());
  std::vector<const Tensor*> inputs;
  for (const std::string& name : reads) {
    const int slot = name.empty() ? -1 : Slot(name);
    step.inputs.push_back(slot);
    const auto it = constants_.find(slot);
    const bool known = it != constants_.end();
    constant &= known || slot < 0;
    context.constants.push_back(known ? it->second : Tensor());
    inputs.push_back(known ? &it->second : nullptr);
  }
  for (const std::string& name : node.outputs) step.outputs.push_back(name.empty() ? -1 : Slot(name));
  if (control_flow) {
    ASSIGN_OR_RETURN(step.kernel,
                     control_flow::MakeControlFlowKernel(context, captured, backend, constant_nodes));
  } else {
    ASSIGN_OR_RETURN(step.kernel, backend.MakeKernel(context));
  }
  std::optional<std::vector<Tensor>> results;
  if (constant) {
    ASSIGN_OR_RETURN(results, constant_nodes.Run(node, *step.kernel, inputs));
  }
  if (!results.has_value()) {
    steps_.push_back(std::move(step));
    return absl::OkStatus();
  }
  for (size_t i = 0; i < results->size(); ++i) {
    if (step.outputs[i] >= 0) constants_[step.outputs[i]] = (*results)[i];
  }
  return absl::OkStatus();
}

absl::Status GraphExecutor::ResolveKept(const std::vector<std::string>& keep,
                                        const std::map<std::string, std::string>& moved) {
  for (const std::string& name : keep) {
    const auto other = moved.find(name);
    const auto it = slots_.find(other == moved.end() ? name : other->second);
    if (it == slots_.end()) {
      return InvalidField("UNKNOWN_TENSOR", name, "is no tensor of this graph");
    }
    kept_[it->second] = name;
  }
  return absl::OkStatus();
}

void GraphExecutor::DropUnneededSteps() {
  readers_.assign(slots_.size(), 0);
  for (const std::string& name : outputs_) readers_[static_cast<size_t>(Slot(name))] = 1;
  std::vector<Step> needed;
  for (size_t i = steps_.size(); i-- > 0;) {
    const bool wanted = std::any_of(
        steps_[i].outputs.begin(), steps_[i].outputs.end(), [&](int slot) {
          return slot >= 0 && (readers_[static_cast<size_t>(slot)] > 0 || kept_.count(slot) > 0);
        });
    if (!wanted) continue;
    for (const int slot : steps_[i].inputs) {
      if (slot >= 0) ++readers_[static_cast<size_t>(slot)];
    }
    needed.push_back(std::move(steps_[i]));
  }
  std::reverse(needed.begin(), needed.end());
  steps_ = std::move(needed);
}

absl::Status CheckSequence(const ValueInfo& input, const Tensor& tensor) {
  if (tensor.is_sequence() &&
      (input.dtype == DataType::kUndefined || tensor.element_dtype() == input.dtype)) {
    return absl::OkStatus();
  }
  const std::string found =
      tensor.is_sequence() ? absl::StrCat("a sequence of ", DataTypeName(tensor.element_dtype()))
                           : DataTypeName(tensor.dtype());
  return InvalidField("INPUT_TYPE_MISMATCH", input.name,
                      absl::StrCat("is ", found, ", the model takes a sequence of ",
                                   DataTypeName(input.dtype)));
}

absl::Status GraphExecutor::CheckFeeds(const TensorMap& feeds) const {
  std::vector<std::string> known;
  for (const ValueInfo& input : inputs_) known.push_back(input.name);
  for (const auto& [name, tensor] : feeds) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return InvalidField("UNKNOWN_INPUT", name,
                          absl::StrCat("is no input of the model, which has: ",
                                       absl::StrJoin(known, ", ")));
    }
  }
  for (const ValueInfo& input : inputs_) {
    const auto it = feeds.find(input.name);
    if (it == feeds.end()) return InvalidField("MISSING_INPUT", input.name, "was not given");
    const Tensor& tensor = it->second;
    if (input.is_optional && tensor.dtype() == DataType::kNone) continue;
    if (input.is_sequence) {
      RETURN_IF_ERROR(CheckSequence(input, tensor));
      continue;
    }
    if (!tensor.is_array() && input.dtype != DataType::kUndefined) {
      return InvalidField("INPUT_TYPE_MISMATCH", input.name,
                          absl::StrCat("is ", DataTypeName(tensor.dtype()), ", the model takes a tensor"));
    }
    if (input.dtype != DataType::kUndefined && tensor.dtype() != input.dtype) {
      return InvalidField("INPUT_TYPE_MISMATCH", input.name,
                          absl::StrCat("is ", DataTypeName(tensor.dtype()), ", the model takes ",
                                       DataTypeName(input.dtype)));
    }
    if (!input.has_shape) continue;
    bool fits = tensor.rank() == input.shape.size();
    std::vector<std::string> expected;
    for (size_t axis = 0; axis < input.shape.size(); ++axis) {
      const Dimension& dimension = input.shape[axis];
      expected.push_back(dimension.extent >= 0 ? absl::StrCat(dimension.extent)
                         : dimension.symbol.empty() ? "?" : dimension.symbol);
      fits = fits && (dimension.extent < 0 || dimension.extent == tensor.dim(axis));
    }
    if (!fits) {
      return InvalidField("INPUT_SHAPE_MISMATCH", input.name,
                          absl::StrCat("has shape ", ShapeString(tensor.shape()),
                                       ", the model takes [", absl::StrJoin(expected, ","), "]"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<TensorMap> GraphExecutor::Execute(const TensorMap& feeds,
                                                 const Visitor* visit) const {
  RETURN_IF_ERROR(CheckFeeds(feeds));
  std::vector<Shape> input_shapes;
  for (const ValueInfo& input : inputs_) input_shapes.push_back(feeds.at(input.name).shape());
  const std::unique_ptr<RunMemory::Session> memory = memory_.Begin(input_shapes);
  std::vector<Tensor> values(slots_.size());
  for (const auto& [slot, tensor] : constants_) values[static_cast<size_t>(slot)] = tensor;
  for (const auto& [name, tensor] : feeds) values[static_cast<size_t>(slots_.at(name))] = tensor;
  if (visit != nullptr) {
    for (const auto& [slot, name] : kept_) {
      const Tensor& tensor = values[static_cast<size_t>(slot)];
      if (tensor.defined()) (*visit)(name, tensor);
    }
  }

  const OneOpenMpThread one_thread;
  std::vector<int> readers = readers_;
  for (const Step& step : steps_) {
    std::vector<const Tensor*> inputs;
    for (const int slot : step.inputs) inputs.push_back(slot < 0 ? nullptr : &values[slot]);
    Outputs outputs(step.outputs.size(), *memory);
    std::vector<Tensor*> reusable;
    for (const int slot : step.inputs) {
      const bool last = slot >= 0 && readers[slot] == 1 && values[slot].IsSoleOwner();
      reusable.push_back(last ? &values[slot] : nullptr);
    }
    outputs.SetReusable(std::move(reusable));
    const absl::Status status = step.kernel->Run(inputs, outputs);
    if (!status.ok()) return Annotate(status, Describe(step.node));
    RETURN_IF_ERROR(CheckOutputsMade(step.node, outputs));
    for (size_t k = 0; k < outputs.size(); ++k) {
      const int slot = step.outputs[k];
      if (slot < 0) continue;
      if (visit != nullptr) {
        const auto kept = kept_.find(slot);
        if (kept != kept_.end()) (*visit)(kept->second, outputs[k]);
      }
      if (readers[slot] > 0) values[slot] = std::move(outputs[k]);
    }
    for (const int slot : step.inputs) {
      if (slot >= 0 && --readers[slot] == 0) values[slot] = Tensor();
    }
  }
  TensorMap results;
  for (const std::string& name : outputs_) {
    results.insert_or_assign(name, values[static_cast<size_t>(slots_.at(name))]);
  }
  values.clear();
  memory->Finish();
  return results;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Executor>> CompileGraph(const Graph& graph, int64_t opset,
                                                       const Backend& backend,
                                                       const CompileOptions& options) {
  ConstantNodes own(graph);
  return GraphExecutor::Compile(graph, opset, backend, options,
                                options.constants != nullptr ? *options.constants : own);
}

}  // namespace quantd
