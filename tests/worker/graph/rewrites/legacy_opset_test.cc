#include "worker/graph/rewrites/legacy_opset.h"

#include <gmock/gmock.h>

#include "tests/support/status_matchers.h"
#include "tests/worker/graph/rewrites/nodes.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using testing::GraphOf;
using testing::HasReason;
using testing::Ints;
using testing::Op;
using testing::Types;

Model ModelOf(Graph graph, int64_t opset = 6) {
  Model model{.graph = std::move(graph)};
  model.opset_imports[""] = opset;
  return model;
}

Graph WithInputShape(Graph graph, std::vector<Dimension> shape) {
  graph.inputs[0].has_shape = true;
  graph.inputs[0].shape = std::move(shape);
  return graph;
}

TEST(LegacyOpsetTest, ABroadcastAlongAnAxisGetsTheAxesThatNumpyNeeds) {
  // x [N,C,H,W] + b [C] along axis 1: b becomes [C,1,1].
  Model model = ModelOf(WithInputShape(
      GraphOf({Op("Add", {"x", "b"}, {"y"}, {{"broadcast", int64_t{1}}, {"axis", int64_t{1}}})},
              {{"b", Tensor::Of<float>({3}, {1, 2, 3})}}),
      {{1}, {3}, {4}, {4}}));
  ASSERT_OK(RaiseLegacyOpset(model));
  EXPECT_EQ(model.opset(), 7);
  const Node& add = model.graph.nodes[0];
  EXPECT_TRUE(add.attributes.empty());
  EXPECT_EQ(model.graph.initializers.at(add.inputs[1]).shape(), (Shape{3, 1, 1}));
  EXPECT_EQ(model.graph.initializers.at("b").shape(), (Shape{3}));  // Others may read it.
}

TEST(LegacyOpsetTest, AComputedOperandIsUnsqueezed) {
  Graph graph = GraphOf({Op("Mul", {"x", "m"}, {"y"}, {{"broadcast", int64_t{1}}, {"axis", int64_t{0}}})});
  graph.inputs.push_back({.name = "m", .dtype = DataType::kFloat, .has_shape = true, .shape = {{2}}});
  Model model = ModelOf(WithInputShape(std::move(graph), {{2}, {5}}));
  ASSERT_OK(RaiseLegacyOpset(model));
  ASSERT_THAT(Types(model.graph), ElementsAre("Unsqueeze", "Mul"));
  EXPECT_THAT(model.graph.nodes[0].Ints("axes"), ElementsAre(1));
  EXPECT_EQ(model.graph.nodes[1].inputs[1], model.graph.nodes[0].outputs[0]);
}

TEST(LegacyOpsetTest, ABroadcastAlongAnAxisOfUnknownRankIsRefused) {
  Model model = ModelOf(GraphOf({Op("Add", {"x", "b"}, {"y"}, {{"broadcast", int64_t{1}}, {"axis", int64_t{1}}})},
                                {{"b", Tensor::Of<float>({1}, {1})}}));
  EXPECT_THAT(RaiseLegacyOpset(model), HasReason("UNSUPPORTED_OPSET"));
}

TEST(LegacyOpsetTest, ASlopePerChannelBelongsToTheSecondAxis) {
  Model model = ModelOf(WithInputShape(
      GraphOf({Op("PRelu", {"x", "s"}, {"y"})}, {{"s", Tensor::Of<float>({2}, {1, 2})}}), {{1}, {2}, {3}, {3}}));
  ASSERT_OK(RaiseLegacyOpset(model));
  EXPECT_EQ(model.graph.initializers.at(model.graph.nodes[0].inputs[1]).shape(), (Shape{2, 1, 1}));
}

TEST(LegacyOpsetTest, AttributesOfTrainingAndHintsVanish) {
  Model model = ModelOf(GraphOf({Op("BatchNormalization", {"x", "a", "b", "c", "d"}, {"h"},
                                    {{"is_test", int64_t{1}}, {"consumed_inputs", std::vector<int64_t>{0, 0, 0, 1, 1}}}),
                                 Op("Dropout", {"h"}, {"y"}, {{"is_test", int64_t{1}}, {"ratio", 0.5f}})}));
  ASSERT_OK(RaiseLegacyOpset(model));
  EXPECT_TRUE(model.graph.nodes[0].attributes.empty());
  EXPECT_FALSE(model.graph.nodes[1].Has("is_test"));
  EXPECT_TRUE(model.graph.nodes[1].Has("ratio"));
}

TEST(LegacyOpsetTest, NormalizationInTrainingIsRefused) {
  Model model = ModelOf(GraphOf({Op("BatchNormalization", {"x", "a", "b", "c", "d"}, {"y", "m", "v"})}));
  EXPECT_THAT(RaiseLegacyOpset(model), HasReason("UNSUPPORTED_OPSET"));
}

TEST(LegacyOpsetTest, WhatWereAttributesOfTheFirstVersionsAreInputs) {
  Model model = ModelOf(GraphOf({Op("Reshape", {"x"}, {"r"}, {{"shape", std::vector<int64_t>{2, -1}}}),
                                 Op("Cast", {"r"}, {"c"}, {{"to", std::string("INT64")}}), Op("Concat", {"c", "c"}, {"y"})}),
                        1);
  ASSERT_OK(RaiseLegacyOpset(model));
  ASSERT_EQ(model.graph.nodes[0].inputs.size(), 2u);
  EXPECT_THAT(Ints(model.graph, model.graph.nodes[0].inputs[1]), ElementsAre(2, -1));
  EXPECT_EQ(model.graph.nodes[1].Int("to", 0), 7);
  EXPECT_EQ(model.graph.nodes[2].Int("axis", 0), 1);
}

TEST(LegacyOpsetTest, BodiesAreRaisedToo) {
  Graph body{.nodes = {Op("Dropout", {"x"}, {"d"}, {{"is_test", int64_t{1}}})}, .outputs = {{.name = "d"}}};
  Model model = ModelOf(GraphOf({Op("If", {"x"}, {"y"}, {{"then_branch", std::make_shared<const Graph>(body)}})}));
  ASSERT_OK(RaiseLegacyOpset(model));
  const auto& raised = *std::get<std::shared_ptr<const Graph>>(model.graph.nodes[0].attributes.at("then_branch"));
  EXPECT_FALSE(raised.nodes[0].Has("is_test"));
}

TEST(LegacyOpsetTest, ModelsOfVersionSevenStayAsTheyAre) {
  Model model = ModelOf(GraphOf({Op("Dropout", {"x"}, {"y"}, {{"is_test", int64_t{1}}})}), 7);
  ASSERT_OK(RaiseLegacyOpset(model));
  EXPECT_TRUE(model.graph.nodes[0].Has("is_test"));
}

}  // namespace
}  // namespace quantd
