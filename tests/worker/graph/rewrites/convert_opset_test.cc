#include "worker/graph/rewrites/convert_opset.h"

#include <memory>
#include <set>

#include "tests/support/status_matchers.h"
#include "tests/worker/graph/rewrites/nodes.h"

namespace quantd {
namespace {

using namespace ::quantd::testing;  // NOLINT: matchers and builders.
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using IntList = std::vector<int64_t>;

Model ModelOf(int64_t opset, std::vector<Node> nodes) {
  return Model{.graph = GraphOf(std::move(nodes)), .opset_imports = {{"", opset}}, .ir_version = 3};
}

// The only node after raising a model of the only node `node`.
absl::StatusOr<Graph> Raised(int64_t opset, Node node) {
  Model model = ModelOf(opset, {std::move(node)});
  const absl::Status status = RaiseOpset(model, 13);
  if (!status.ok()) return status;
  return model.graph;
}

TEST(RaiseOpset, SetsVersionAndIrAndLeavesUnchangedOperatorsAlone) {
  Model model = ModelOf(7, {Op("Relu", {"x"}, {"a"}), Op("MaxPool", {"a"}, {"y"})});
  ASSERT_OK(RaiseOpset(model, 13));
  EXPECT_EQ(model.opset(), 13);
  EXPECT_EQ(model.ir_version, 7);
  EXPECT_THAT(Types(model.graph), ElementsAre("Relu", "MaxPool"));
}

TEST(RaiseOpset, LeavesAModelThatIsHighEnough) {
  Model model = ModelOf(12, {Op("Unsqueeze", {"x"}, {"y"}, {{"axes", IntList{0}}})});
  ASSERT_OK(RaiseOpset(model, 12));
  EXPECT_EQ(model.opset(), 12);
  EXPECT_TRUE(model.graph.nodes[0].Has("axes"));
}

TEST(RaiseOpset, MovesListsOfIntegersToTheSecondInput) {
  const std::pair<const char*, const char*> cases[] = {
      {"Squeeze", "axes"}, {"Unsqueeze", "axes"}, {"ReduceSum", "axes"}, {"Split", "split"}};
  for (const auto& [type, key] : cases) {
    ASSERT_OK_AND_ASSIGN(const Graph graph,
                         Raised(12, Op(type, {"x"}, {"y"}, {{key, IntList{0, 2}}})));
    const Node& node = graph.nodes[0];
    EXPECT_FALSE(node.Has(key));
    ASSERT_EQ(node.inputs.size(), 2u) << type;
    EXPECT_THAT(Ints(graph, node.inputs[1]), ElementsAre(0, 2));
  }
}

TEST(RaiseOpset, LeavesAListOutThatWasNotGiven) {
  ASSERT_OK_AND_ASSIGN(const Graph graph, Raised(12, Op("Squeeze", {"x"}, {"y"})));
  EXPECT_THAT(graph.nodes[0].inputs, ElementsAre("x"));
}

TEST(RaiseOpset, MovesTheBoundsOfClipAndLeavesAbsentOnesOpen) {
  ASSERT_OK_AND_ASSIGN(Graph graph,
                       Raised(6 + 1, Op("Clip", {"x"}, {"y"}, {{"min", 0.0f}, {"max", 6.0f}})));
  ASSERT_EQ(graph.nodes[0].inputs.size(), 3u);
  EXPECT_THAT(graph.nodes[0].attributes, IsEmpty());
  EXPECT_THAT(Floats(graph, graph.nodes[0].inputs[1]), ElementsAre(0.0f));
  EXPECT_THAT(Floats(graph, graph.nodes[0].inputs[2]), ElementsAre(6.0f));

  ASSERT_OK_AND_ASSIGN(graph, Raised(10, Op("Clip", {"x"}, {"y"}, {{"max", 6.0f}})));
  EXPECT_EQ(graph.nodes[0].inputs[1], "");
  ASSERT_OK_AND_ASSIGN(graph, Raised(10, Op("Clip", {"x"}, {"y"})));
  EXPECT_THAT(graph.nodes[0].inputs, ElementsAre("x"));
}

TEST(RaiseOpset, MovesPadsAndTheValueOfPad) {
  ASSERT_OK_AND_ASSIGN(
      const Graph graph,
      Raised(10,
             Op("Pad", {"x"}, {"y"},
                {{"pads", IntList{1, 2}}, {"value", 0.5f}, {"mode", std::string("constant")}})));
  const Node& node = graph.nodes[0];
  EXPECT_THAT(Ints(graph, node.inputs[1]), ElementsAre(1, 2));
  EXPECT_THAT(Floats(graph, node.inputs[2]), ElementsAre(0.5f));
  EXPECT_EQ(node.attributes.size(), 1u);
}

TEST(RaiseOpset, MovesStartsAndEndsOfSliceAndNamesTheFirstAxes) {
  ASSERT_OK_AND_ASSIGN(
      const Graph graph,
      Raised(9, Op("Slice", {"x"}, {"y"}, {{"starts", IntList{0, 1}}, {"ends", IntList{5, -1}}})));
  const Node& node = graph.nodes[0];
  EXPECT_THAT(Ints(graph, node.inputs[1]), ElementsAre(0, 1));
  EXPECT_THAT(Ints(graph, node.inputs[2]), ElementsAre(5, -1));
  EXPECT_THAT(Ints(graph, node.inputs[3]), ElementsAre(0, 1));
}

TEST(RaiseOpset, MovesTheRatioOfDropoutAndTheCountOfTopK) {
  ASSERT_OK_AND_ASSIGN(Graph graph, Raised(11, Op("Dropout", {"x"}, {"y"}, {{"ratio", 0.25f}})));
  EXPECT_THAT(Floats(graph, graph.nodes[0].inputs[1]), ElementsAre(0.25f));
  ASSERT_OK_AND_ASSIGN(graph, Raised(9, Op("TopK", {"x"}, {"y", "i"}, {{"k", int64_t{3}}})));
  EXPECT_THAT(Ints(graph, graph.nodes[0].inputs[1]), ElementsAre(3));
}

TEST(RaiseOpset, FlattensAroundASoftmaxWhoseAxisMayNotBeTheLast) {
  ASSERT_OK_AND_ASSIGN(const Graph graph, Raised(11, Op("Softmax", {"x"}, {"y"})));
  EXPECT_THAT(Types(graph), ElementsAre("Shape", "Flatten", "Softmax", "Reshape"));
  EXPECT_EQ(graph.nodes[1].Int("axis", -9), 1);
  EXPECT_EQ(graph.nodes[2].Int("axis", -9), -1);
  EXPECT_THAT(graph.nodes[2].inputs, ElementsAre(graph.nodes[1].outputs[0]));
  EXPECT_THAT(graph.nodes[3].inputs,
              ElementsAre(graph.nodes[2].outputs[0], graph.nodes[0].outputs[0]));
  EXPECT_THAT(graph.nodes[3].outputs, ElementsAre("y"));
}

TEST(RaiseOpset, KeepsASoftmaxOverTheLastAxis) {
  Model matrix = ModelOf(11, {Op("Flatten", {"x"}, {"f"}), Op("Softmax", {"f"}, {"y"})});
  ASSERT_OK(RaiseOpset(matrix, 13));
  EXPECT_THAT(Types(matrix.graph), ElementsAre("Flatten", "Softmax"));

  ASSERT_OK_AND_ASSIGN(const Graph last,
                       Raised(11, Op("LogSoftmax", {"x"}, {"y"}, {{"axis", int64_t{-1}}})));
  EXPECT_THAT(Types(last), ElementsAre("LogSoftmax"));
  ASSERT_OK_AND_ASSIGN(const Graph second_last,
                       Raised(11, Op("Softmax", {"x"}, {"y"}, {{"axis", int64_t{-2}}})));
  EXPECT_EQ(second_last.nodes.size(), 4u);
}

TEST(RaiseOpset, DropsSpatialOfBatchNormalizationWhenItSaysNothing) {
  const std::vector<std::string> inputs = {"x", "x", "x", "x", "x"};
  ASSERT_OK_AND_ASSIGN(const Graph graph, Raised(7, Op("BatchNormalization", inputs, {"y"},
                                                       {{"spatial", int64_t{1}}})));
  EXPECT_THAT(graph.nodes[0].attributes, IsEmpty());
  EXPECT_THAT(Raised(7, Op("BatchNormalization", inputs, {"y"}, {{"spatial", int64_t{0}}})),
              HasReason("UNSUPPORTED_OPSET"));
}

// A graph with a body that makes an output y from the captured x.
AttributeValue Body(Node node) {
  return std::make_shared<const Graph>(Graph{.nodes = {std::move(node)}, .outputs = {{.name = "y"}}});
}

TEST(RaiseOpset, ConvertsBodiesWithInitializersOfTheirOwn) {
  const Node unsqueeze = Op("Unsqueeze", {"x"}, {"y"}, {{"axes", IntList{0}}});
  Model model = ModelOf(9, {Op("If", {"x"}, {"z"}, {{"then_branch", Body(unsqueeze)}, {"else_branch", Body(unsqueeze)}}),
                            Op("Squeeze", {"z"}, {"y"}, {{"axes", IntList{0}}})});
  ASSERT_OK(RaiseOpset(model, 13));
  std::set<std::string> made(model.graph.nodes[1].inputs.begin() + 1, model.graph.nodes[1].inputs.end());
  for (const char* key : {"then_branch", "else_branch"}) {
    const auto& body = *std::get<std::shared_ptr<const Graph>>(model.graph.nodes[0].attributes.at(key));
    ASSERT_EQ(body.nodes[0].inputs.size(), 2u) << key;
    EXPECT_FALSE(body.nodes[0].Has("axes"));
    EXPECT_THAT(Ints(body, body.nodes[0].inputs[1]), ElementsAre(0));
    made.insert(body.nodes[0].inputs[1]);
  }
  EXPECT_EQ(made.size(), 3u);  // No name hides another.
}

TEST(RaiseOpset, NamesANodeInABodyThatItCannotRaise) {
  const Node upsample = Op("Upsample", {"x"}, {"y"});
  Model model = ModelOf(9, {Op("If", {"x"}, {"z"}, {{"then_branch", Body(upsample)}})});
  EXPECT_THAT(RaiseOpset(model, 13), StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("node 'y' (Upsample)")));
}

TEST(RaiseOpset, RefusesTheScanOfVersionEight) {
  const Node scan = Op("Scan", {"x"}, {"y"}, {{"body", Body(Op("Relu", {"x"}, {"y"}))}});
  EXPECT_THAT(Raised(8, scan), HasReason("UNSUPPORTED_OPSET"));
  EXPECT_OK(Raised(9, scan));
}

TEST(RaiseOpset, NamesTheNodeItCannotRaiseAndLeavesTheModel) {
  Model model = ModelOf(
      9, {Op("Unsqueeze", {"x"}, {"a"}, {{"axes", IntList{0}}}), Op("Upsample", {"a"}, {"y"})});
  const absl::Status status = RaiseOpset(model, 13);
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("node 'y' (Upsample)")));
  EXPECT_EQ(GetErrorDetails(status).metadata.at("node"), "y");
  EXPECT_EQ(model.opset(), 9);
  EXPECT_TRUE(model.graph.initializers.empty());
  EXPECT_TRUE(model.graph.nodes[0].Has("axes"));
}

TEST(RaiseOpset, RefusesVersionsItDoesNotKnow) {
  Model model = ModelOf(7, {Op("Relu", {"x"}, {"y"})});
  EXPECT_THAT(RaiseOpset(model, 14), HasReason("UNSUPPORTED_OPSET"));
  model.opset_imports[""] = 6;
  EXPECT_THAT(RaiseOpset(model, 13), HasReason("UNSUPPORTED_OPSET"));
}

}  // namespace
}  // namespace quantd
