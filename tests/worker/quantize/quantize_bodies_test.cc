#include "worker/quantize/quantize_bodies.h"

#include "tests/worker/quantize/quantize_bench.h"

namespace quantd {
namespace {

using testing::CodesOf;
using ::testing::ElementsAre;
using testing::GraphOf;
using testing::HasReason;
using testing::MinmaxRecipe;
using testing::Op;
using testing::Quantize;
using testing::Quantized;
using testing::RandomTensor;
using testing::ValuesOf;

Node If(const std::string& condition, const std::string& output, Graph then_branch, Graph else_branch) {
  return Op("If", {condition}, {output},
            {{"then_branch", std::make_shared<const Graph>(std::move(then_branch))},
             {"else_branch", std::make_shared<const Graph>(std::move(else_branch))}});
}

Graph Body(std::vector<Node> nodes, const std::string& output, std::map<std::string, Tensor> initializers = {}) {
  return Graph{.name = "body",
               .nodes = std::move(nodes),
               .initializers = std::move(initializers),
               .outputs = {{.name = output, .dtype = DataType::kFloat}}};
}

// y = x w1 where the first value of x is above 0, else x w2. One branch has its weight, the other captures it.
Graph Branches() {
  std::map<std::string, Tensor> own = {{"w1", RandomTensor({4, 3}, 1)}};
  return GraphOf({Op("ReduceMax", {"x"}, {"top"}, {{"keepdims", int64_t{0}}}), Op("Greater", {"top", "zero"}, {"c"}),
                  If("c", "y", Body({Op("MatMul", {"x", "w1"}, {"p"})}, "p", own),
                     Body({Op("MatMul", {"x", "w2"}, {"q"})}, "q"))},
                 {{"w2", RandomTensor({4, 3}, 2)}, {"zero", Tensor::Scalar<float>(0)}});
}

Tensor Signed(float sign) {
  Tensor x = RandomTensor({5, 4}, 3);
  for (int64_t i = 0; i < x.size(); ++i) {
    float& value = x.mutable_data<float>()[i];
    value = sign * (std::fabs(value) + 0.1f);
  }
  return x;
}

const Graph& BodyOf(const Graph& graph, const std::string& node, const std::string& attribute) {
  return *std::get<std::shared_ptr<const Graph>>(testing::NodeNamed(graph, node).attributes.at(attribute));
}

TEST(QuantizeBodiesTest, LayersAreNamedByTheirPaths) {
  std::vector<std::string> found;
  for (const BodyLayer& layer : FindBodyLayers(Branches())) found.push_back(layer.layer.node);
  EXPECT_THAT(found, ElementsAre("y/else_branch/q", "y/then_branch/p"));
}

TEST(QuantizeBodiesTest, BothBranchesComputeWithTheirCodes) {
  const Graph graph = Branches();
  const Quantized quantized = Quantize(graph, Signed(1), MinmaxRecipe());
  ASSERT_OK_AND_ASSIGN(const Graph applied, ApplyQuantization(graph, quantized.plan, quantized.quantization));
  for (const float sign : {1.0f, -1.0f}) {
    const Tensor x = Signed(sign);
    const CodedTensor& weight =
        quantized.quantization.body_weights.at({sign > 0 ? "y/then_branch/p" : "y/else_branch/q", 1});
    const std::vector<int64_t> codes = CodesOf(weight.codes);
    const std::vector<float> y = ValuesOf(testing::RunGraph(applied, x).at("y"));
    for (int64_t row = 0; row < 5; ++row) {
      for (int64_t c = 0; c < 3; ++c) {
        double sum = 0;
        for (int64_t k = 0; k < 4; ++k) {
          sum += double{x.data<float>()[row * 4 + k]} * static_cast<double>(codes[static_cast<size_t>(k * 3 + c)]);
        }
        EXPECT_NEAR(y[static_cast<size_t>(row * 3 + c)], sum * weight.code.scale.data<float>()[c], 1e-5);
      }
    }
  }
}

TEST(QuantizeBodiesTest, NoFloatWeightIsLeft) {
  const Graph graph = Branches();
  const Quantized quantized = Quantize(graph, Signed(1), MinmaxRecipe());
  ASSERT_OK_AND_ASSIGN(const Graph applied, ApplyQuantization(graph, quantized.plan, quantized.quantization));
  EXPECT_EQ(applied.initializers.count("w2"), 0u);
  EXPECT_EQ(BodyOf(applied, "y", "then_branch").initializers.count("w1"), 0u);
  EXPECT_EQ(BodyOf(graph, "y", "then_branch").initializers.count("w1"), 1u);  // What came in is not changed.
}

TEST(QuantizeBodiesTest, RulesExcludeByPath) {
  Recipe recipe = MinmaxRecipe();
  recipe.rules = {{.node_name = "*/then_branch/*", .exclude = true}};
  const Graph graph = Branches();
  const Quantized quantized = Quantize(graph, Signed(1), recipe);
  ASSERT_OK_AND_ASSIGN(const Graph applied, ApplyQuantization(graph, quantized.plan, quantized.quantization));
  EXPECT_EQ(BodyOf(applied, "y", "then_branch").initializers.count("w1"), 1u);
  EXPECT_EQ(applied.initializers.count("w2"), 0u);
  recipe.rules[0].node_name = "*/third_branch/*";
  EXPECT_THAT(PlanQuantization(graph, recipe).status(), HasReason("RULE_MATCHES_NOTHING"));
}

TEST(QuantizeBodiesTest, ABodyInABodyIsReached) {
  Graph inner = Branches();
  const Graph graph =
      GraphOf({Op("ReduceMax", {"x"}, {"t"}, {{"keepdims", int64_t{0}}}), Op("Less", {"t", "ten"}, {"d"}),
               If("d", "z", Body(inner.nodes, "y", inner.initializers), Body({Op("MatMul", {"x", "v"}, {"r"})}, "r")),
               Op("Relu", {"z"}, {"out"})},
              {{"ten", Tensor::Scalar<float>(10)}, {"v", RandomTensor({4, 3}, 9)}});
  Graph whole = graph;
  whole.outputs = {{.name = "out", .dtype = DataType::kFloat}};
  const Quantized quantized = Quantize(whole, Signed(1), MinmaxRecipe());
  EXPECT_EQ(quantized.quantization.body_weights.size(), 3u);
  EXPECT_EQ(quantized.quantization.body_weights.count({"z/then_branch/y/then_branch/p", 1}), 1u);
  ASSERT_OK_AND_ASSIGN(const Graph applied, ApplyQuantization(whole, quantized.plan, quantized.quantization));
  const std::vector<float> full = ValuesOf(testing::RunGraph(whole, Signed(-1)).at("out"));
  const std::vector<float> approximate = ValuesOf(testing::RunGraph(applied, Signed(-1)).at("out"));
  bool differs = false;
  for (size_t i = 0; i < full.size(); ++i) {
    EXPECT_NEAR(approximate[i], full[i], 0.05);
    differs |= approximate[i] != full[i];
  }
  EXPECT_TRUE(differs);
}

}  // namespace
}  // namespace quantd
