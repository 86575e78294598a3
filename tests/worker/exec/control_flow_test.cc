// If, Loop, Scan and SequenceMap: expected values are worked out by hand or by plain loops here.
#include <gmock/gmock.h>

#include <memory>

#include "tests/support/status_matchers.h"
#include "tests/worker/graph/rewrites/nodes.h"
#include "worker/backend/backend.h"
#include "worker/exec/control_flow/control_flow.h"
#include "worker/exec/executor.h"

namespace quantd {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::GraphOf;
using testing::HasReason;
using ::testing::HasSubstr;
using testing::NamesField;
using testing::Op;
using testing::StatusIs;

constexpr int64_t kOpset = 13;

Tensor Row(const std::vector<float>& values) {
  return Tensor::Of<float>({static_cast<int64_t>(values.size())}, values);
}

std::vector<float> ValuesOf(const Tensor& tensor) {
  return {tensor.data<float>(), tensor.data<float>() + tensor.size()};
}

AttributeValue BodyOf(std::vector<Node> nodes, const std::vector<std::string>& inputs,
                      const std::vector<std::string>& outputs, std::map<std::string, Tensor> initializers = {}) {
  Graph body{.name = "body", .nodes = std::move(nodes), .initializers = std::move(initializers)};
  for (const std::string& name : inputs) body.inputs.push_back({.name = name});
  for (const std::string& name : outputs) body.outputs.push_back({.name = name});
  return std::make_shared<const Graph>(std::move(body));
}

absl::StatusOr<TensorMap> RunGraph(const Graph& graph, const TensorMap& feeds, int64_t opset = kOpset) {
  absl::StatusOr<std::unique_ptr<Executor>> executor = CompileGraph(graph, opset, CpuBackend());
  if (!executor.ok()) return executor.status();
  return (*executor)->Run(feeds);
}

// y = c ? x + own : s * shared, where s = x + x is captured and both weights are initializers, one inside, one outside.
Graph IfGraph() {
  Graph graph = GraphOf({Op("Add", {"x", "x"}, {"s"}),
                         Op("If", {"c"}, {"y"},
                            {{"then_branch", BodyOf({Op("Add", {"x", "own"}, {"t"})}, {}, {"t"}, {{"own", Row({10, 20})}})},
                             {"else_branch", BodyOf({Op("Mul", {"s", "shared"}, {"e"})}, {}, {"e"})}})},
                        {{"shared", Row({3, 5})}});
  graph.inputs.push_back({.name = "c", .dtype = DataType::kBool});
  return graph;
}

TEST(IfTest, TakesTheBranchOfItsConditionWithWeightsAndCapturedTensors) {
  ASSERT_OK_AND_ASSIGN(const auto executor, CompileGraph(IfGraph(), kOpset, CpuBackend()));
  TensorMap feeds{{"x", Row({1, 2})}, {"c", Tensor::Scalar<bool>(true)}};
  ASSERT_OK_AND_ASSIGN(TensorMap outputs, executor->Run(feeds));
  EXPECT_THAT(ValuesOf(outputs.at("y")), ElementsAre(11, 22));
  feeds["c"] = Tensor::Scalar<bool>(false);
  ASSERT_OK_AND_ASSIGN(outputs, executor->Run(feeds));
  EXPECT_THAT(ValuesOf(outputs.at("y")), ElementsAre(6, 20));  // (1 + 1) * 3, (2 + 2) * 5.
}

TEST(IfTest, AConditionOfTwoElementsIsRefusedWithTheNode) {
  Graph graph = IfGraph();
  EXPECT_THAT(RunGraph(graph, {{"x", Row({1, 2})}, {"c", Tensor::Of<bool>({2}, {true, false})}}),
              AllOf(HasReason("BAD_SHAPE"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("'y' (If)"))));
}

TEST(IfTest, ABranchWithOtherOutputsThanTheNodeIsABadGraph) {
  Graph graph = IfGraph();
  graph.nodes[1].outputs.push_back("second");
  EXPECT_THAT(CompileGraph(graph, kOpset, CpuBackend()), HasReason("BAD_GRAPH"));
  graph = IfGraph();
  graph.nodes[1].attributes.erase("else_branch");
  EXPECT_THAT(CompileGraph(graph, kOpset, CpuBackend()), HasReason("BAD_GRAPH"));
}

TEST(IfTest, ListsMissingOperatorsOfBodiesWithThoseOutside) {
  Graph graph = GraphOf({Op("If", {"c"}, {"y"},
                            {{"then_branch", BodyOf({Op("Nonesuch", {"x"}, {"t"})}, {}, {"t"})},
                             {"else_branch", BodyOf({Op("Neither", {"x"}, {"e"})}, {}, {"e"})}}),
                         Op("Outside", {"x"}, {"z"})});
  graph.inputs.push_back({.name = "c", .dtype = DataType::kBool});
  const auto compiled = CompileGraph(graph, kOpset, CpuBackend());
  EXPECT_THAT(compiled, AllOf(StatusIs(absl::StatusCode::kUnimplemented), HasReason("UNSUPPORTED_OPERATOR"),
                              NamesField("model.y.then_branch.t"), NamesField("model.y.else_branch.e"),
                              NamesField("model.z")));
}

// y = x doubled `trips` times as long as it is below 100; all = the values on the way.
Graph DoublingGraph() {
  Graph graph = GraphOf(
      {Op("Loop", {"trips", "go", "x"}, {"y", "all"},
          {{"body", BodyOf({Op("Add", {"v", "v"}, {"w"}), Op("ReduceMax", {"w"}, {"m"}, {{"keepdims", int64_t{0}}}),
                            Op("Less", {"m", "limit"}, {"on"})},
                           {"i", "c", "v"}, {"on", "w", "w"}, {{"limit", Tensor::Scalar<float>(100)}})}})});
  graph.outputs.push_back({.name = "all"});
  graph.inputs.push_back({.name = "trips", .dtype = DataType::kInt64});
  graph.inputs.push_back({.name = "go", .dtype = DataType::kBool});
  return graph;
}

TEST(LoopTest, EndsByTripCountOrByCondition) {
  ASSERT_OK_AND_ASSIGN(const auto executor, CompileGraph(DoublingGraph(), kOpset, CpuBackend()));
  TensorMap feeds{
      {"x", Row({1, 3})}, {"trips", Tensor::Scalar<int64_t>(2)}, {"go", Tensor::Scalar<bool>(true)}};
  ASSERT_OK_AND_ASSIGN(TensorMap outputs, executor->Run(feeds));
  EXPECT_THAT(ValuesOf(outputs.at("y")), ElementsAre(4, 12));
  EXPECT_EQ(outputs.at("all").shape(), (Shape{2, 2}));
  EXPECT_THAT(ValuesOf(outputs.at("all")), ElementsAre(2, 6, 4, 12));
  feeds["trips"] = Tensor::Scalar<int64_t>(50);
  ASSERT_OK_AND_ASSIGN(outputs, executor->Run(feeds));
  // 3 * 2^5 = 96 is below 100 and goes on, 192 ends it: six doublings.
  EXPECT_THAT(ValuesOf(outputs.at("y")), ElementsAre(64, 192));
  EXPECT_EQ(outputs.at("all").dim(0), 6);
}

TEST(LoopTest, WithoutIterationsHandsValuesThroughAndCollectsNothing) {
  Graph graph = DoublingGraph();
  auto body = std::make_shared<Graph>(*std::get<std::shared_ptr<const Graph>>(graph.nodes[0].attributes["body"]));
  body->outputs[2].dtype = DataType::kFloat;
  body->outputs[2].has_shape = true;
  body->outputs[2].shape = {{2}};
  graph.nodes[0].attributes["body"] = std::shared_ptr<const Graph>(body);
  for (const bool go : {true, false}) {
    ASSERT_OK_AND_ASSIGN(const TensorMap outputs,
                         RunGraph(graph, {{"x", Row({1, 3})},
                                          {"trips", Tensor::Scalar<int64_t>(go ? 0 : 5)},
                                          {"go", Tensor::Scalar<bool>(go)}}));
    EXPECT_THAT(ValuesOf(outputs.at("y")), ElementsAre(1, 3));
    EXPECT_EQ(outputs.at("all").shape(), (Shape{0, 2}));
  }
}

TEST(LoopTest, ALoopThatNeverEndsIsStopped) {
  const Graph graph = GraphOf({Op("Loop", {"", "", "x"}, {"y"},
                                  {{"body", BodyOf({Op("Identity", {"c"}, {"on"}), Op("Identity", {"v"}, {"w"})},
                                                   {"i", "c", "v"}, {"on", "w"})}})});
  EXPECT_THAT(RunGraph(graph, {{"x", Row({1})}}),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("'y' (Loop)")),
                    HasReason("TOO_MANY_ITERATIONS")));
}

