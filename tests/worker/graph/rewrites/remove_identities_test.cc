#include "worker/graph/rewrites/remove_identities.h"

#include "tests/support/status_matchers.h"
#include "tests/worker/graph/rewrites/nodes.h"

namespace quantd {
namespace {

using namespace ::quantd::testing;  // NOLINT: matchers and builders.
using ::testing::ElementsAre;

TEST(RemoveIdentities, BypassesChainsInsideTheGraph) {
  Graph graph = GraphOf(
      {Op("Identity", {"x"}, {"a"}), Op("Identity", {"a"}, {"b"}), Op("Add", {"a", "b"}, {"y"})});
  ASSERT_OK(RemoveIdentities(graph));
  ASSERT_THAT(Types(graph), ElementsAre("Add"));
  EXPECT_THAT(graph.nodes[0].inputs, ElementsAre("x", "x"));
}

TEST(RemoveIdentities, KeepsTheNameOfAGraphOutput) {
  Graph graph =
      GraphOf({Op("Relu", {"x"}, {"a"}), Op("Identity", {"a"}, {"y"}), Op("Abs", {"a"}, {"z"})});
  graph.outputs.push_back({.name = "z"});
  ASSERT_OK(RemoveIdentities(graph));
  ASSERT_THAT(Types(graph), ElementsAre("Relu", "Abs"));
  EXPECT_THAT(graph.nodes[0].outputs, ElementsAre("y"));
  EXPECT_THAT(graph.nodes[1].inputs, ElementsAre("y"));
}

TEST(RemoveIdentities, KeepsOneOfTwoOutputsOfTheSameTensor) {
  Graph graph = GraphOf(
      {Op("Relu", {"x"}, {"a"}), Op("Identity", {"a"}, {"y"}), Op("Identity", {"a"}, {"z"})});
  graph.outputs.push_back({.name = "z"});
  ASSERT_OK(RemoveIdentities(graph));
  ASSERT_THAT(Types(graph), ElementsAre("Relu", "Identity"));
  EXPECT_THAT(graph.nodes[0].outputs, ElementsAre("y"));
  EXPECT_THAT(graph.nodes[1].inputs, ElementsAre("y"));
  EXPECT_THAT(graph.nodes[1].outputs, ElementsAre("z"));
}

TEST(RemoveIdentities, KeepsAnInputThatIsHandedThrough) {
  Graph graph = GraphOf({Op("Identity", {"x"}, {"y"})});
  ASSERT_OK(RemoveIdentities(graph));
  EXPECT_THAT(Types(graph), ElementsAre("Identity"));
}

TEST(RemoveIdentities, KeepsATensorThatABodyReads) {
  auto body = std::make_shared<Graph>();
  body->outputs = {{.name = "a"}};
  Graph graph =
      GraphOf({Op("Identity", {"x"}, {"a"}),
               Op("If", {"x"}, {"y"}, {{"then_branch", std::shared_ptr<const Graph>(body)}})});
  ASSERT_OK(RemoveIdentities(graph));
  EXPECT_THAT(Types(graph), ElementsAre("Identity", "If"));
}

TEST(RemoveIdentities, DropsADropoutWhoseMaskNobodyReads) {
  Graph graph =
      GraphOf({Op("Dropout", {"x", "ratio", "off"}, {"a", "mask"}), Op("Relu", {"a"}, {"y"})},
              {{"ratio", Tensor::Scalar(0.5f)}, {"off", Tensor::Scalar(false)}});
  ASSERT_OK(RemoveIdentities(graph));
  EXPECT_THAT(Types(graph), ElementsAre("Relu"));
  EXPECT_TRUE(graph.initializers.empty());
}

TEST(RemoveIdentities, KeepsADropoutThatTrainsOrWhoseMaskIsRead) {
  Graph training = GraphOf({Op("Dropout", {"x", "", "on"}, {"a"}), Op("Relu", {"a"}, {"y"})},
                           {{"on", Tensor::Scalar(true)}});
  ASSERT_OK(RemoveIdentities(training));
  EXPECT_THAT(Types(training), ElementsAre("Dropout", "Relu"));

  Graph masked = GraphOf({Op("Dropout", {"x"}, {"a", "mask"}), Op("Relu", {"a"}, {"y"})});
  masked.outputs.push_back({.name = "mask"});
  ASSERT_OK(RemoveIdentities(masked));
  EXPECT_THAT(Types(masked), ElementsAre("Dropout", "Relu"));
}

TEST(RemoveIdentities, KeepsAnIdentityOfTwoOutputs) {
  // There is no such operator; dropping the node would leave its second output to nobody.
  Graph graph = GraphOf({Op("Identity", {"x"}, {"a", "b"}), Op("Add", {"a", "b"}, {"y"})});
  ASSERT_OK(RemoveIdentities(graph));
  EXPECT_THAT(Types(graph), ElementsAre("Identity", "Add"));
}

}  // namespace
}  // namespace quantd
