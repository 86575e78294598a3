// A graph inside a node, compiled, and what the operators that run one share.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/backend/backend.h"
#include "worker/exec/executor.h"

namespace quantd {
class ConstantNodes;
}  // namespace quantd

namespace quantd::control_flow {

// What the bodies of one node are compiled from.
struct BodySource {
  const KernelContext& context;  // Constants: the node's inputs, then the captured tensors.
  const std::vector<std::string>& captured;
  const Backend& backend;
  ConstantNodes& constants;  // The bodies' constants count with those of the graph around them.
};

// INVALID_ARGUMENT, reason BAD_GRAPH.
absl::Status BadBody(absl::string_view message);

// Immutable; Run() is thread-safe.
class Body {
 public:
  // The body in attribute `key`. BAD_GRAPH when there is none; the errors of CompileGraph.
  static absl::StatusOr<Body> Compile(const BodySource& source, const std::string& key);

  size_t inputs() const { return inputs_.size(); }
  size_t outputs() const { return outputs_.size(); }
  const ValueInfo& output(size_t i) const { return outputs_[i]; }

  // One value an input of the body; `node_inputs` are what the node's kernel got, captured tensors last. One value an
  // output. Counts as one iteration.
  absl::StatusOr<std::vector<Tensor>> Run(std::vector<Tensor> values,
                                          const std::vector<const Tensor*>& node_inputs) const;

 private:
  struct Capture {
    std::string name;
    size_t position;  // Among the inputs of the node's kernel.
  };

  std::shared_ptr<const Executor> executor_;
  std::vector<std::string> inputs_;
  std::vector<ValueInfo> outputs_;
  std::vector<Capture> captures_;
};

// Counts the iterations of a run. The outermost operator that runs bodies on this thread starts at zero.
class IterationCount {
 public:
  IterationCount();
  ~IterationCount();
  IterationCount(const IterationCount&) = delete;
};

// A tensor of one element of that type, or INVALID_ARGUMENT that names `what`.
absl::StatusOr<bool> OneBool(const Tensor* tensor, absl::string_view what);
absl::StatusOr<int64_t> OneInteger(const Tensor* tensor, absl::string_view what);

// Position `index` along `axis`, without that axis. REQUIRES: in range; an array that is not packed.
Tensor SliceAt(const Tensor& tensor, size_t axis, int64_t index);

// `tensors`, all of one type and shape, along a new axis. With no tensors the result is empty, of the type and shape
// that `declared` has (extents that it leaves open are 0). BAD_SHAPE when they differ, are packed or the axis is
// out of range.
absl::StatusOr<Tensor> Stack(const std::vector<Tensor>& tensors, int64_t axis, const ValueInfo& declared);

absl::StatusOr<std::unique_ptr<Kernel>> MakeIf(const BodySource& source);
absl::StatusOr<std::unique_ptr<Kernel>> MakeLoop(const BodySource& source);
absl::StatusOr<std::unique_ptr<Kernel>> MakeScan(const BodySource& source);
absl::StatusOr<std::unique_ptr<Kernel>> MakeSequenceMap(const BodySource& source);

}  // namespace quantd::control_flow
