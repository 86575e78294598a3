// Where operators run. A backend answers for each node whether it can run it and makes a kernel.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/graph/graph.h"

namespace quantd {

// What a kernel is made from.
struct KernelContext {
  const Node& node;
  int64_t opset = 0;
  // One an input: the tensor where it is known when compiling (an initializer), else undefined.
  std::vector<Tensor> constants;
};

// One node, ready to run. Immutable after construction: Run() is thread-safe and deterministic.
class Kernel {
 public:
  virtual ~Kernel() = default;

  // `inputs` as the node lists them, nullptr for an absent optional one. Fills `outputs`, sized to
  // the node's outputs. Errors: INVALID_ARGUMENT for types or shapes that do not fit.
  virtual absl::Status Run(const std::vector<const Tensor*>& inputs,
                           std::vector<Tensor>& outputs) const = 0;
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual absl::string_view name() const = 0;  // "cpu"

  // Whether this operator, in this opset, with these attributes, has a kernel.
  virtual bool Supports(const Node& node, int64_t opset) const = 0;

  // Errors: UNIMPLEMENTED when !Supports(), INVALID_ARGUMENT for attributes or constants out of range.
  virtual absl::StatusOr<std::unique_ptr<Kernel>> MakeKernel(const KernelContext& context) const = 0;
};

// The backend of this machine's processor. Never null; lives for ever.
const Backend& CpuBackend();

}  // namespace quantd
