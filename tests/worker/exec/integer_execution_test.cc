// Layers between codes, computed in integers and simulated in float: the same up to one code where float32 rounds a
// sum to the other side of a tie.
#include <gmock/gmock.h>

#include <cmath>

#include "tests/support/status_matchers.h"
#include "tests/worker/graph/rewrites/nodes.h"
#include "worker/backend/backend.h"
#include "worker/exec/executor.h"

namespace quantd {
namespace {

using ::testing::Pair;
using ::testing::UnorderedElementsAre;
using testing::GraphOf;
using testing::Op;

constexpr int64_t kOpset = 17;

Tensor Wave(const Shape& shape, double step, double reach) {
  Tensor tensor(DataType::kFloat, shape);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.mutable_data<float>()[i] = static_cast<float>(reach * std::sin(step * static_cast<double>(i + 1)));
  }
  return tensor;
}

// Codes within -64..64, which every instruction set adds exactly.
Tensor WeightCodes(const Shape& shape) {
  Tensor tensor(DataType::kInt8, shape);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.mutable_data<int8_t>()[i] = static_cast<int8_t>(std::lround(64 * std::sin(0.7 * static_cast<double>(i + 1))));
  }
  return tensor;
}

// x -> codes -> Conv(+ bias) -> Relu -> codes -> Conv -> y, and a residual sum that stays float.
Graph Network() {
  std::map<std::string, Tensor> constants = {
      {"xs", Tensor::Scalar<float>(0.02f)},  {"xz", Tensor::Scalar<uint8_t>(128)},
      {"hs", Tensor::Scalar<float>(0.05f)},  {"hz", Tensor::Scalar<uint8_t>(3)},
      {"w1", WeightCodes({8, 4, 3, 3})},     {"s1", Tensor::Of<float>({8}, {.01f, .02f, .01f, .005f, .01f, .01f, .02f, .03f})},
      {"z1", Tensor(DataType::kInt8, {8})},  {"b1", Tensor::Of<int32_t>({8}, {100, -200, 300, 0, 5, -7, 1000, 1})},
      {"bs", Tensor(DataType::kFloat, {8})}, {"bz", Tensor(DataType::kInt32, {8})},
      {"w2", WeightCodes({4, 8, 1, 1})},     {"s2", Tensor::Scalar<float>(0.01f)},
      {"z2", Tensor::Scalar<int8_t>(0)}};
  for (int64_t c = 0; c < 8; ++c) {
    constants["bs"].mutable_data<float>()[c] = 0.02f * constants["s1"].data<float>()[c];
  }
  const std::map<std::string, AttributeValue> first = {{"axis", int64_t{0}}};
  return GraphOf({Op("QuantizeLinear", {"x", "xs", "xz"}, {"xq"}), Op("DequantizeLinear", {"xq", "xs", "xz"}, {"xd"}),
                  Op("DequantizeLinear", {"w1", "s1", "z1"}, {"w1d"}, first),
                  Op("DequantizeLinear", {"b1", "bs", "bz"}, {"b1d"}, first),
                  Op("Conv", {"xd", "w1d", "b1d"}, {"c1"}, {{"pads", std::vector<int64_t>{1, 1, 1, 1}}}),
                  Op("Relu", {"c1"}, {"r1"}), Op("QuantizeLinear", {"r1", "hs", "hz"}, {"hq"}),
                  Op("DequantizeLinear", {"hq", "hs", "hz"}, {"hd"}), Op("DequantizeLinear", {"w2", "s2", "z2"}, {"w2d"}),
                  Op("Conv", {"hd", "w2d"}, {"c2"}), Op("Add", {"c2", "x"}, {"y"})},
                 constants);
}

TEST(IntegerExecutionTest, AgreesWithTheSimulation) {
  const Graph graph = Network();
  ASSERT_OK_AND_ASSIGN(const auto simulated, CompileGraph(graph, kOpset, CpuBackend()));
  ASSERT_OK_AND_ASSIGN(const auto integer, CompileGraph(graph, kOpset, CpuBackend(), {.arithmetic = Arithmetic::kInteger}));
  EXPECT_EQ(integer->OperatorCounts().at("IntegerConv"), 2);
  EXPECT_EQ(integer->OperatorCounts().count("FusedConv"), 0u);
  EXPECT_EQ(simulated->OperatorCounts().count("IntegerConv"), 0u);

  const TensorMap feeds = {{"x", Wave({2, 4, 6, 5}, 0.37, 2)}};
  ASSERT_OK_AND_ASSIGN(const TensorMap expected, simulated->Run(feeds));
  ASSERT_OK_AND_ASSIGN(const TensorMap actual, integer->Run(feeds));
  const Tensor& y = expected.at("y");
  ASSERT_EQ(actual.at("y").shape(), y.shape());
  int64_t apart = 0;
  for (int64_t i = 0; i < y.size(); ++i) {
    const double difference = std::abs(y.data<float>()[i] - actual.at("y").data<float>()[i]);
    apart += difference > 1e-4;
    // One code of h is 0.05; times the largest weight, 64 * 0.01.
    EXPECT_LE(difference, 0.05 * 0.64 + 1e-4) << i;
  }
  EXPECT_LE(apart, y.size() / 100);
}

TEST(IntegerExecutionTest, WhatHasNoIntegerFormIsSimulated) {
  Graph graph = Network();
  graph.initializers["z2"] = Tensor::Scalar<int8_t>(5);  // Asymmetric weights.
  ASSERT_OK_AND_ASSIGN(const auto integer, CompileGraph(graph, kOpset, CpuBackend(), {.arithmetic = Arithmetic::kInteger}));
  EXPECT_EQ(integer->OperatorCounts().at("IntegerConv"), 1);
  EXPECT_EQ(integer->OperatorCounts().at("FusedConv"), 1);
}

TEST(IntegerExecutionTest, AKeptTensorIsThereInFloat) {
  ASSERT_OK_AND_ASSIGN(const auto integer,
                       CompileGraph(Network(), kOpset, CpuBackend(), {.keep = {"r1"}, .arithmetic = Arithmetic::kInteger}));
  std::string seen;
  ASSERT_OK(integer->RunObserved({{"x", Wave({1, 4, 6, 5}, 0.37, 2)}}, [&](const std::string& name, const Tensor& r) {
    seen = name;
    EXPECT_EQ(r.dtype(), DataType::kFloat);
    EXPECT_EQ(r.shape(), (Shape{1, 8, 6, 5}));
  }));
  EXPECT_EQ(seen, "r1");
}

}  // namespace
}  // namespace quantd
