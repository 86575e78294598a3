// Small graphs with the placement that each must get, written down by hand.
#include "worker/quantize/place_codes.h"

#include <set>

#include "absl/strings/str_join.h"
#include "tests/worker/quantize/quantize_bench.h"
#include "worker/quantize/plan_layers.h"

namespace quantd {
namespace {

using testing::GraphOf;
using testing::Op;
using testing::RandomTensor;

struct PlacementCase {
  std::string name;
  std::vector<Node> nodes;
  std::string groups;    // "x; a b": tensors of one code side by side.
  std::string replaced;  // Tensors that are known by their codes alone.
  std::string nodes_on_codes;  // Besides layers.
  std::vector<std::string> outputs = {"y"};
  std::set<std::string> excluded;
};

void PrintTo(const PlacementCase& one, std::ostream* out) { *out << one.name; }

using Ints = std::vector<int64_t>;

Node Conv(const std::string& x, const std::string& y) { return Op("Conv", {x, "w"}, {y}); }
Node Gemm(const std::string& x, const std::string& y) { return Op("Gemm", {x, "m"}, {y}); }

// w is a filter, m a matrix, c a constant, one and zero are scalars, i holds indices.
std::map<std::string, Tensor> Initializers() {
  return {{"w", RandomTensor({4, 4, 1, 1}, 1)}, {"m", RandomTensor({4, 4}, 2)},
          {"c", RandomTensor({4, 1, 1}, 3)},     {"one", Tensor::Scalar<float>(1)},
          {"zero", Tensor::Scalar<float>(0)},    {"i", Tensor::Of<int64_t>({2}, {0, 1})},
          {"v", RandomTensor({4}, 4)}};
}

Graph GraphOfCase(const PlacementCase& one) {
  Graph graph = GraphOf(one.nodes, Initializers());
  graph.outputs.clear();
  for (const std::string& output : one.outputs) graph.outputs.push_back({.name = output, .dtype = DataType::kFloat});
  return graph;
}

std::vector<PlacementCase> Cases() {
  return {
      {"WhatLayersReadIsACode", {Conv("x", "a"), Conv("a", "y")}, "x; a", "a", ""},
      {"AReluIsPartOfTheCodeBehindIt",
       {Conv("x", "a"), Op("Relu", {"a"}, {"r"}), Conv("r", "y")}, "x; r", "r", ""},
      {"SoIsAClipWithConstantBounds",
       {Conv("x", "a"), Op("Clip", {"a", "zero", "one"}, {"r"}), Conv("r", "y")}, "x; r", "r", ""},
      {"AReluThatIsNotAloneReadsCodes",
       {Conv("x", "a"), Op("Relu", {"a"}, {"r"}), Conv("r", "b"), Conv("a", "d"),
        Op("Sub", {"b", "d"}, {"y"})},
       "x; a; r", "a", ""},
      {"AConvThatMakesAnOutputWritesFloats", {Conv("x", "y")}, "x", "", ""},
      {"AnOutputThatIsAlsoReadAsCodesIsTheirValue",
       {Conv("x", "a"), Conv("a", "y")}, "x; a", "a", "", {"a", "y"}},
      {"AResidualAddIsOnCodesOnBothSides",
       {Conv("x", "a"), Conv("a", "b"), Op("Add", {"b", "a"}, {"s"}), Op("Relu", {"s"}, {"r"}), Conv("r", "y")},
       "x; a; b; r", "a b r", "s"},
      {"AnAddThatNoLayerReadsStaysFloat",
       {Conv("x", "a"), Conv("a", "b"), Op("Add", {"b", "a"}, {"y"})}, "x; a", "a", ""},
      {"AnAddOfWhatIsFloatStaysFloat",
       {Conv("x", "a"), Op("Exp", {"a"}, {"e"}), Op("Add", {"a", "e"}, {"s"}), Conv("s", "y")}, "x; s", "", ""},
      {"AConstantBesideCodesIsACode",
       {Conv("x", "a"), Op("Mul", {"a", "c"}, {"s"}), Conv("s", "y")}, "x; a; c; s", "a s", "s"},
      {"MaxPoolCarriesCodes",
       {Conv("x", "a"), Op("MaxPool", {"a"}, {"p"}, {{"kernel_shape", Ints{2, 2}}}), Conv("p", "y")},
       "x; a p", "a p", "p"},
      {"ReshapesOfAnInputCarryItsCode",
       {Op("Reshape", {"x", "i"}, {"r"}), Op("Transpose", {"r"}, {"t"}), Gemm("t", "y")}, "x r t", "r t", "r t"},
      {"ConcatSharesOneCode",
       {Conv("x", "a"), Conv("x", "b"), Op("Concat", {"a", "b"}, {"s"}, {{"axis", int64_t{1}}}), Conv("s", "y")},
       "x; a b s", "a b s", "s"},
      {"SplitSharesOneCode",
       {Conv("x", "a"), Op("Split", {"a"}, {"l", "r"}, {{"axis", int64_t{1}}}), Conv("l", "b"),
        Op("Sub", {"b", "r"}, {"y"})},
       "x; a l r", "a l r", "l"},
      {"NearestResizeCarriesCodes",
       {Conv("x", "a"), Op("Resize", {"a", "", "one"}, {"r"}), Conv("r", "y")}, "x; a r", "a r", "r"},
      {"LinearResizeMakesNewValues",
       {Conv("x", "a"), Op("Resize", {"a", "", "one"}, {"r"}, {{"mode", std::string("linear")}}), Conv("r", "y")},
       "x; r", "", ""},
      {"PaddingWithZeroCarriesCodes",
       {Conv("x", "a"), Op("Pad", {"a", "i"}, {"p"}), Conv("p", "y")}, "x; a p", "a p", "p"},
      {"PaddingWithAnotherValueDoesNot",
       {Conv("x", "a"), Op("Pad", {"a", "i", "one"}, {"p"}), Conv("p", "y")}, "x; p", "", ""},
      {"PoolingByAverageHasCodesOfItsOwn",
       {Conv("x", "a"), Op("GlobalAveragePool", {"a"}, {"p"}), Op("Flatten", {"p"}, {"f"}), Gemm("f", "y")},
       "x; a; p f", "a f p", "f p"},
      {"SqueezeAndExciteIsOnCodes",
       {Conv("x", "a"), Op("GlobalAveragePool", {"a"}, {"p"}), Conv("p", "q"), Op("Sigmoid", {"q"}, {"g"}),
        Op("Mul", {"a", "g"}, {"s"}), Conv("s", "y")},
       "x; a; p; q; g; s", "a g p q s", "g p s"},
      {"AFunctionLiesBetweenCodes",
       {Conv("x", "a"), Op("HardSwish", {"a"}, {"h"}), Conv("h", "y")}, "x; a; h", "a", ""},
      {"AGemmWritesFloatsUnlessCodesAreRead",
       {Gemm("x", "a"), Op("Exp", {"a"}, {"e"}), Gemm("e", "b"), Gemm("b", "y")}, "x; e; b", "b", ""},
      {"AResidualOfGemmsStaysFloat",
       {Gemm("x", "a"), Op("Add", {"a", "x"}, {"s"}), Op("Exp", {"s"}, {"e"}), Gemm("e", "y")}, "x; e", "", ""},
      {"ABiasBehindAMatMulStaysFloat",
       {Op("MatMul", {"x", "m"}, {"a"}), Op("Add", {"a", "v"}, {"b"}), Gemm("b", "y")}, "x; b", "", ""},
      {"AttentionReadsCodes",
       {Op("MatMul", {"x", "m"}, {"q"}), Op("MatMul", {"x", "m"}, {"k"}), Op("Transpose", {"k"}, {"kt"}),
        Op("MatMul", {"q", "kt"}, {"s"}), Op("Softmax", {"s"}, {"p"}), Op("MatMul", {"p", "q"}, {"y"})},
       "x; q; k kt; p", "k kt q", "kt"},
      {"ExcludedNodesReadFloats",
       {Conv("x", "a"), Conv("a", "b"), Op("Add", {"b", "a"}, {"s"}), Conv("s", "y")}, "x; a; s", "a", "", {"y"}, {"s"}},
      {"ARecurrentLayerReadsFloats",
       {Conv("x", "a"), Op("LSTM", {"a", "w3", "w3"}, {"h"}), Gemm("h", "y")}, "x; h", "", ""},
  };
}

class PlacementTest : public ::testing::TestWithParam<PlacementCase> {};

std::string Joined(const std::set<std::string>& names) { return absl::StrJoin(names, " "); }

TEST_P(PlacementTest, IsTheOneWrittenDown) {
  const PlacementCase& one = GetParam();
  Graph graph = GraphOfCase(one);
  graph.initializers["w3"] = RandomTensor({1, 4, 4}, 5);
  const Placement placement = PlaceFused(graph, FindLayers(graph), one.excluded);
  std::vector<std::string> groups;
  for (const auto& group : placement.groups) groups.push_back(absl::StrJoin(group, " "));
  EXPECT_EQ(absl::StrJoin(groups, "; "), one.groups);
  EXPECT_EQ(Joined(placement.replaced), one.replaced);
  EXPECT_EQ(Joined(placement.nodes), one.nodes_on_codes);
}

// Whatever the placement: a read is of a code, a replaced tensor is read as nothing else, and no tensor has two codes.
TEST_P(PlacementTest, IsConsistent) {
  Graph graph = GraphOfCase(GetParam());
  const Placement placement = PlaceFused(graph, FindLayers(graph), GetParam().excluded);
  std::set<std::string> coded;
  for (const auto& group : placement.groups) {
    for (const std::string& tensor : group) EXPECT_TRUE(coded.insert(tensor).second) << tensor;
  }
  for (const Node& node : graph.nodes) {
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const bool reads = placement.reads.count({node.name, i}) > 0;
      EXPECT_TRUE(!reads || coded.count(node.inputs[i]) == 1) << node.inputs[i];
      EXPECT_TRUE(reads || placement.replaced.count(node.inputs[i]) == 0) << node.name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Graphs, PlacementTest, ::testing::ValuesIn(Cases()),
                         [](const auto& info) { return info.param.name; });

TEST(PlaceInputsTest, OnlyWhatLayersReadBecomesACode) {
  const Graph graph =
      GraphOf({Conv("x", "a"), Conv("a", "b"), Op("Add", {"b", "a"}, {"s"}), Op("Relu", {"s"}, {"r"}), Conv("r", "y")},
              Initializers());
  const Placement placement = PlaceInputs(graph, FindLayers(graph));
  EXPECT_EQ(placement.groups, (std::vector<std::vector<std::string>>{{"x"}, {"a"}, {"r"}}));
  EXPECT_EQ(placement.reads, (std::set<NodeInput>{{"a", 0}, {"b", 0}, {"y", 0}}));
  EXPECT_TRUE(placement.replaced.empty());
}

}  // namespace
}  // namespace quantd
