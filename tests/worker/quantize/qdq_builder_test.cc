#include "worker/quantize/qdq_builder.h"

#include "tests/worker/quantize/quantize_bench.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using testing::GraphOf;
using testing::NodeNamed;
using testing::Op;
using testing::RunGraph;
using testing::Types;
using testing::ValuesOf;

AffineCode Uint8Code(float scale, uint8_t zero_point) {
  return {Tensor::Scalar<float>(scale), Tensor::Scalar<uint8_t>(zero_point)};
}

CodedTensor Int8Row(const std::vector<int8_t>& codes, float scale) {
  return {.codes = Tensor::Of<int8_t>({static_cast<int64_t>(codes.size())}, codes),
          .code = {Tensor::Scalar<float>(scale), Tensor::Scalar<int8_t>(0)}};
}

TEST(QdqBuilderTest, AnActivationIsQuantizedOnceAndDequantizedForEachReader) {
  Graph graph =
      GraphOf({Op("Relu", {"x"}, {"a"}), Op("Neg", {"x"}, {"b"}), Op("Sub", {"a", "b"}, {"y"})});
  QdqBuilder builder(graph);
  builder.QuantizeActivation("a", 0, Uint8Code(0.5f, 4));
  builder.QuantizeActivation("b", 0, Uint8Code(0.5f, 4));
  ASSERT_OK(builder.Finish());
  EXPECT_THAT(Types(graph), ElementsAre("QuantizeLinear", "DequantizeLinear", "Relu",
                                        "DequantizeLinear", "Neg", "Sub"));
  EXPECT_NE(NodeNamed(graph, "a").inputs[0], NodeNamed(graph, "b").inputs[0]);
  // 1.3 / 0.5 = 2.6 -> 3 -> 1.5; relu + itself = 3. -9 saturates at -4 x 0.5 = -2; 0 - 2 = -2.
  EXPECT_THAT(ValuesOf(RunGraph(graph, Tensor::Of<float>({2}, {1.3f, -9})).at("y")),
              ElementsAre(3, -2));
}

TEST(QdqBuilderTest, AnInitializerIsStoredAsCodes) {
  Graph graph = GraphOf({Op("Add", {"x", "w"}, {"y"})}, {{"w", Tensor::Of<float>({2}, {1, 2})}});
  QdqBuilder builder(graph);
  builder.QuantizeInitializer("y", 1, Int8Row({3, -5}, 0.25f));
  ASSERT_OK(builder.Finish());
  EXPECT_EQ(graph.initializers.count("w"), 0u);
  EXPECT_THAT(ValuesOf(RunGraph(graph, Tensor::Of<float>({2}, {0, 0})).at("y")),
              ElementsAre(0.75f, -1.25f));
}

TEST(QdqBuilderTest, EqualCodesAreStoredOnceAndOthersApart) {
  Graph graph = GraphOf({Op("Add", {"x", "w"}, {"a"}), Op("Add", {"a", "w"}, {"b"}),
                         Op("Add", {"b", "w"}, {"c"}), Op("Add", {"c", "w"}, {"y"})},
                        {{"w", Tensor::Of<float>({1}, {1})}});
  QdqBuilder builder(graph);
  builder.QuantizeInitializer("a", 1, Int8Row({1}, 1));
  builder.QuantizeInitializer("b", 1, Int8Row({1}, 1));
  builder.QuantizeInitializer("c", 1, Int8Row({1}, 2));
  builder.QuantizeInitializer("y", 1, Int8Row({2}, 2));
  ASSERT_OK(builder.Finish());
  EXPECT_EQ(graph.initializers.size(), 3u * 3);  // Codes, scale and zero point of three.
  // 0 + 1 + 1 + 2 + 4.
  EXPECT_THAT(ValuesOf(RunGraph(graph, Tensor::Of<float>({1}, {0})).at("y")), ElementsAre(8));
}

TEST(QdqBuilderTest, AChannelsCodeStandsOnItsAxis) {
  Graph graph = GraphOf({Op("Add", {"x", "w"}, {"y"})}, {{"w", Tensor(DataType::kFloat, {2, 3})}});
  QdqBuilder builder(graph);
  builder.QuantizeInitializer(
      "y", 1,
      {.codes = Tensor::Of<int8_t>({2, 3}, {1, 1, 1, 2, 2, 2}),
       .code = {Tensor::Of<float>({3}, {1, 10, 100}), Tensor::Of<int8_t>({3}, {0, 0, 0})},
       .axis = 1});
  ASSERT_OK(builder.Finish());
  EXPECT_THAT(ValuesOf(RunGraph(graph, Tensor(DataType::kFloat, {2, 3})).at("y")),
              ElementsAre(1, 10, 100, 2, 20, 200));
}

