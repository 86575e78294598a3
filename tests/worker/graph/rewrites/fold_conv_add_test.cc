#include "worker/graph/rewrites/fold_conv_add.h"

#include "tests/support/status_matchers.h"
#include "tests/worker/graph/rewrites/nodes.h"

namespace quantd {
namespace {

using namespace ::quantd::testing;  // NOLINT: matchers and builders.
using ::testing::ElementsAre;

const Tensor kWeights = Tensor::Of<float>({2, 1, 1, 1}, {1, 1});

TEST(FoldConvAdd, MakesAConstantOfOneValueAChannelTheBias) {
  for (const Shape& shape : {Shape{2, 1, 1}, Shape{1, 2, 1, 1}}) {
    for (const bool constant_first : {false, true}) {
      const Node add = constant_first ? Op("Add", {"a", "c"}, {"y"}) : Op("Add", {"c", "a"}, {"y"});
      Graph graph = GraphOf({Op("Conv", {"x", "w"}, {"c"}), add},
                            {{"w", kWeights}, {"a", Tensor::Of<float>(shape, {3, 4})}});
      ASSERT_OK(FoldConvAdd(graph));
      ASSERT_THAT(Types(graph), ElementsAre("Conv"));
      EXPECT_THAT(graph.nodes[0].outputs, ElementsAre("y"));
      EXPECT_THAT(Floats(graph, graph.nodes[0].inputs[2]), ElementsAre(3, 4));
    }
  }
}

TEST(FoldConvAdd, AddsToABiasThatIsThere) {
  Graph graph = GraphOf({Op("Conv", {"x", "w", "b"}, {"c"}), Op("Add", {"c", "a"}, {"y"})},
                        {{"w", kWeights}, {"b", Tensor::Of<float>({2}, {10, 20})},
                         {"a", Tensor::Of<float>({2, 1, 1}, {3, 4})}});
  ASSERT_OK(FoldConvAdd(graph));
  EXPECT_THAT(Floats(graph, "b"), ElementsAre(13, 24));
}

TEST(FoldConvAdd, AddsAScalarToEveryChannel) {
  Graph graph = GraphOf({Op("Conv", {"x", "w"}, {"c"}), Op("Add", {"c", "a"}, {"y"})},
                        {{"w", kWeights}, {"a", Tensor::Scalar(5.0f)}});
  ASSERT_OK(FoldConvAdd(graph));
  EXPECT_THAT(Floats(graph, graph.nodes[0].inputs[2]), ElementsAre(5, 5));
}

// [2] and [1,1,2] run along the width, [2,1,1,1] along the batch, [2,1,1,1,1] adds an axis.
TEST(FoldConvAdd, LeavesConstantsThatRunAlongOtherAxes) {
  for (const Shape& shape : {Shape{2}, Shape{1, 1, 2}, Shape{2, 1, 1, 1}, Shape{2, 1, 1, 1, 1}}) {
    Graph graph = GraphOf({Op("Conv", {"x", "w"}, {"c"}), Op("Add", {"c", "a"}, {"y"})},
                          {{"w", kWeights}, {"a", Tensor::Of<float>(shape, {3, 4})}});
    ASSERT_OK(FoldConvAdd(graph));
    EXPECT_THAT(Types(graph), ElementsAre("Conv", "Add")) << ShapeString(shape);
  }
}

TEST(FoldConvAdd, LeavesTheSumOfTwoConvs) {
  Graph graph = GraphOf({Op("Conv", {"x", "w"}, {"c"}), Op("Conv", {"x", "w"}, {"d"}),
                         Op("Add", {"c", "d"}, {"y"})}, {{"w", kWeights}});
  ASSERT_OK(FoldConvAdd(graph));
  EXPECT_EQ(graph.nodes.size(), 3u);
}

}  // namespace
}  // namespace quantd
