#include "worker/graph/graph.h"

#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using ::quantd::testing::HasReason;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Node MakeNode(const std::string& name, std::vector<std::string> inputs,
              std::vector<std::string> outputs) {
  return Node{.name = name, .op_type = "Relu", .inputs = std::move(inputs), .outputs = std::move(outputs)};
}

std::vector<std::string> Names(const Graph& graph) {
  std::vector<std::string> names;
  for (const Node& node : graph.nodes) names.push_back(node.name);
  return names;
}

Graph SomeGraph(std::vector<Node> nodes, const std::string& output) {
  return Graph{.nodes = std::move(nodes), .inputs = {{.name = "x"}}, .outputs = {{.name = output}}};
}

TEST(SortTopologically, PutsProducersFirstAndKeepsTheFilesOrderWhereFree) {
  Graph graph = SomeGraph({MakeNode("c", {"b"}, {"y"}), MakeNode("a", {"x"}, {"a"}),
                           MakeNode("b", {"a"}, {"b"})}, "y");
  ASSERT_OK(SortTopologically(graph));
  EXPECT_THAT(Names(graph), ElementsAre("a", "b", "c"));
}

TEST(SortTopologically, NamesANodeOfACycle) {
  Graph graph = SomeGraph({MakeNode("a", {"y"}, {"a"}), MakeNode("b", {"a"}, {"y"})}, "y");
  const absl::Status status = SortTopologically(graph);
  EXPECT_THAT(status, HasReason("BAD_GRAPH"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("'a' is part of a cycle"));
}

TEST(SortTopologically, NamesATensorThatNothingMakes) {
  Graph graph = SomeGraph({MakeNode("a", {"ghost"}, {"y"})}, "y");
  EXPECT_THAT(std::string(SortTopologically(graph).message()), HasSubstr("'ghost'"));
}

TEST(SortTopologically, NamesATensorThatIsMadeTwice) {
  Graph graph = SomeGraph({MakeNode("a", {"x"}, {"y"}), MakeNode("b", {"x"}, {"y"})}, "y");
  EXPECT_THAT(std::string(SortTopologically(graph).message()), HasSubstr("'y' is made more than once"));
}

TEST(RemoveDeadNodes, KeepsWhatASubgraphCaptures) {
  Node branch{.name = "if", .op_type = "If", .inputs = {"x"}, .outputs = {"y"}};
  auto body = std::make_shared<Graph>();
  body->nodes = {MakeNode("inner", {"captured"}, {"z"})};
  body->outputs = {{.name = "z"}};
  branch.attributes["then_branch"] = std::shared_ptr<const Graph>(body);
  Graph graph = SomeGraph({MakeNode("used", {"x"}, {"captured"}), MakeNode("dead", {"x"}, {"d"}), branch}, "y");
  RemoveDeadNodes(graph);
  EXPECT_THAT(Names(graph), ElementsAre("used", "if"));
}

TEST(Tensor, CheckedElementCountRefusesOverflowAndNegativeExtents) {
  EXPECT_THAT(CheckedElementCount({int64_t{1} << 40, int64_t{1} << 40}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(CheckedElementCount({2, -1}), HasReason("BAD_SHAPE"));
  EXPECT_EQ(CheckedElementCount({5, 0}).value(), 0);
  EXPECT_EQ(CheckedElementCount({}).value(), 1);
}

TEST(Tensor, RowsShareBytes) {
  const Tensor tensor = Tensor::Of<float>({3, 2}, {1, 2, 3, 4, 5, 6});
  const Tensor rows = tensor.Rows(1, 2);
  EXPECT_EQ(rows.shape(), Shape({2, 2}));
  EXPECT_EQ(rows.data<float>(), tensor.data<float>() + 2);
}

}  // namespace
}  // namespace quantd