TEST(QdqBuilderTest, NamesThatAreTakenStayWhatTheyAre) {
  // The graph uses the builder's favourite names for tensors of its own.
  Graph graph =
      GraphOf({Op("Add", {"x", "x_scale"}, {"x_quantized"}),
               Op("Mul", {"x_quantized", "x_zero_point"}, {"x_dequantized"}),
               Op("Add", {"x_dequantized", "x"}, {"y"})},
              {{"x_scale", Tensor::Scalar<float>(7)}, {"x_zero_point", Tensor::Scalar<float>(3)}});
  QdqBuilder builder(graph);
  builder.QuantizeActivation("y", 1, Uint8Code(1, 0));
  ASSERT_OK(builder.Finish());
  // (2.2 + 7) x 3 + 2 = 29.6.
  EXPECT_NEAR(ValuesOf(RunGraph(graph, Tensor::Of<float>({1}, {2.2f})).at("y"))[0], 29.6, 1e-5);
}

TEST(QdqBuilderTest, OutputsOfTheGraphStayInFullPrecision) {
  Graph graph = GraphOf({Op("Add", {"x", "x"}, {"y"}), Op("Relu", {"y"}, {"z"})});
  graph.outputs.push_back({.name = "z"});
  QdqBuilder builder(graph);
  builder.QuantizeActivation("z", 0, Uint8Code(1, 0));
  ASSERT_OK(builder.Finish());
  const TensorMap outputs = RunGraph(graph, Tensor::Of<float>({1}, {0.7f}));
  EXPECT_FLOAT_EQ(ValuesOf(outputs.at("y"))[0], 1.4f);
  EXPECT_FLOAT_EQ(ValuesOf(outputs.at("z"))[0], 1);
}

// [4, 2] of codes; row r has the scale (r + 1) / 2, or all have 0.5.
CodedTensor Table(bool per_row) {
  CodedTensor table{.codes = Tensor::Of<int8_t>({4, 2}, {1, 2, 3, 4, 5, 6, 7, -8})};
  table.code.scale = per_row ? Tensor::Of<float>({4}, {0.5f, 1, 1.5f, 2}) : Tensor::Scalar<float>(0.5f);
  table.code.zero_point = per_row ? Tensor::Of<int8_t>({4}, {0, 0, 0, 0}) : Tensor::Scalar<int8_t>(0);
  return table;
}

std::vector<float> Gathered(bool per_row, const std::vector<std::string>& types) {
  Graph graph = GraphOf({Op("Gather", {"t", "x"}, {"y"})}, {{"t", testing::RandomTensor({4, 2}, 1)}});
  graph.inputs[0].dtype = DataType::kInt64;
  QdqBuilder builder(graph);
  builder.GatherCodes("y", Table(per_row));
  EXPECT_OK(builder.Finish());
  EXPECT_EQ(testing::Types(graph), types);
  EXPECT_EQ(graph.initializers.count("t"), 0u);
  return testing::ValuesOf(testing::RunGraph(graph, Tensor::Of<int64_t>({3}, {3, 0, 1})).at("y"));
}

TEST(QdqBuilderTest, AGatherLooksUpCodes) {
  EXPECT_EQ(Gathered(false, {"Gather", "DequantizeLinear"}), (std::vector<float>{3.5f, -4, 0.5f, 1, 1.5f, 2}));
  // Rows 3, 0 and 1 with the scales 2, 0.5 and 1.
  EXPECT_EQ(Gathered(true, {"Gather", "Gather", "Cast", "Mul"}), (std::vector<float>{14, -16, 0.5f, 1, 3, 4}));
}

TEST(QdqBuilderTest, AReplacedTensorIsTheValueOfItsCodes) {
  Graph graph = GraphOf({Op("Relu", {"x"}, {"h"}), Op("Neg", {"h"}, {"y"})});
  graph.outputs.push_back({.name = "h", .dtype = DataType::kFloat});
  QdqBuilder builder(graph);
  const AffineCode code{.scale = Tensor::Scalar<float>(0.5f), .zero_point = Tensor::Scalar<uint8_t>(0)};
  builder.QuantizeActivation("y", 0, code);
  builder.ReplaceTensor("h", code);
  ASSERT_OK(builder.Finish());
  EXPECT_EQ(std::count_if(graph.nodes.begin(), graph.nodes.end(), [](const Node& n) { return n.Is("QuantizeLinear"); }),
            1);
  const TensorMap results = testing::RunGraph(graph, Tensor::Of<float>({3}, {-1, 0.6f, 1.3f}));
  EXPECT_EQ(testing::ValuesOf(results.at("h")), (std::vector<float>{0, 0.5f, 1.5f}));
  EXPECT_EQ(testing::ValuesOf(results.at("y")), (std::vector<float>{0, -0.5f, -1.5f}));
}

}  // namespace
}  // namespace quantd