TEST(LoopTest, NestedBodiesReadWhatAllGraphsAroundThemHold) {
  // Three times three times: v += x + i + j, where i and j count from 0. The outer graph's x is read two bodies down.
  const auto inner = BodyOf({Op("Cast", {"j"}, {"jf"}, {{"to", int64_t{1}}}), Op("Add", {"u", "x"}, {"u1"}),
                             Op("Add", {"u1", "if"}, {"u2"}), Op("Add", {"u2", "jf"}, {"u3"}),
                             Op("Identity", {"c2"}, {"on2"})},
                            {"j", "c2", "u"}, {"on2", "u3"});
  const auto outer = BodyOf({Op("Cast", {"i"}, {"if"}, {{"to", int64_t{1}}}),
                             Op("Loop", {"three", "", "v"}, {"w"}, {{"body", inner}}), Op("Identity", {"c"}, {"on"})},
                            {"i", "c", "v"}, {"on", "w"});
  const Graph graph = GraphOf({Op("Loop", {"three", "", "zero"}, {"y"}, {{"body", outer}})},
                              {{"three", Tensor::Scalar<int64_t>(3)}, {"zero", Row({0})}});
  ASSERT_OK_AND_ASSIGN(const TensorMap outputs, RunGraph(graph, {{"x", Row({10})}}));
  EXPECT_THAT(ValuesOf(outputs.at("y")), ElementsAre(9 * 10 + 3 * (0 + 1 + 2) + 3 * (0 + 1 + 2)));
}

