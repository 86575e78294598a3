// Writes a graph node by node, with the names that PyTorch's exporter would give. For the models of
// tests and measurements; not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/random.h"
#include "worker/graph/graph.h"

namespace quantd::testing {

class GraphBuilder {
 public:
  using Attributes = std::map<std::string, AttributeValue>;

  // Equal seeds and equal calls give equal graphs.
  GraphBuilder(std::string name, uint64_t seed);

  // A model input; a dimension is an extent or a symbol.
  std::string Input(const std::string& name, DataType dtype, std::vector<Dimension> shape);
  void Output(const std::string& tensor, std::vector<Dimension> shape);

  // Initializers. Weight draws uniformly with mean 0 and the given standard deviation, Range
  // uniformly from [low, high).
  std::string Weight(const std::string& name, Shape shape, double deviation);
  std::string Range(const std::string& name, Shape shape, double low, double high);
  std::string Constant(const std::string& name, Tensor tensor);

  // Adds a node "SCOPE/TYPE" (TYPE_1, ... where that is taken) and returns its first output, which
  // is named after it.
  std::string Op(const std::string& scope, const std::string& type, std::vector<std::string> inputs,
                 Attributes attributes = {});
  std::vector<std::string> OpWithOutputs(const std::string& scope, const std::string& type,
                                         std::vector<std::string> inputs, int outputs,
                                         Attributes attributes = {});

  // Common pieces. Each scalar or list becomes an initializer of its own, as exporters write them.
  std::string Float(float value);
  std::string Ints(std::vector<int64_t> values);
  std::string Int(int64_t value);  // A scalar.
  // Extent of `axis` of `tensor` as a scalar: Shape, Gather.
  std::string Extent(const std::string& scope, const std::string& tensor, int64_t axis);
  // Reshape of `tensor` to the concatenation of the scalar tensors: Unsqueeze each, Concat,
  // Reshape.
  std::string ReshapeTo(const std::string& scope, const std::string& tensor,
                        const std::vector<std::string>& extents);
  // x W + b as MatMul and Add; W is [in, out] of deviation gain / sqrt(in), the bias comes first in
  // the Add.
  std::string Linear(const std::string& scope, const std::string& x, int64_t in, int64_t out,
                     double gain = 1);
  // 0.5 x (1 + erf(x / sqrt 2)): Div, Erf, Add, Mul, Mul.
  std::string Gelu(const std::string& scope, const std::string& x);

  // The finished model; the builder is empty after it.
  Model Build(int64_t opset);

 private:
  std::string Auto(Tensor tensor);

  Graph graph_;
  Random random_;
  std::map<std::string, int> used_;
  int constants_ = 0;
};

// A symbolic dimension.
Dimension Symbol(const std::string& name);

}  // namespace quantd::testing
