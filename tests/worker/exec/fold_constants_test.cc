#include "worker/exec/fold_constants.h"

#include <gmock/gmock.h>

#include "tests/support/status_matchers.h"
#include "tests/worker/graph/rewrites/nodes.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using testing::Floats;
using testing::GraphOf;
using testing::Op;
using testing::Types;

constexpr int64_t kOpset = 13;

TEST(FoldConstantsTest, ComputesChainsOfConstants) {
  // (2 + 3) * 2 = 10.
  Graph graph = GraphOf(
      {Op("Add", {"a", "b"}, {"s"}), Op("Mul", {"s", "a"}, {"p"}), Op("Add", {"x", "p"}, {"y"})},
      {{"a", Tensor::Scalar<float>(2)}, {"b", Tensor::Scalar<float>(3)}});
  ASSERT_OK(FoldConstants(graph, kOpset, CpuBackend()));
  EXPECT_THAT(Types(graph), ElementsAre("Add"));
  EXPECT_THAT(Floats(graph, "p"), ElementsAre(10));
  EXPECT_EQ(graph.initializers.size(), 1u);  // What nobody reads any more is gone.
}

TEST(FoldConstantsTest, DoesNotGrowTheModel) {
  // 4 numbers would become 4,000: 16,000 bytes.
  Graph graph = GraphOf(
      {Op("Expand", {"a", "shape"}, {"e"}), Op("Add", {"x", "e"}, {"y"})},
      {{"a", Tensor(DataType::kFloat, {1, 4})}, {"shape", Tensor::Of<int64_t>({2}, {1000, 4})}});
  ASSERT_OK(FoldConstants(graph, kOpset, CpuBackend()));
  EXPECT_THAT(Types(graph), ElementsAre("Expand", "Add"));
}

TEST(FoldConstantsTest, ASequenceIsNoInitializer) {
  Graph graph = GraphOf({Op("SequenceConstruct", {"a"}, {"s"}), Op("SequenceAt", {"s", "i"}, {"e"}),
                         Op("Add", {"x", "e"}, {"y"})},
                        {{"a", Tensor::Scalar<float>(2)}, {"i", Tensor::Scalar<int64_t>(0)}});
  ASSERT_OK(FoldConstants(graph, kOpset, CpuBackend()));
  EXPECT_THAT(Types(graph), ElementsAre("SequenceConstruct", "SequenceAt", "Add"));
}

TEST(FoldConstantsTest, LeavesWhatTheBackendLacks) {
  Graph graph = GraphOf({Op("Bernoulli", {"a"}, {"b"}), Op("Add", {"x", "b"}, {"y"})},
                        {{"a", Tensor::Scalar<float>(2)}});
  ASSERT_OK(FoldConstants(graph, kOpset, CpuBackend()));
  EXPECT_THAT(Types(graph), ElementsAre("Bernoulli", "Add"));
}

TEST(FoldConstantsTest, AConstantThatCannotBeComputedNamesItsNode) {
  Graph graph =
      GraphOf({Op("Add", {"a", "b"}, {"s"}), Op("Add", {"x", "s"}, {"y"})},
              {{"a", Tensor(DataType::kFloat, {2})}, {"b", Tensor(DataType::kFloat, {3})}});
  EXPECT_THAT(FoldConstants(graph, kOpset, CpuBackend()),
              testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                ::testing::HasSubstr("node 's' (Add)")));
}

}  // namespace
}  // namespace quantd