TEST(LoopTest, CarriesSequences) {
  // Five times: sequence gets x + i behind it. Then all are joined.
  Graph graph = GraphOf(
      {Op("SequenceEmpty", {}, {"none"}),
       Op("Loop", {"five", "", "none"}, {"filled"},
          {{"body", BodyOf({Op("Cast", {"i"}, {"if"}, {{"to", int64_t{1}}}), Op("Add", {"x", "if"}, {"e"}),
                            Op("SequenceInsert", {"s", "e"}, {"more"}), Op("Identity", {"c"}, {"on"})},
                           {"i", "c", "s"}, {"on", "more"})}}),
       Op("ConcatFromSequence", {"filled"}, {"y"}, {{"axis", int64_t{0}}})},
      {{"five", Tensor::Scalar<int64_t>(5)}});
  ASSERT_OK_AND_ASSIGN(const TensorMap outputs, RunGraph(graph, {{"x", Row({1})}}));
  EXPECT_THAT(ValuesOf(outputs.at("y")), ElementsAre(1, 2, 3, 4, 5));
}

// Running sums of the slices of x along `axis`.
Graph ScanGraph(std::map<std::string, AttributeValue> attributes) {
  attributes["num_scan_inputs"] = int64_t{1};
  attributes["body"] =
      BodyOf({Op("Add", {"sum", "slice"}, {"next"}), Op("Identity", {"next"}, {"seen"})}, {"sum", "slice"}, {"next", "seen"});
  Graph graph = GraphOf({Op("Scan", {"start", "x"}, {"y", "all"}, std::move(attributes))}, {{"start", Row({0, 0})}});
  graph.outputs.push_back({.name = "all"});
  return graph;
}

TEST(ScanTest, RunsAlongTheFirstAxis) {
  const Tensor x = Tensor::Of<float>({3, 2}, {1, 10, 2, 20, 3, 30});
  ASSERT_OK_AND_ASSIGN(const TensorMap outputs, RunGraph(ScanGraph({}), {{"x", x}}));
  EXPECT_THAT(ValuesOf(outputs.at("y")), ElementsAre(6, 60));
  EXPECT_EQ(outputs.at("all").shape(), (Shape{3, 2}));
  EXPECT_THAT(ValuesOf(outputs.at("all")), ElementsAre(1, 10, 3, 30, 6, 60));
}

