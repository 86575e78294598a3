// The passes that make graphs plain: before and after.
#include <gmock/gmock.h>

#include "tests/worker/graph/optimize/pass_bench.h"
#include "worker/graph/optimize/optimize.h"

namespace quantd::optimize {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::AfterPass;
using testing::GraphOf;
using testing::Ints;
using testing::Op;
using testing::PassContextFor;
using testing::Scalar;
using testing::Types;
using testing::Values;

using Axes = std::vector<int64_t>;

Node Transpose(const std::string& in, const std::string& out, Axes perm) {
  return Op("Transpose", {in}, {out}, {{"perm", std::move(perm)}});
}

TEST(MergeTransposesTest, TwoBecomeOne) {
  // Axis i of y is axis second[i] of t, which is axis first[second[i]] of x: {0,2,1,3} then {0,1,3,2} is {0,2,3,1}.
  const Graph graph = AfterPass(&MergeTransposes, {Transpose("x", "t", {0, 2, 1, 3}), Transpose("t", "y", {0, 1, 3, 2})});
  ASSERT_THAT(Types(graph), ElementsAre("Transpose"));
  EXPECT_THAT(graph.nodes[0].Ints("perm"), ElementsAre(0, 2, 3, 1));
  EXPECT_THAT(graph.nodes[0].inputs, ElementsAre("x"));
}

TEST(MergeTransposesTest, TheIdentityGoesAndWhatIsObservedStays) {
  EXPECT_THAT(Types(AfterPass(&MergeTransposes, {Transpose("x", "t", {0, 1}), Op("Relu", {"t"}, {"y"})})),
              ElementsAre("Relu"));
  EXPECT_THAT(Types(AfterPass(&MergeTransposes, {Transpose("x", "t", {0, 1}), Op("Relu", {"t"}, {"y"})}, {}, {"t"})),
              ElementsAre("Transpose", "Relu"));
  EXPECT_THAT(Types(AfterPass(&MergeTransposes, {Transpose("x", "t", {1, 0}), Transpose("t", "y", {1, 0})}, {}, {"t"})),
              ElementsAre("Transpose", "Transpose"));
  // Not a permutation: left for the kernel to refuse.
  EXPECT_THAT(Types(AfterPass(&MergeTransposes, {Transpose("x", "t", {0, 0}), Transpose("t", "y", {1, 0})})),
              ElementsAre("Transpose", "Transpose"));
}

TEST(MergeReshapesTest, TheLastShapeCountsUnlessItCopiesAnExtent) {
  const std::vector<Node> nodes = {Op("Reshape", {"x", "a"}, {"t"}), Op("Reshape", {"t", "b"}, {"y"})};
  const Graph graph = AfterPass(&MergeReshapes, nodes, {{"a", Values({2, 6})}, {"b", Values({3, -1})}});
  ASSERT_THAT(Types(graph), ElementsAre("Reshape"));
  EXPECT_THAT(graph.nodes[0].inputs, ElementsAre("x", "b"));
  EXPECT_THAT(Types(AfterPass(&MergeReshapes, nodes, {{"a", Values({2, 6})}, {"b", Values({0, -1})}})),
              ElementsAre("Reshape", "Reshape"));
}

TEST(RemoveNoOpsTest, DropsWhatChangesNothing) {
  const Graph graph = AfterPass(
      &RemoveNoOps,
      {Op("Identity", {"x"}, {"a"}), Op("Dropout", {"a"}, {"b"}),
       Op("Cast", {"b"}, {"c"}, {{"to", static_cast<int64_t>(DataType::kFloat)}}), Op("Relu", {"c"}, {"y"})});
  ASSERT_THAT(Types(graph), ElementsAre("Relu"));
  EXPECT_THAT(graph.nodes[0].inputs, ElementsAre("x"));
}

TEST(RemoveNoOpsTest, KeepsWhatMatters) {
  const auto cast = [](DataType to) { return Op("Cast", {"x"}, {"c"}, {{"to", static_cast<int64_t>(to)}}); };
  EXPECT_THAT(Types(AfterPass(&RemoveNoOps, {cast(DataType::kInt64), Op("Relu", {"c"}, {"y"})})),
              ElementsAre("Cast", "Relu"));
  EXPECT_THAT(Types(AfterPass(&RemoveNoOps, {cast(DataType::kFloat), Op("Relu", {"c"}, {"y"})}, {}, {"c"})),
              ElementsAre("Cast", "Relu"));
  // The mask is read.
  EXPECT_THAT(Types(AfterPass(&RemoveNoOps, {Op("Dropout", {"x"}, {"d", "mask"}), Op("Not", {"mask"}, {"y"})})),
              ElementsAre("Dropout", "Not"));
  // Nothing is known about the shape of x.
  EXPECT_THAT(Types(AfterPass(&RemoveNoOps, {Op("Reshape", {"x", "s"}, {"r"}), Op("Relu", {"r"}, {"y"})},
                              {{"s", Values({2, 3})}})),
              ElementsAre("Reshape", "Relu"));
}

TEST(MergeEqualNodesTest, EqualNodesAndEqualConstantsBecomeOne) {
  const Graph graph = AfterPass(&MergeEqualNodes,
                                {Op("Add", {"x", "one"}, {"a"}), Op("Add", {"x", "also_one"}, {"b"}),
                                 Op("Mul", {"a", "b"}, {"y"})},
                                {{"one", Scalar(1)}, {"also_one", Scalar(1)}});
  ASSERT_THAT(Types(graph), ElementsAre("Add", "Mul"));
  EXPECT_THAT(graph.nodes[1].inputs, ElementsAre("a", "a"));
}

TEST(MergeEqualNodesTest, DifferentConstantsAttributesAndObservedTensorsStayApart) {
  EXPECT_THAT(Types(AfterPass(&MergeEqualNodes,
                              {Op("Add", {"x", "one"}, {"a"}), Op("Add", {"x", "two"}, {"b"}), Op("Mul", {"a", "b"}, {"y"})},
                              {{"one", Scalar(1)}, {"two", Scalar(2)}})),
              ElementsAre("Add", "Add", "Mul"));
  EXPECT_THAT(Types(AfterPass(&MergeEqualNodes, {Op("Elu", {"x"}, {"a"}, {{"alpha", 1.0f}}),
                                                 Op("Elu", {"x"}, {"b"}, {{"alpha", 2.0f}}), Op("Mul", {"a", "b"}, {"y"})})),
              ElementsAre("Elu", "Elu", "Mul"));
  EXPECT_THAT(Types(AfterPass(&MergeEqualNodes,
                              {Op("Relu", {"x"}, {"a"}), Op("Relu", {"x"}, {"b"}), Op("Mul", {"a", "b"}, {"y"})}, {}, {"b"})),
              ElementsAre("Relu", "Relu", "Mul"));
  EXPECT_THAT(Types(AfterPass(&MergeEqualNodes, {Op("RandomUniformLike", {"x"}, {"a"}), Op("RandomUniformLike", {"x"}, {"b"}),
                                                 Op("Mul", {"a", "b"}, {"y"})})),
              ElementsAre("RandomUniformLike", "RandomUniformLike", "Mul"));
}

TEST(FoldShapesTest, KnownExtentsBecomeConstantsAndSymbolsDoNot) {
  Graph graph = GraphOf({Op("Shape", {"x"}, {"s"}), Op("Gather", {"s", "i"}, {"width"}), Op("Gather", {"s", "o"}, {"batch"}),
                         Op("Concat", {"width", "batch"}, {"t"}, {{"axis", int64_t{0}}}), Op("Reshape", {"x", "t"}, {"y"})},
                        {{"i", Values({1})}, {"o", Values({0})}});
  graph.inputs[0].has_shape = true;
  graph.inputs[0].shape = {{-1, "N"}, {.extent = 12}};
  EXPECT_TRUE(FoldShapes(graph, PassContextFor()));
  RemoveDeadNodes(graph);
  EXPECT_THAT(Types(graph), ElementsAre("Shape", "Gather", "Concat", "Reshape"));
  EXPECT_THAT(Ints(graph, "width"), ElementsAre(12));
}

TEST(FoldShapesTest, WhatIsEqualIsComputedOnceUnlessOnlyTheModelSaysSo) {
  for (const bool two_inputs : {false, true}) {
    Graph graph = GraphOf({Op("Relu", {"x"}, {"r"}), Op("Shape", {"x"}, {"s"}), Op("Shape", {"r"}, {"t"}),
                           Op("Gather", {"s", "o"}, {"a"}), Op("Gather", {"t", "o"}, {"b"}),
                           Op("Concat", {"a", "b"}, {"y"}, {{"axis", int64_t{0}}})},
                          {{"o", Values({0})}});
    graph.inputs[0].has_shape = true;
    graph.inputs[0].shape = {{-1, "N"}, {-1, "S"}};
    if (two_inputs) {
      graph.inputs.push_back(graph.inputs[0]);
      graph.inputs[1].name = "z";
      graph.nodes[0].inputs[0] = "z";
    }
    FoldShapes(graph, PassContextFor());
    RemoveDeadNodes(graph);
    EXPECT_EQ(graph.nodes.size(), two_inputs ? 6u : 3u);
  }
}

TEST(FoldConstantsTest, ComputesThroughTheBackendAndLeavesWhatFails) {
  PassContext context = PassContextFor();
  bool fails = false;
  context.evaluate = [&](const Node&, const std::vector<const Tensor*>&) -> absl::StatusOr<std::vector<Tensor>> {
    if (fails) return absl::InvalidArgumentError("shapes do not fit");
    return std::vector<Tensor>{Tensor(DataType::kFloat, {3})};
  };
  const std::vector<Node> nodes = {Op("Neg", {"one"}, {"a"}), Op("Add", {"x", "a"}, {"y"})};
  Graph graph = GraphOf(nodes, {{"one", Scalar(1)}});
  EXPECT_TRUE(FoldConstants(graph, context));
  EXPECT_THAT(Types(graph), ElementsAre("Add"));
  EXPECT_EQ(graph.initializers.at("a").size(), 3);
  fails = true;
  Graph failing = GraphOf(nodes, {{"one", Scalar(1)}});
  EXPECT_FALSE(FoldConstants(failing, context));
  EXPECT_THAT(Types(failing), ElementsAre("Neg", "Add"));
}

TEST(OptimizeTest, KeptTensorsSurviveAndOutputsAreTheGraphsOwn) {
  const std::vector<Node> nodes = {Op("Identity", {"x"}, {"a"}), Op("Relu", {"a"}, {"b"}), Op("Neg", {"x"}, {"unused"}),
                                   Op("Identity", {"b"}, {"c"}), Op("Relu", {"c"}, {"y"})};
  Graph graph = GraphOf(nodes);
  Optimize(graph, {"a", "unused", "y"}, false, PassContextFor());
  EXPECT_THAT(Types(graph), ElementsAre("Identity", "Relu", "Neg", "Relu"));
  ASSERT_EQ(graph.outputs.size(), 1u);
  EXPECT_EQ(graph.outputs[0].name, "y");
  graph = GraphOf(nodes);
  Optimize(graph, {}, false, PassContextFor());
  EXPECT_THAT(Types(graph), ElementsAre("Relu", "Relu"));
}

}  // namespace
}  // namespace quantd::optimize
