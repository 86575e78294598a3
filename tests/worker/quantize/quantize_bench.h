// Small graphs and their data for the tests of quantization.
#pragma once

#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/check.h"
#include "common/random.h"
#include "common/status_macros.h"
#include "tests/support/status_matchers.h"
#include "tests/worker/graph/rewrites/nodes.h"
#include "worker/backend/backend.h"
#include "worker/exec/batch_source.h"
#include "worker/exec/executor.h"
#include "worker/formats/convert_tensor.h"
#include "worker/methods/recipe.h"
#include "worker/quantize/apply_quantization.h"
#include "worker/quantize/calibrate.h"
#include "worker/quantize/choose_codes.h"
#include "worker/quantize/quantization_plan.h"

namespace quantd::testing {

inline constexpr int64_t kOpset = 13;

inline Tensor RandomTensor(const Shape& shape, uint64_t seed, double reach = 1) {
  Random random(seed);
  Tensor tensor(DataType::kFloat, shape);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.mutable_data<float>()[i] = static_cast<float>((2 * random.Uniform() - 1) * reach);
  }
  return tensor;
}

inline std::vector<float> ValuesOf(const Tensor& tensor) {
  return {tensor.data<float>(), tensor.data<float>() + tensor.size()};
}

// Every integer tensor as int64.
inline std::vector<int64_t> CodesOf(const Tensor& tensor) {
  if (IsPacked(tensor.dtype())) return CodesOf(UnpackIntegers(tensor));
  std::vector<int64_t> codes;
  for (int64_t i = 0; i < tensor.size(); ++i) {
    switch (tensor.dtype()) {
      case DataType::kInt8:
        codes.push_back(tensor.data<int8_t>()[i]);
        break;
      case DataType::kUint8:
        codes.push_back(tensor.data<uint8_t>()[i]);
        break;
      default:
        codes.push_back(tensor.data<int32_t>()[i]);
    }
  }
  return codes;
}

// The outputs and the tensors to keep.
inline TensorMap RunGraph(const Graph& graph, const Tensor& x,
                          const std::vector<std::string>& keep = {}, int64_t opset = kOpset) {
  TensorMap seen;
  const TensorMap outputs =
      CompileGraph(graph, opset, CpuBackend(), {.keep = keep})
          .value()
          ->RunObserved({{"x", x}},
                        [&](const std::string& name, const Tensor& tensor) { seen[name] = tensor; })
          .value();
  seen.insert(outputs.begin(), outputs.end());
  return seen;
}

// Batches of `batch` rows of x. `x` must outlive the source.
inline BatchSource BatchesOf(const Tensor& x, int64_t batch) {
  return {.batches = (x.dim(0) + batch - 1) / batch,
          .batch_rows = batch,
          .load = [&x, batch](int64_t i) -> absl::StatusOr<TensorMap> {
            return TensorMap{{"x", x.Rows(i * batch, std::min(batch, x.dim(0) - i * batch))}};
          }};
}

inline Recipe MinmaxRecipe() {
  return {.weight = {{"int8_sym"}, {"per_channel"}, {"minmax"}, {"nearest"}},
          .activation = {{"uint8_asym"}, {"per_tensor"}, {"minmax"}, {"nearest"}}};
}

// For tests of a layer by itself: its output is not quantized.
inline Recipe InputsOnly(Recipe recipe) {
  recipe.placement = {"inputs_only"};
  return recipe;
}

struct Quantized {
  QuantizationPlan plan;
  Quantization quantization;
};

// Plans, calibrates on x and chooses codes.
inline Quantized Quantize(const Graph& graph, const Tensor& x, const Recipe& recipe) {
  Quantized result;
  result.plan = PlanQuantization(graph, recipe).value();
  const auto statistics =
      CalibrateTensors(graph, kOpset, TensorsToObserve(result.plan), BatchesOf(x, 4), 1).value();
  result.quantization = ChooseCodes(graph, result.plan, statistics, 1).value();
  return result;
}

inline const Node& NodeNamed(const Graph& graph, const std::string& name) {
  for (const Node& node : graph.nodes) {
    if (node.name == name) return node;
  }
  QUANTD_CHECK(false);
  return graph.nodes[0];
}

// The value that an affine code stands for, by its definition.
inline double RoundTrip(double x, double scale, int zero_point, int lowest, int highest) {
  const double code =
      std::nearbyint(static_cast<float>(x) / static_cast<float>(scale)) + zero_point;
  return (std::min<double>(std::max<double>(code, lowest), highest) - zero_point) * scale;
}

}  // namespace quantd::testing
