// Runs one operator by itself.
#pragma once

#include <gmock/gmock.h>
#include <omp.h>

#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/random.h"
#include "common/status_macros.h"
#include "tests/support/status_matchers.h"
#include "worker/backend/backend.h"

namespace quantd::testing {

using Attributes = std::map<std::string, AttributeValue>;

// What a kernel gets from a run that used the memory before: it must write every element that it does not compute.
class UsedMemory final : public TensorMemory {
 public:
  std::shared_ptr<void> Allocate(size_t bytes) override {
    std::shared_ptr<void> memory = HeapMemory().Allocate(bytes);
    if (memory != nullptr) std::memset(memory.get(), 0x5a, bytes);
    return memory;
  }
};

// Inputs that are not defined are absent.
inline absl::StatusOr<std::vector<Tensor>> RunOp(const std::string& type,
                                                 const std::vector<Tensor>& inputs,
                                                 Attributes attributes = {}, int64_t opset = 17,
                                                 size_t outputs = 1,
                                                 const std::string& domain = "") {
  Node node{.name = "node", .op_type = type, .domain = domain, .attributes = std::move(attributes)};
  std::vector<const Tensor*> pointers;
  for (size_t i = 0; i < inputs.size(); ++i) {
    node.inputs.push_back(inputs[i].defined() ? "in" + std::to_string(i) : "");
    pointers.push_back(inputs[i].defined() ? &inputs[i] : nullptr);
  }
  for (size_t i = 0; i < outputs; ++i) node.outputs.push_back("out" + std::to_string(i));
  const KernelContext context{
      .node = node, .opset = opset, .constants = std::vector<Tensor>(inputs.size())};
  ASSIGN_OR_RETURN(const std::unique_ptr<Kernel> kernel, CpuBackend().MakeKernel(context));
  UsedMemory memory;
  Outputs results(outputs, memory);
  omp_set_num_threads(1);  // As the executor runs kernels.
  RETURN_IF_ERROR(kernel->Run(pointers, results));
  return std::move(results).Take();
}

// The only output.
inline absl::StatusOr<Tensor> RunOne(const std::string& type, const std::vector<Tensor>& inputs,
                                     Attributes attributes = {}, int64_t opset = 17) {
  ASSIGN_OR_RETURN(std::vector<Tensor> results, RunOp(type, inputs, std::move(attributes), opset));
  return results[0];
}

inline Tensor RandomTensor(const Shape& shape, uint64_t seed, double reach = 1) {
  Random random(seed);
  Tensor tensor(DataType::kFloat, shape);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.mutable_data<float>()[i] = static_cast<float>((2 * random.Uniform() - 1) * reach);
  }
  return tensor;
}

inline Tensor Floats(const Shape& shape, const std::vector<float>& values) {
  return Tensor::Of<float>(shape, values);
}

inline Tensor Ints(const std::vector<int64_t>& values) {
  return Tensor::Of<int64_t>({static_cast<int64_t>(values.size())}, values);
}

template <typename T = float>
std::vector<T> ValuesOf(const Tensor& tensor) {
  return std::vector<T>(tensor.data<T>(), tensor.data<T>() + tensor.size());
}

// Positions of a shape in row-major order: Next() steps to the next one and says whether there is.
class Positions {
 public:
  explicit Positions(Shape shape) : shape_(std::move(shape)), at_(shape_.size(), 0) {}
  const std::vector<int64_t>& at() const { return at_; }
  bool Next() {
    for (size_t axis = shape_.size(); axis-- > 0;) {
      if (++at_[axis] < shape_[axis]) return true;
      at_[axis] = 0;
    }
    return false;
  }

 private:
  const Shape shape_;
  std::vector<int64_t> at_;
};

// The element at `position` of a tensor that is broadcast to that position's shape.
template <typename T>
T At(const Tensor& tensor, const std::vector<int64_t>& position) {
  int64_t offset = 0;
  const size_t skip = position.size() - tensor.rank();
  for (size_t axis = 0; axis < tensor.rank(); ++axis) {
    offset = offset * tensor.dim(axis) + (tensor.dim(axis) == 1 ? 0 : position[skip + axis]);
  }
  return tensor.data<T>()[offset];
}

inline void ExpectNear(const Tensor& actual, const Shape& shape,
                       const std::vector<double>& expected, double tolerance) {
  ASSERT_EQ(actual.shape(), shape);
  ASSERT_EQ(static_cast<size_t>(actual.size()), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(actual.data<float>()[i], expected[i], tolerance) << "element " << i;
  }
}

}  // namespace quantd::testing
