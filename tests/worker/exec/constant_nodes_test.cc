#include "worker/exec/constant_nodes.h"

#include <memory>
#include <optional>
#include <vector>

#include "common/status_macros.h"
#include "tests/support/status_matchers.h"
#include "tests/worker/graph/rewrites/nodes.h"

namespace quantd {
namespace {

using testing::GraphOf;
using testing::HasReason;
using testing::NamesField;
using testing::Op;
using testing::StatusIs;

constexpr int64_t kOpset = 13;

// The node's outputs, computed before the model runs; nothing when they are left to the run.
absl::StatusOr<std::optional<std::vector<Tensor>>> Compute(ConstantNodes& constants, const Node& node,
                                                           const std::vector<Tensor>& inputs) {
  std::vector<const Tensor*> pointers;
  for (const Tensor& input : inputs) pointers.push_back(&input);
  const KernelContext context{.node = node, .opset = kOpset, .constants = inputs};
  ASSIGN_OR_RETURN(const std::unique_ptr<Kernel> kernel, CpuBackend().MakeKernel(context));
  return constants.Run(node, *kernel, pointers);
}

Tensor Extents(const std::vector<int64_t>& extents) {
  return Tensor::Of<int64_t>({static_cast<int64_t>(extents.size())}, extents);
}

TEST(ConstantNodesTest, ComputesWhatIsSmall) {
  ConstantNodes constants(GraphOf({}));
  ASSERT_OK_AND_ASSIGN(const auto outputs, Compute(constants, Op("Expand", {"a", "s"}, {"e"}),
                                                   {Tensor::Scalar<float>(3), Extents({2})}));
  ASSERT_TRUE(outputs.has_value());
  EXPECT_TRUE(IdenticalTensors(outputs->at(0), Tensor::Of<float>({2}, {3, 3})));
}

TEST(ConstantNodesTest, ATensorBeyondTheBoundIsRefusedAndItsNodeNamed) {
  ConstantNodes constants(GraphOf({}));
  const int64_t floats = static_cast<int64_t>(kConstantBytesMax / sizeof(float));
  EXPECT_THAT(
      Compute(constants, Op("ConstantOfShape", {"s"}, {"big"}), {Extents({floats + 1})}),
      ::testing::AllOf(StatusIs(absl::StatusCode::kInvalidArgument),
                       HasReason("CONSTANT_TOO_LARGE"), NamesField("model.graph.node[big]")));
}

TEST(ConstantNodesTest, TheBoundGrowsWithTheGraphsOwnWeights) {
  // 2^20 bytes of weights allow 2^24 bytes more to be read and made; 64 MiB + 8 MiB fit only with them.
  const Tensor extents = Extents({(72 << 20) / 4});
  const Node node = Op("ConstantOfShape", {"s"}, {"big"});
  ConstantNodes poor(GraphOf({}));
  ASSERT_OK_AND_ASSIGN(const auto left, Compute(poor, node, {extents}));
  EXPECT_FALSE(left.has_value());
  ConstantNodes rich(GraphOf({}, {{"w", Tensor(DataType::kInt8, {1 << 20})}}));
  ASSERT_OK_AND_ASSIGN(const auto made, Compute(rich, node, {extents}));
  EXPECT_TRUE(made.has_value());
}

TEST(ConstantNodesTest, TrafficIsCountedOverAllNodes) {
  // Each reads and makes 2 x 8 MiB: four fit into 64 MiB, less what the first was made of.
  ConstantNodes constants(GraphOf({}));
  const Tensor x(DataType::kFloat, {2 << 20});
  int computed = 0;
  for (int i = 0; i < 10; ++i) {
    ASSERT_OK_AND_ASSIGN(const auto outputs, Compute(constants, Op("Relu", {"x"}, {"y"}), {x}));
    computed += outputs.has_value() ? 1 : 0;
  }
  EXPECT_EQ(computed, 4);
}

TEST(ConstantNodesTest, CostlyOperatorsWaitForTheRunUnlessTheyAreSmall) {
  ConstantNodes constants(GraphOf({}));
  const Node node = Op("MatMul", {"a", "b"}, {"p"});
  const Tensor small(DataType::kFloat, {64, 64}), large(DataType::kFloat, {128, 128});
  ASSERT_OK_AND_ASSIGN(const auto computed, Compute(constants, node, {small, small}));
  EXPECT_TRUE(computed.has_value());
  ASSERT_OK_AND_ASSIGN(const auto left, Compute(constants, node, {large, large}));
  EXPECT_FALSE(left.has_value());
  // A small product with a large result is as costly.
  const Tensor column(DataType::kFloat, {4096, 1}), row(DataType::kFloat, {1, 4096});
  ASSERT_OK_AND_ASSIGN(const auto outer, Compute(constants, node, {column, row}));
  EXPECT_FALSE(outer.has_value());
}

TEST(ConstantNodesTest, AnEmptyTensorCountsAsWhatLoopsMayWalk) {
  ConstantNodes constants(GraphOf({}));
  ASSERT_OK_AND_ASSIGN(const auto outputs, Compute(constants, Op("Relu", {"x"}, {"y"}),
                                                   {Tensor(DataType::kFloat, {int64_t{1} << 32, 0})}));
  EXPECT_FALSE(outputs.has_value());
}

TEST(ConstantNodesTest, ANodeWithABodyWaitsForTheRun) {
  ConstantNodes constants(GraphOf({}));
  const Node node = Op("Relu", {"x"}, {"y"}, {{"body", std::make_shared<const Graph>()}});
  ASSERT_OK_AND_ASSIGN(const auto outputs, Compute(constants, node, {Tensor::Scalar<float>(1)}));
  EXPECT_FALSE(outputs.has_value());
}

TEST(ConstantNodesTest, AnOutputThatTheOperatorLacksIsRefused) {
  ConstantNodes constants(GraphOf({}));
  EXPECT_THAT(Compute(constants, Op("Relu", {"x"}, {"y", "z"}), {Tensor::Scalar<float>(1)}),
              ::testing::AllOf(HasReason("BAD_GRAPH"), NamesField("model.graph.node[y]")));
  // Unless it is not used.
  EXPECT_OK(Compute(constants, Op("Relu", {"x"}, {"y", ""}), {Tensor::Scalar<float>(1)}));
}

}  // namespace
}  // namespace quantd
