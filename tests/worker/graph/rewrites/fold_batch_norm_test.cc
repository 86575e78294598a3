#include "worker/graph/rewrites/fold_batch_norm.h"

#include "tests/support/status_matchers.h"
#include "tests/worker/graph/rewrites/nodes.h"

namespace quantd {
namespace {

using namespace ::quantd::testing;  // NOLINT: matchers and builders.
using ::testing::ElementsAre;

Node Norm(const std::string& input, const std::string& output) {
  // Epsilon 0.5 with variances 3.5 and 0.5: the roots are 2 and 1 exactly.
  return Op("BatchNormalization", {input, "scale", "shift", "mean", "variance"}, {output},
            {{"epsilon", 0.5f}});
}

// Factors are 4/2 = 2 and -3/1 = -3.
std::map<std::string, Tensor> WithNorm(std::map<std::string, Tensor> tensors) {
  tensors["scale"] = Tensor::Of<float>({2}, {4.0f, -3.0f});
  tensors["shift"] = Tensor::Of<float>({2}, {10.0f, 20.0f});
  tensors["mean"] = Tensor::Of<float>({2}, {1.0f, 5.0f});
  tensors["variance"] = Tensor::Of<float>({2}, {3.5f, 0.5f});
  return tensors;
}

// W = [[1,2],[3,4]] as [2,2,1,1]; rows times 2 and -3.
// bias = (b - mean) factor + shift: (7-1) 2 + 10 = 22; (8-5)(-3) + 20 = 11.
TEST(FoldBatchNorm, ScalesTheRowsAndMovesTheBiasOfAConv) {
  Graph graph = GraphOf({Op("Conv", {"x", "w", "b"}, {"c"}), Norm("c", "y")},
                        WithNorm({{"w", Tensor::Of<float>({2, 2, 1, 1}, {1, 2, 3, 4})},
                                  {"b", Tensor::Of<float>({2}, {7, 8})}}));
  ASSERT_OK(FoldBatchNorm(graph));
  EXPECT_THAT(Types(graph), ElementsAre("Conv"));
  EXPECT_THAT(graph.nodes[0].inputs, ElementsAre("x", "w", "b"));
  EXPECT_THAT(graph.nodes[0].outputs, ElementsAre("y"));
  EXPECT_THAT(Floats(graph, "w"), ElementsAre(2, 4, -9, -12));
  EXPECT_THAT(Floats(graph, "b"), ElementsAre(22, 11));
  EXPECT_EQ(graph.initializers.size(), 2u);  // The norm's parameters are gone.
}

// Depthwise: group 2, W [2,1,1,2]. No bias: (0-1) 2 + 10 = 8; (0-5)(-3) + 20 = 35.
TEST(FoldBatchNorm, GivesADepthwiseConvWithoutBiasOne) {
  Graph graph = GraphOf({Op("Conv", {"x", "w"}, {"c"}, {{"group", int64_t{2}}}), Norm("c", "y")},
                        WithNorm({{"w", Tensor::Of<float>({2, 1, 1, 2}, {1, 2, 3, 4})}}));
  ASSERT_OK(FoldBatchNorm(graph));
  ASSERT_THAT(Types(graph), ElementsAre("Conv"));
  ASSERT_EQ(graph.nodes[0].inputs.size(), 3u);
  EXPECT_THAT(Floats(graph, "w"), ElementsAre(2, 4, -9, -12));
  EXPECT_THAT(Floats(graph, graph.nodes[0].inputs[2]), ElementsAre(8, 35));
}

// ConvTranspose W [C_in=2, C_out/groups=1, 1, 1], two groups: row 0 makes channel 0, row 1 channel
// 1.
TEST(FoldBatchNorm, FindsTheChannelsOfAGroupedConvTranspose) {
  Graph graph =
      GraphOf({Op("ConvTranspose", {"x", "w"}, {"c"}, {{"group", int64_t{2}}}), Norm("c", "y")},
              WithNorm({{"w", Tensor::Of<float>({2, 1, 1, 1}, {1, 1})}}));
  ASSERT_OK(FoldBatchNorm(graph));
  EXPECT_THAT(Types(graph), ElementsAre("ConvTranspose"));
  EXPECT_THAT(Floats(graph, "w"), ElementsAre(2, -3));
}

// One group, W [C_in=1, C_out=2, 1, 2]: the second axis is the channel.
TEST(FoldBatchNorm, FindsTheChannelsOfAPlainConvTranspose) {
  Graph graph = GraphOf({Op("ConvTranspose", {"x", "w"}, {"c"}), Norm("c", "y")},
                        WithNorm({{"w", Tensor::Of<float>({1, 2, 1, 2}, {1, 2, 3, 4})}}));
  ASSERT_OK(FoldBatchNorm(graph));
  EXPECT_THAT(Floats(graph, "w"), ElementsAre(2, 4, -9, -12));
}

// y = x W + 0.5 C, columns are channels: W columns times 2 and -3;
// bias (0.5*4-1) 2 + 10 = 12; (0.5*4-5)(-3) + 20 = 29, with beta now 1.
TEST(FoldBatchNorm, TakesBetaOfAGemmIntoTheBias) {
  Graph graph = GraphOf({Op("Gemm", {"x", "w", "b"}, {"c"}, {{"beta", 0.5f}}), Norm("c", "y")},
                        WithNorm({{"w", Tensor::Of<float>({2, 2}, {1, 2, 3, 4})},
                                  {"b", Tensor::Of<float>({1}, {4})}}));
  ASSERT_OK(FoldBatchNorm(graph));
  ASSERT_THAT(Types(graph), ElementsAre("Gemm"));
  EXPECT_FALSE(graph.nodes[0].Has("beta"));
  EXPECT_THAT(Floats(graph, "w"), ElementsAre(2, -6, 6, -12));
  EXPECT_THAT(Floats(graph, "b"), ElementsAre(12, 29));
}

TEST(FoldBatchNorm, CopiesWeightsThatAnotherNodeReads) {
  Graph graph = GraphOf({Op("Conv", {"x", "w"}, {"c"}), Norm("c", "n"),
                         Op("Conv", {"x", "w"}, {"d"}), Op("Add", {"n", "d"}, {"y"})},
                        WithNorm({{"w", Tensor::Of<float>({2, 1, 1, 1}, {1, 1})}}));
  ASSERT_OK(FoldBatchNorm(graph));
  EXPECT_THAT(Types(graph), ElementsAre("Conv", "Conv", "Add"));
  EXPECT_EQ(graph.nodes[1].inputs[1], "w");
  EXPECT_THAT(Floats(graph, "w"), ElementsAre(1, 1));
  EXPECT_THAT(Floats(graph, graph.nodes[0].inputs[1]), ElementsAre(2, -3));
}

// Twice: factors 4 and 9; biases 0 -> 8, 35 -> (8-1) 2 + 10 = 24, (35-5)(-3) + 20 = -70.
TEST(FoldBatchNorm, FoldsOneNormAfterAnother) {
  Graph graph = GraphOf({Op("Conv", {"x", "w"}, {"c"}), Norm("c", "n"), Norm("n", "y")},
                        WithNorm({{"w", Tensor::Of<float>({2, 1, 1, 1}, {1, 1})}}));
  ASSERT_OK(FoldBatchNorm(graph));
  ASSERT_THAT(Types(graph), ElementsAre("Conv"));
  EXPECT_THAT(Floats(graph, "w"), ElementsAre(4, 9));
  EXPECT_THAT(Floats(graph, graph.nodes[0].inputs[2]), ElementsAre(24, -70));
}

class Unfoldable : public ::testing::Test {
 protected:
  void ExpectUnchanged(Graph graph) {
    const std::vector<std::string> before = Types(graph);
    ASSERT_OK(FoldBatchNorm(graph));
    EXPECT_EQ(Types(graph), before);
    EXPECT_THAT(Floats(graph, "w"), ElementsAre(1, 1));
  }
  const std::map<std::string, Tensor> tensors_ =
      WithNorm({{"w", Tensor::Of<float>({2, 1, 1, 1}, {1, 1})}});
  const Node conv_ = Op("Conv", {"x", "w"}, {"c"});
};

TEST_F(Unfoldable, AConvWithAnotherReader) {
  ExpectUnchanged(GraphOf({conv_, Norm("c", "n"), Op("Add", {"n", "c"}, {"y"})}, tensors_));
}

TEST_F(Unfoldable, AConvThatIsAGraphOutput) {
  Graph graph = GraphOf({conv_, Norm("c", "y")}, tensors_);
  graph.outputs.push_back({.name = "c"});
  ExpectUnchanged(graph);
}

TEST_F(Unfoldable, ANormInTraining) {
  Node norm = Norm("c", "y");
  norm.attributes["training_mode"] = int64_t{1};
  ExpectUnchanged(GraphOf({conv_, norm}, tensors_));
}

TEST_F(Unfoldable, ComputedParameters) {
  auto tensors = tensors_;
  tensors.erase("mean");
  ExpectUnchanged(GraphOf({Op("Relu", {"x"}, {"mean"}), conv_, Norm("c", "y")}, tensors));
}

TEST_F(Unfoldable, AVarianceThatHasNoRoot) {
  auto tensors = tensors_;
  tensors["variance"] = Tensor::Of<float>({2}, {3.5f, -1.0f});
  ExpectUnchanged(GraphOf({conv_, Norm("c", "y")}, tensors));
}

TEST_F(Unfoldable, ParametersForAnotherNumberOfChannels) {
  auto tensors = tensors_;
  tensors["scale"] = Tensor::Of<float>({1}, {1.0f});
  ExpectUnchanged(GraphOf({conv_, Norm("c", "y")}, tensors));
}

}  // namespace
}  // namespace quantd