TEST(ScanTest, RunsBackwardsAlongOtherAxes) {
  // [2,3]: slices are columns, last first: (3,30), (2,20), (1,10); sums 3, 5, 6 in front of each other, as columns.
  const Tensor x = Tensor::Of<float>({2, 3}, {1, 2, 3, 10, 20, 30});
  const Graph graph = ScanGraph({{"scan_input_axes", std::vector<int64_t>{-1}},
                                 {"scan_input_directions", std::vector<int64_t>{1}},
                                 {"scan_output_axes", std::vector<int64_t>{1}},
                                 {"scan_output_directions", std::vector<int64_t>{1}}});
  ASSERT_OK_AND_ASSIGN(const TensorMap outputs, RunGraph(graph, {{"x", x}}));
  EXPECT_THAT(ValuesOf(outputs.at("y")), ElementsAre(6, 60));
  EXPECT_EQ(outputs.at("all").shape(), (Shape{2, 3}));
  EXPECT_THAT(ValuesOf(outputs.at("all")), ElementsAre(6, 5, 3, 60, 50, 30));
}

TEST(ScanTest, OfVersionEightRunsRowsOfABatchToTheirLengths) {
  Graph graph = ScanGraph({});
  graph.nodes[0].inputs = {"lengths", "start", "x"};
  graph.initializers["lengths"] = Tensor::Of<int64_t>({2}, {2, 1});
  graph.initializers["start"] = Tensor::Of<float>({2, 1}, {0, 100});
  const Tensor x = Tensor::Of<float>({2, 3, 1}, {1, 2, 3, 4, 5, 6});
  ASSERT_OK_AND_ASSIGN(const TensorMap outputs, RunGraph(graph, {{"x", x}}, 8));
  EXPECT_THAT(ValuesOf(outputs.at("y")), ElementsAre(3, 104));  // 0 + 1 + 2, 100 + 4.
  EXPECT_EQ(outputs.at("all").shape(), (Shape{2, 3, 1}));
  EXPECT_THAT(ValuesOf(outputs.at("all")), ElementsAre(1, 3, 0, 104, 0, 0));
}

TEST(ScanTest, AnAxisThatIsNotThereIsRefused) {
  const Graph graph = ScanGraph({{"scan_input_axes", std::vector<int64_t>{2}}});
  EXPECT_THAT(RunGraph(graph, {{"x", Tensor::Of<float>({1, 2}, {1, 2})}}), HasReason("BAD_SHAPE"));
}

TEST(SequenceMapTest, RunsOnceAnElementWithTensorsTheSameEveryTime) {
  Graph graph = GraphOf({Op("SequenceConstruct", {"x", "b"}, {"s"}),
                         Op("SequenceMap", {"s", "x"}, {"t"}, {{"body", BodyOf({Op("Add", {"e", "k"}, {"r"})}, {"e", "k"}, {"r"})}}),
                         Op("SequenceAt", {"t", "one"}, {"y"})},
                        {{"b", Row({5, 6})}, {"one", Tensor::Scalar<int64_t>(1)}});
  ASSERT_OK_AND_ASSIGN(const TensorMap outputs, RunGraph(graph, {{"x", Row({1, 2})}}, 17));
  EXPECT_THAT(ValuesOf(outputs.at("y")), ElementsAre(6, 8));
}

TEST(CompileProblemsTest, MissingOperatorsAndBadAttributesAreToldTogether) {
  Graph graph = GraphOf({Op("Nonesuch", {"x"}, {"a"}), Op("Cast", {"x"}, {"b"}, {{"to", int64_t{99}}}),
                         Op("If", {"c"}, {"y"})});
  graph.inputs.push_back({.name = "c", .dtype = DataType::kBool});
  graph.outputs.push_back({.name = "b"});  // What nobody reads would be dropped and not matter.
  EXPECT_THAT(CompileGraph(graph, kOpset, CpuBackend()),
              AllOf(StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("node 'b' (Cast)")),
                    HasReason("UNSUPPORTED_OPERATOR"), NamesField("model.a"), NamesField("model.b")));
  graph.nodes.erase(graph.nodes.begin());
  EXPECT_THAT(CompileGraph(graph, kOpset, CpuBackend()),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasReason("BAD_ATTRIBUTE"), NamesField("model.b"),
                    NamesField("model.y")));
}

}  // namespace
}  // namespace quantd
