// Rules of shape inference, each against shapes worked out by hand.
#include "worker/graph/shapes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/worker/graph/rewrites/nodes.h"

namespace quantd {
namespace {

using testing::GraphOf;
using testing::Op;

// "N" and 3 for a symbol and an extent; made-up symbols read "?".
std::string Described(const TensorFacts& facts) {
  if (!facts.has_shape) return "unknown";
  std::string text;
  for (const Dimension& dimension : facts.shape) {
    text += text.empty() ? "" : ",";
    text += dimension.extent >= 0 ? std::to_string(dimension.extent)
            : dimension.symbol[0] == '?' ? "?" : dimension.symbol;
  }
  return text;
}

struct RuleCase {
  std::string name;
  std::vector<Dimension> input;
  std::vector<Node> nodes;  // From x to y.
  std::string expected;
  std::map<std::string, Tensor> constants = {};
  int64_t opset = 17;
};

Tensor Values(std::vector<int64_t> values) { return Tensor::Of<int64_t>({static_cast<int64_t>(values.size())}, values); }
Dimension N() { return {.symbol = "N"}; }
Dimension D(int64_t extent) { return {.extent = extent}; }

std::vector<RuleCase> Rules() {
  using List = std::vector<int64_t>;
  const Tensor kernel(DataType::kFloat, {8, 3, 3, 3});
  return {
      // (224 + 1 + 1 - 3) / 2 + 1 = 112
      {"conv", {N(), D(3), D(224), {.symbol = "W"}}, {Op("Conv", {"x", "w"}, {"y"}, {{"strides", List{2, 2}}, {"pads", List{1, 1, 1, 1}}})},
       "N,8,112,?", {{"w", kernel}}},
      {"conv_same", {N(), D(3), D(7), D(8)}, {Op("Conv", {"x", "w"}, {"y"}, {{"strides", List{2, 2}}, {"auto_pad", std::string("SAME_UPPER")}})},
       "N,8,4,4", {{"w", kernel}}},
      // ceil((10 - 3) / 2) + 1 = 5, whose window begins at 8, inside.
      {"pool_ceil", {N(), D(3), D(10), D(9)}, {Op("MaxPool", {"x"}, {"y"}, {{"kernel_shape", List{3, 3}}, {"strides", List{2, 2}}, {"ceil_mode", int64_t{1}}})},
       "N,3,5,4"},
      {"conv_too_small", {N(), D(3), D(2), D(2)}, {Op("Conv", {"x", "w"}, {"y"})}, "N,8,?,?", {{"w", kernel}}},
      {"matmul", {N(), D(5), D(4)}, {Op("MatMul", {"x", "w"}, {"y"})}, "N,5,6", {{"w", Tensor(DataType::kFloat, {4, 6})}}},
      {"matmul_vector", {N(), D(5), D(4)}, {Op("MatMul", {"x", "w"}, {"y"})}, "N,5", {{"w", Tensor(DataType::kFloat, {4})}}},
      {"broadcast", {N(), D(1), D(4)}, {Op("Add", {"x", "w"}, {"y"})}, "N,5,4", {{"w", Tensor(DataType::kFloat, {5, 1})}}},
      // N is 3 or 1: the sum has 3 rows either way.
      {"broadcast_symbol", {N(), D(4)}, {Op("Add", {"x", "w"}, {"y"})}, "3,4", {{"w", Tensor(DataType::kFloat, {3, 1})}}},
      {"reshape_free", {N(), D(6), D(4)}, {Op("Reshape", {"x", "s"}, {"y"})}, "N,3,8", {{"s", Values({0, 3, -1})}}},
      {"reshape_symbol_free", {N(), D(6), D(4)}, {Op("Reshape", {"x", "s"}, {"y"})}, "N,24", {{"s", Values({-1, 24})}}},
      {"reshape_merged", {N(), D(6), D(4)}, {Op("Reshape", {"x", "s"}, {"y"})}, "?,4", {{"s", Values({-1, 4})}}},
      {"reshape_from_shape", {N(), {.symbol = "S"}, D(8)},
       {Op("Shape", {"x"}, {"s"}), Op("Slice", {"s", "zero", "two"}, {"head"}), Op("Concat", {"head", "tail"}, {"t"}, {{"axis", int64_t{0}}}),
        Op("Reshape", {"x", "t"}, {"y"})},
       "N,S,2,4", {{"zero", Values({0})}, {"two", Values({2})}, {"tail", Values({2, -1})}}},
      {"expand_where", {N(), D(1), D(4)},
       {Op("Shape", {"x"}, {"s"}), Op("Gather", {"s", "zero"}, {"n"}), Op("Concat", {"n", "free"}, {"t"}, {{"axis", int64_t{0}}}),
        Op("Equal", {"t", "free2"}, {"e"}), Op("Where", {"e", "ones", "t"}, {"w"}), Op("Expand", {"one_row", "w"}, {"y"})},
       "N,1,4", {{"zero", Values({0})}, {"free", Values({-1, -1})}, {"free2", Values({-1, -1, -1})}, {"ones", Values({1, 1, 1})},
                 {"one_row", Tensor(DataType::kFloat, {1, 1, 4})}}},
      {"transpose", {N(), D(2), D(3)}, {Op("Transpose", {"x"}, {"y"}, {{"perm", List{2, 0, 1}}})}, "3,N,2"},
      {"transpose_default", {N(), D(2), D(3)}, {Op("Transpose", {"x"}, {"y"})}, "3,2,N"},
      {"concat", {N(), D(2)}, {Op("Concat", {"x", "x", "x"}, {"y"}, {{"axis", int64_t{1}}})}, "N,6"},
      {"concat_symbols", {N(), D(2)}, {Op("Concat", {"x", "x"}, {"y"}, {{"axis", int64_t{0}}})}, "?,2"},
      // 5 in three: 2, 2, 1.
      {"split", {N(), D(5)}, {Op("Split", {"x"}, {"a", "b", "y"}, {{"axis", int64_t{1}}})}, "N,1"},
      {"split_sizes", {N(), D(5)}, {Op("Split", {"x", "s"}, {"a", "y"}, {{"axis", int64_t{-1}}})}, "N,4", {{"s", Values({1, 4})}}},
      // 7, 5, 3 from the end of ten.
      {"slice", {N(), D(10)}, {Op("Slice", {"x", "b", "e", "a", "s"}, {"y"})}, "N,3",
       {{"b", Values({-3})}, {"e", Values({1})}, {"a", Values({1})}, {"s", Values({-2})}}},
      {"slice_symbol", {N(), D(10)}, {Op("Slice", {"x", "b", "e", "a"}, {"y"})}, "?,10",
       {{"b", Values({1})}, {"e", Values({1000000000000})}, {"a", Values({0})}}},
      {"slice_attributes", {N(), D(10)}, {Op("Slice", {"x"}, {"y"}, {{"starts", List{2}}, {"ends", List{9}}, {"axes", List{1}}})}, "N,7", {}, 9},
      {"gather", {N(), D(10), D(4)}, {Op("Gather", {"x", "i"}, {"y"}, {{"axis", int64_t{1}}})}, "N,4", {{"i", Tensor::Scalar<int64_t>(0)}}},
      {"squeeze", {N(), D(1), D(4)}, {Op("Squeeze", {"x", "a"}, {"y"})}, "N,4", {{"a", Values({1})}}},
      {"squeeze_all_of_a_symbol", {N(), D(1), D(4)}, {Op("Squeeze", {"x"}, {"y"})}, "unknown"},
      {"unsqueeze", {N(), D(4)}, {Op("Unsqueeze", {"x", "a"}, {"y"})}, "1,N,4,1", {{"a", Values({0, -1})}}},
      {"flatten", {N(), D(3), D(4)}, {Op("Flatten", {"x"}, {"y"})}, "N,12"},
      {"reduce", {N(), D(3), D(4)}, {Op("ReduceMean", {"x"}, {"y"}, {{"axes", List{-1}}, {"keepdims", int64_t{0}}})}, "N,3"},
      {"reduce_all", {N(), D(3)}, {Op("ReduceSum", {"x"}, {"y"})}, "1,1"},
      {"reduce_unknown_axes", {N(), D(3)}, {Op("Cast", {"x"}, {"c"}, {{"to", int64_t{7}}}), Op("ReduceSum", {"x", "c"}, {"y"})}, "unknown"},
      // floor(7 * 1.5) = 10
      {"resize", {N(), D(2), D(7), D(4)}, {Op("Resize", {"x", "", "s"}, {"y"})}, "N,2,10,8",
       {{"s", Tensor::Of<float>({4}, {1, 1, 1.5f, 2})}}},
      {"pad", {N(), D(4)}, {Op("Pad", {"x", "p"}, {"y"})}, "N,7", {{"p", Values({0, 1, 0, 2})}}},
      {"tile", {N(), D(4)}, {Op("Tile", {"x", "r"}, {"y"})}, "N,8", {{"r", Values({1, 2})}}},
      {"unknown_operator", {N(), D(4)}, {Op("NonMaxSuppression", {"x"}, {"y"})}, "unknown"},
  };
}

class ShapeRules : public ::testing::TestWithParam<RuleCase> {};

TEST_P(ShapeRules, GiveTheShape) {
  Graph graph = GraphOf(GetParam().nodes, GetParam().constants);
  graph.inputs[0].has_shape = true;
  graph.inputs[0].shape = GetParam().input;
  EXPECT_EQ(Described(InferShapes(graph, GetParam().opset).at("y")), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(Shapes, ShapeRules, ::testing::ValuesIn(Rules()), [](const auto& info) { return info.param.name; });

TEST(ShapesTest, TypesFollowTheOperators) {
  Graph graph = GraphOf({Op("Cast", {"x"}, {"c"}, {{"to", static_cast<int64_t>(DataType::kInt32)}}), Op("Less", {"x", "x"}, {"l"}),
                         Op("ArgMax", {"x"}, {"a"}), Op("Shape", {"x"}, {"s"}), Op("QuantizeLinear", {"x", "sc", "z"}, {"q"}),
                         Op("DequantizeLinear", {"q", "sc", "z"}, {"y"})},
                        {{"sc", Tensor::Scalar<float>(1)}, {"z", Tensor::Scalar<int8_t>(0)}});
  const ShapeFacts facts = InferShapes(graph, 17);
  EXPECT_EQ(facts.at("c").dtype, DataType::kInt32);
  EXPECT_EQ(facts.at("l").dtype, DataType::kBool);
  EXPECT_EQ(facts.at("a").dtype, DataType::kInt64);
  EXPECT_EQ(facts.at("s").dtype, DataType::kInt64);
  EXPECT_EQ(facts.at("q").dtype, DataType::kInt8);
  EXPECT_EQ(facts.at("y").dtype, DataType::kFloat);
}

TEST(ShapesTest, UnnamedExtentsAreApart) {
  Graph graph = GraphOf({Op("Relu", {"x"}, {"y"})});
  graph.inputs[0].has_shape = true;
  graph.inputs[0].shape = {{}, {}};
  const ShapeFacts facts = InferShapes(graph, 17);
  EXPECT_TRUE(SameShape(facts.at("x"), facts.at("y")));
  EXPECT_FALSE(SameExtent(facts.at("x").shape[0], facts.at("x").shape[1]));
}

}  // namespace
}  // namespace quantd
