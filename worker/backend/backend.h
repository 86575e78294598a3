// Where operators run. A backend answers for each node whether it can run it and makes a kernel.
#pragma once

#include <memory>
#include <string>
#include <utility>
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

// What one run of a kernel fills: a tensor an output of the node, and the memory to make them in.
class Outputs {
 public:
  explicit Outputs(size_t count, TensorMemory& memory = HeapMemory())
      : tensors_(count), memory_(memory) {}

  size_t size() const { return tensors_.size(); }
  Tensor& operator[](size_t i) { return tensors_[i]; }
  const Tensor& operator[](size_t i) const { return tensors_[i]; }

  // A tensor of unspecified content: an output to be, or what the kernel needs on the way. INVALID_ARGUMENT,
  // reason BAD_SHAPE, when it is too large; RESOURCE_EXHAUSTED, reason OUT_OF_MEMORY, when the run has no more.
  absl::StatusOr<Tensor> Make(DataType dtype, const Shape& shape) {
    return Tensor::Make(dtype, shape, memory_);
  }

  // Input `index`, when this kernel is the last that needs its bytes and may write its result there: nullptr for all
  // others. The input must not be read any more once it is written.
  Tensor* Reusable(size_t index) const { return index < reusable_.size() ? reusable_[index] : nullptr; }
  void SetReusable(std::vector<Tensor*> inputs) { reusable_ = std::move(inputs); }

  std::vector<Tensor> Take() && { return std::move(tensors_); }

 private:
  std::vector<Tensor> tensors_;
  TensorMemory& memory_;
  std::vector<Tensor*> reusable_;
};

// One node, ready to run. Immutable after construction: Run() is thread-safe and deterministic.
class Kernel {
 public:
  virtual ~Kernel() = default;

  // `inputs` as the node lists them, nullptr for an absent optional one. Fills `outputs`, sized to
  // the node's outputs. Errors: INVALID_ARGUMENT for types or shapes that do not fit.
  virtual absl::Status Run(const std::vector<const Tensor*>& inputs, Outputs& outputs) const = 0;
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

// What it runs on: "AVX2", "AVX-512 with VNNI", ...
std::string CpuInstructionSet();
// Whether that adds products of bytes exactly. AVX2 without VNNI adds them in pairs that saturate at 16 bits: exact
// only for weights within -64..64, which the parameter reduce_range of integer formats gives.
bool CpuSumsBytesExactly();

}  // namespace quantd
