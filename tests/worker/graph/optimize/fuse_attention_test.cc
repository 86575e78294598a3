// Attention as exporters write it: what the pass matches and what it must not.
#include <gmock/gmock.h>

#include "tests/worker/graph/optimize/pass_bench.h"

namespace quantd::optimize {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;
using testing::AfterPass;
using testing::Op;
using testing::Scalar;
using testing::Types;
using testing::Values;

using Axes = std::vector<int64_t>;
using Nodes = std::vector<Node>;

Node Transpose(const std::string& in, const std::string& out, Axes perm) {
  return Op("Transpose", {in}, {out}, {{"perm", std::move(perm)}});
}

std::map<std::string, Tensor> Constants() {
  return {{"eight", Scalar(8)}, {"quarter", Scalar(0.25f)}, {"heads", Values({0, 0, 4, -1})}, {"zero", Tensor::Scalar<int64_t>(0)},
          {"one", Tensor::Scalar<int64_t>(1)}, {"two", Tensor::Scalar<int64_t>(2)}, {"axis", Values({0})},
          {"parts", Values({1, 1, 1})}, {"qkv", Values({0, 0, 3, 4, -1})}, {"vector", Tensor(DataType::kFloat, {4})}};
}

// Queries, keys and values are q, k and v, [B, S, H, D]; scores behind q k^T are left to `middle`, which ends in "z".
Nodes Separate(Nodes middle) {
  Nodes nodes = {Op("Reshape", {"x", "heads"}, {"q"}), Op("Sigmoid", {"q"}, {"k"}), Op("Neg", {"q"}, {"v"}),
                 Transpose("q", "qt", {0, 2, 1, 3}), Transpose("k", "kt", {0, 2, 3, 1}), Transpose("v", "vt", {0, 2, 1, 3}),
                 Op("MatMul", {"qt", "kt"}, {"p"})};
  nodes.insert(nodes.end(), middle.begin(), middle.end());
  nodes.push_back(Op("Softmax", {"z"}, {"w"}, {{"axis", int64_t{-1}}}));
  nodes.push_back(Op("MatMul", {"w", "vt"}, {"c"}));
  nodes.push_back(Transpose("c", "y", {0, 2, 1, 3}));
  return nodes;
}

const Nodes kScaledAndMasked = {Op("Div", {"p", "eight"}, {"s"}), Op("Add", {"s", "mask"}, {"z"})};

Nodes WithMask(Nodes nodes) {
  nodes.insert(nodes.begin(), Op("Cos", {"x"}, {"mask"}));
  return nodes;
}

TEST(FuseAttentionTest, SeparateProductsWithScaleAndMask) {
  const Graph graph = AfterPass(&FuseAttention, WithMask(Separate(kScaledAndMasked)), Constants());
  ASSERT_THAT(Types(graph), ElementsAre("Cos", "Reshape", "Sigmoid", "Neg", "Attention"));
  const Node& node = graph.nodes.back();
  EXPECT_THAT(node.inputs, ElementsAre("q", "k", "v", "mask"));
  EXPECT_EQ(node.Float("scale", 0), 0.125f);
  EXPECT_EQ(node.Int("q_part", 7), -1);
}

TEST(FuseAttentionTest, WithoutMaskAndWithTheScaleOnBothSides) {
  // 0.25 on the queries and on the transposed keys: 1/16 on the scores.
  Nodes nodes = {Op("Reshape", {"x", "heads"}, {"q"}),
                 Transpose("q", "qt", {0, 2, 1, 3}), Op("Mul", {"qt", "quarter"}, {"qs"}),
                 Transpose("q", "k1", {0, 2, 1, 3}), Transpose("k1", "kt", {0, 1, 3, 2}), Op("Mul", {"quarter", "kt"}, {"ks"}),
                 Transpose("q", "vt", {0, 2, 1, 3}), Op("MatMul", {"qs", "ks"}, {"p"}),
                 Op("Softmax", {"p"}, {"w"}, {{"axis", int64_t{3}}}), Op("MatMul", {"w", "vt"}, {"c"}),
                 Transpose("c", "y", {0, 2, 1, 3})};
  const Graph graph = AfterPass(&FuseAttention, nodes, Constants());
  ASSERT_THAT(Types(graph), ElementsAre("Reshape", "Attention"));
  EXPECT_EQ(graph.nodes.back().Float("scale", 0), 1.0f / 16);
  EXPECT_THAT(graph.nodes.back().inputs, ElementsAre("q", "q", "q", ""));
}

// One product for all three, cut by Split and Squeeze or by Gather.
Nodes OneProduct(bool gathered) {
  Nodes nodes = {Op("Reshape", {"x", "qkv"}, {"f"}), Transpose("f", "t", {2, 0, 3, 1, 4})};
  const std::string index[3] = {"zero", "one", "two"}, part[3] = {"qt", "k1", "vt"};
  if (!gathered) {
    nodes.push_back(Op("Split", {"t", "parts"}, {"a0", "a1", "a2"}, {{"axis", int64_t{0}}}));
  }
  for (size_t i = 0; i < 3; ++i) {
    nodes.push_back(gathered ? Op("Gather", {"t", index[i]}, {part[i]}, {{"axis", int64_t{0}}})
                             : Op("Squeeze", {"a" + std::to_string(i), "axis"}, {part[i]}));
  }
  for (const Node& node : Nodes{Transpose("k1", "kt", {0, 1, 3, 2}), Op("MatMul", {"qt", "kt"}, {"p"}),
                                Op("Mul", {"p", "quarter"}, {"z"}), Op("Softmax", {"z"}, {"w"}, {{"axis", int64_t{-1}}}),
                                Op("MatMul", {"w", "vt"}, {"c"}), Transpose("c", "y", {0, 2, 1, 3})}) {
    nodes.push_back(node);
  }
  return nodes;
}

TEST(FuseAttentionTest, OneProductForQueriesKeysAndValues) {
  for (const bool gathered : {false, true}) {
    const Graph graph = AfterPass(&FuseAttention, OneProduct(gathered), Constants());
    ASSERT_THAT(Types(graph), ElementsAre("Reshape", "Attention"));
    const Node& node = graph.nodes.back();
    EXPECT_THAT(node.inputs, ElementsAre("f", "f", "f", ""));
    EXPECT_EQ(node.Int("q_part", -1), 0);
    EXPECT_EQ(node.Int("k_part", -1), 1);
    EXPECT_EQ(node.Int("v_part", -1), 2);
    EXPECT_EQ(node.Float("scale", 0), 0.25f);
  }
}

TEST(FuseAttentionTest, ObservedOrSharedPiecesStay) {
  for (const char* inner : {"p", "s", "z", "w", "c"}) {
    EXPECT_THAT(Types(AfterPass(&FuseAttention, WithMask(Separate(kScaledAndMasked)), Constants(), {inner})),
                Not(Contains("Attention")))
        << inner;
  }
  // Transposed queries may be observed: they stay beside the fused operator.
  EXPECT_THAT(Types(AfterPass(&FuseAttention, WithMask(Separate(kScaledAndMasked)), Constants(), {"qt"})), Contains("Attention"));
}

TEST(FuseAttentionTest, OtherAxesAndScalesStay) {
  const auto changed = [](const std::string& output, auto change) {
    Nodes nodes = WithMask(Separate(kScaledAndMasked));
    for (Node& node : nodes) {
      if (node.outputs[0] == output) change(node);
    }
    return Types(AfterPass(&FuseAttention, nodes, Constants()));
  };
  EXPECT_THAT(changed("w", [](Node& node) { node.attributes["axis"] = int64_t{2}; }), Not(Contains("Attention")));
  EXPECT_THAT(changed("kt", [](Node& node) { node.attributes["perm"] = Axes{0, 2, 1, 3}; }), Not(Contains("Attention")));
  EXPECT_THAT(changed("vt", [](Node& node) { node.attributes["perm"] = Axes{0, 1, 2, 3}; }), Not(Contains("Attention")));
  EXPECT_THAT(changed("y", [](Node& node) { node.attributes["perm"] = Axes{0, 1, 3, 2}; }), Not(Contains("Attention")));
  EXPECT_THAT(changed("s", [](Node& node) { node.inputs[1] = "vector"; }), Not(Contains("Attention")));
}

}  // namespace
}  // namespace quantd::optimize
