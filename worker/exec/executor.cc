#include "worker/exec/executor.h"

#include <omp.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "worker/backend/backend.h"
#include "worker/exec/control_flow/control_flow.h"
#include "worker/exec/operator_support.h"
#include "worker/exec/optimize_for.h"
#include "worker/exec/run_memory.h"

namespace quantd {
namespace {

// Restores the calling thread's OpenMP setting.
class OneOpenMpThread {
 public:
  OneOpenMpThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneOpenMpThread() { omp_set_num_threads(before_); }
  OneOpenMpThread(const OneOpenMpThread&) = delete;

 private:
  int before_;
};

std::string Describe(const Node& node) {
  return absl::StrCat("node '", node.name, "' (", node.op_type, ")");
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
                                                           const std::vector<std::string>& keep,
                                                           Arithmetic arithmetic);

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
  absl::Status ResolveKept(const std::vector<std::string>& keep);
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
                                                                 const std::vector<std::string>& keep,
                                                                 Arithmetic arithmetic) {
  RETURN_IF_ERROR(CheckSupport(original, opset, backend));
  // Constants computed on the way have the bits that a run gives.
  const OneOpenMpThread one_thread;
  Graph graph = original;
  OptimizeFor(backend, opset, keep, arithmetic, graph);

  auto executor = std::make_unique<GraphExecutor>();
  executor->inputs_ = graph.inputs;
  for (const ValueInfo& output : graph.outputs) executor->outputs_.push_back(output.name);
  for (const ValueInfo& input : graph.inputs) executor->Slot(input.name);
  for (const auto& [name, tensor] : graph.initializers) {
    executor->constants_[executor->Slot(name)] = tensor;
  }
  for (const Node& node : graph.nodes) {
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
      const int slot = name.empty() ? -1 : executor->Slot(name);
      step.inputs.push_back(slot);
      const auto it = executor->constants_.find(slot);
      const bool known = it != executor->constants_.end();
      constant &= known || slot < 0;
      context.constants.push_back(known ? it->second : Tensor());
      inputs.push_back(known ? &it->second : nullptr);
    }
    for (const std::string& name : node.outputs) {
      step.outputs.push_back(name.empty() ? -1 : executor->Slot(name));
    }
    absl::StatusOr<std::unique_ptr<Kernel>> kernel =
        control_flow ? control_flow::MakeControlFlowKernel(context, captured, backend)
                     : backend.MakeKernel(context);
    if (!kernel.ok()) return Annotate(kernel.status(), Describe(node));
    step.kernel = *std::move(kernel);
    if (!constant) {
      executor->steps_.push_back(std::move(step));
      continue;
    }
    Outputs results(node.outputs.size());
    const absl::Status status = step.kernel->Run(inputs, results);
    if (!status.ok()) return Annotate(status, Describe(node));
    for (size_t i = 0; i < results.size(); ++i) {
      if (step.outputs[i] >= 0) executor->constants_[step.outputs[i]] = results[i];
    }
  }
  RETURN_IF_ERROR(executor->ResolveKept(keep));
  executor->DropUnneededSteps();
  return executor;
}

absl::Status GraphExecutor::ResolveKept(const std::vector<std::string>& keep) {
  for (const std::string& name : keep) {
    const auto it = slots_.find(name);
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
                                                       const std::vector<std::string>& keep,
                                                       Arithmetic arithmetic) {
  return GraphExecutor::Compile(graph, opset, backend, keep, arithmetic);
}

}  // namespace quantd
