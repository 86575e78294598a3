#include "worker/exec/executor.h"

#include <map>
#include <vector>

#include "tests/support/status_matchers.h"
#include "tests/worker/graph/rewrites/nodes.h"
#include "worker/backend/backend.h"

namespace quantd {
namespace {

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

// y = relu(x) + relu(-x), so |x|; the first relu is read twice.
Graph AbsoluteGraph() {
  Graph graph =
      GraphOf({Op("Neg", {"x"}, {"n"}), Op("Relu", {"x"}, {"p"}), Op("Relu", {"n"}, {"q"}),
               Op("Add", {"p", "q"}, {"y"}), Op("Sub", {"y", "p"}, {"unused"})});
  graph.inputs[0].has_shape = true;
  graph.inputs[0].shape = {{-1, "N"}};
  return graph;
}

TEST(ExecutorTest, ComputesTheOutputs) {
  ASSERT_OK_AND_ASSIGN(const auto executor, CompileGraph(AbsoluteGraph(), kOpset, CpuBackend()));
  ASSERT_OK_AND_ASSIGN(const TensorMap outputs, executor->Run({{"x", Row({-2, 0, 3})}}));
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_THAT(ValuesOf(outputs.at("y")), ElementsAre(2, 0, 3));
}

TEST(ExecutorTest, ShowsKeptTensorsInTheOrderOfTheirMaking) {
  Graph graph = AbsoluteGraph();
  graph.nodes.insert(graph.nodes.begin(), Op("Add", {"one", "one"}, {"two"}));
  graph.initializers["one"] = Row({1});
  ASSERT_OK_AND_ASSIGN(const auto executor, CompileGraph(graph, kOpset, CpuBackend(),
                                                         {.keep = {"unused", "q", "p", "n", "two", "x"}}));
  std::map<std::string, std::vector<float>> seen;
  std::vector<std::string> order;
  ASSERT_OK_AND_ASSIGN(const TensorMap outputs,
                       executor->RunObserved({{"x", Row({-2, 3})}},
                                             [&](const std::string& name, const Tensor& tensor) {
                                               order.push_back(name);
                                               seen[name] = ValuesOf(tensor);
                                             }));
  EXPECT_THAT(order, ElementsAre("x", "two", "n", "p", "q", "unused"));
  EXPECT_THAT(seen["x"], ElementsAre(-2, 3));
  EXPECT_THAT(seen["two"], ElementsAre(2));
  EXPECT_THAT(seen["q"], ElementsAre(2, 0));
  EXPECT_THAT(seen["unused"], ElementsAre(2, 0));
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_THAT(ValuesOf(outputs.at("y")), ElementsAre(2, 3));
}

TEST(ExecutorTest, AKeptTensorOfAnyLayoutHasTheSameElements) {
  // Three channels that a convolution makes of one: 1, 10 and 100 times x.
  Graph graph = GraphOf({Op("Conv", {"x", "w"}, {"a"}), Op("Relu", {"a"}, {"b"}), Op("Neg", {"b"}, {"y"})},
                        {{"w", Tensor::Of<float>({3, 1, 1, 1}, {1, 10, 100})}});
  const Tensor x = Tensor::Of<float>({1, 1, 1, 3}, {1, -2, 3});
  std::map<std::string, std::vector<float>> plain, any;
  for (auto* seen : {&plain, &any}) {
    ASSERT_OK_AND_ASSIGN(const auto executor,
                         CompileGraph(graph, kOpset, CpuBackend(),
                                      {.keep = {"a", "b", "x"},
                                       .kept_layout = seen == &any ? KeptLayout::kAny : KeptLayout::kPlain}));
    ASSERT_OK_AND_ASSIGN(const TensorMap outputs,
                         executor->RunObserved({{"x", x}}, [&](const std::string& name, const Tensor& tensor) {
                           (*seen)[name] = ValuesOf(tensor);
                         }));
    EXPECT_THAT(ValuesOf(outputs.at("y")), ElementsAre(-1, 0, -3, -10, 0, -30, -100, 0, -300));
  }
  EXPECT_THAT(plain["b"], ElementsAre(1, 0, 3, 10, 0, 30, 100, 0, 300));
  EXPECT_THAT(any["x"], ElementsAre(1, -2, 3));
  EXPECT_THAT(any["a"], ::testing::UnorderedElementsAre(1, -2, 3, 10, -20, 30, 100, -200, 300));
  EXPECT_THAT(any["b"], ::testing::UnorderedElementsAre(1, 0, 3, 10, 0, 30, 100, 0, 300));
}

TEST(ExecutorTest, OnlyTensorsOfTheGraphCanBeKept) {
  EXPECT_THAT(CompileGraph(AbsoluteGraph(), kOpset, CpuBackend(), {.keep = {"absent"}}),
              HasReason("UNKNOWN_TENSOR"));
}

TEST(ExecutorTest, FeedsMustFitTheInputs) {
  ASSERT_OK_AND_ASSIGN(const auto executor, CompileGraph(AbsoluteGraph(), kOpset, CpuBackend()));
  const absl::Status missing = executor->Run({}).status();
  EXPECT_THAT(missing, HasReason("MISSING_INPUT"));
  EXPECT_THAT(missing, NamesField("x"));
  EXPECT_THAT(executor->Run({{"x", Row({1})}, {"z", Row({1})}}), HasReason("UNKNOWN_INPUT"));
  EXPECT_THAT(executor->Run({{"x", Tensor::Of<int64_t>({1}, {1})}}),
              HasReason("INPUT_TYPE_MISMATCH"));
  const absl::Status shape = executor->Run({{"x", Tensor(DataType::kFloat, {2, 2})}}).status();
  EXPECT_THAT(shape, HasReason("INPUT_SHAPE_MISMATCH"));
  EXPECT_THAT(std::string(shape.message()), HasSubstr("[N]"));
}

TEST(ExecutorTest, AnErrorInsideNamesTheNode) {
  Graph graph = AbsoluteGraph();
  graph.nodes[3].inputs[1] = "w";
  graph.initializers["w"] = Row({1, 2});
  ASSERT_OK_AND_ASSIGN(const auto executor, CompileGraph(graph, kOpset, CpuBackend()));
  EXPECT_THAT(executor->Run({{"x", Row({1, 2, 3})}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("node 'y' (Add)")));
}

TEST(ExecutorTest, EveryMissingOperatorIsNamedAtOnce) {
  Graph graph = AbsoluteGraph();
  graph.nodes[0].op_type = "Bernoulli";
  graph.nodes[3].domain = "com.example";
  const absl::Status status = CompileGraph(graph, kOpset, CpuBackend()).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnimplemented,
                               HasSubstr("Bernoulli at node 'n', com.example.Add at node 'y'")));
  EXPECT_THAT(status, HasReason("UNSUPPORTED_OPERATOR"));
  EXPECT_THAT(status, NamesField("model.n"));
  EXPECT_THAT(status, NamesField("model.y"));
  EXPECT_EQ(GetErrorDetails(status).metadata.at("op_type"), "Bernoulli");
  EXPECT_EQ(GetErrorDetails(status).metadata.at("node"), "n");
}

TEST(ExecutorTest, AnOperatorOlderThanTheOpsetThatHasItIsMissing) {
  // LayerNormalization came with opset 17.
  const Graph graph = GraphOf({Op("LayerNormalization", {"x", "w"}, {"y"})}, {{"w", Row({1, 1})}});
  EXPECT_THAT(CompileGraph(graph, 16, CpuBackend()), HasReason("UNSUPPORTED_OPERATOR"));
  EXPECT_OK(CompileGraph(graph, 17, CpuBackend()));
}

TEST(ExecutorTest, FedTensorsAreNotChanged) {
  ASSERT_OK_AND_ASSIGN(const auto executor, CompileGraph(AbsoluteGraph(), kOpset, CpuBackend()));
  const Tensor x = Row({-2, 3});
  ASSERT_OK(executor->Run({{"x", x}}));
  EXPECT_THAT(ValuesOf(x), ElementsAre(-2, 3));
}

TEST(ExecutorTest, AnOutputMayBeAnInputOrAConstant) {
  Graph graph = AbsoluteGraph();
  graph.initializers["w"] = Row({5});
  graph.outputs.push_back({.name = "x"});
  graph.outputs.push_back({.name = "w"});
  ASSERT_OK_AND_ASSIGN(const auto executor, CompileGraph(graph, kOpset, CpuBackend()));
  ASSERT_OK_AND_ASSIGN(const TensorMap outputs, executor->Run({{"x", Row({-2})}}));
  EXPECT_THAT(ValuesOf(outputs.at("x")), ElementsAre(-2));
  EXPECT_THAT(ValuesOf(outputs.at("w")), ElementsAre(5));
  EXPECT_THAT(ValuesOf(outputs.at("y")), ElementsAre(2));
}

TEST(ExecutorTest, ANodeThatMakesNothingOrReadsWhatNothingMakesIsRefused) {
  Graph graph = AbsoluteGraph();
  graph.nodes[2].inputs[0] = "lost";
  EXPECT_THAT(CompileGraph(graph, kOpset, CpuBackend()),
              ::testing::AllOf(HasReason("BAD_GRAPH"), NamesField("model.graph.node[q]")));
  graph = AbsoluteGraph();
  graph.nodes[4].outputs.clear();
  EXPECT_THAT(CompileGraph(graph, kOpset, CpuBackend()),
              ::testing::AllOf(HasReason("BAD_GRAPH"), NamesField("model.graph.node[unused]")));
}

TEST(ExecutorTest, AnOutputThatTheOperatorLacksIsRefusedInTheRun) {
  Graph graph = GraphOf({Op("Neg", {"x"}, {"n", "second"}), Op("Relu", {"second"}, {"y"})});
  ASSERT_OK_AND_ASSIGN(const auto executor, CompileGraph(graph, kOpset, CpuBackend()));
  EXPECT_THAT(executor->Run({{"x", Row({1})}}),
              ::testing::AllOf(HasReason("BAD_GRAPH"), NamesField("model.graph.node[n]")));
}

}  // namespace
}  // namespace quantd
