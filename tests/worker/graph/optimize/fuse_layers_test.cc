// The passes that recognize layers: what they match and what they must not.
#include <gmock/gmock.h>

#include "tests/worker/graph/optimize/pass_bench.h"

namespace quantd::optimize {
namespace {

using ::testing::ElementsAre;
using ::testing::Not;
using ::testing::Contains;
using testing::AfterPass;
using testing::Op;
using testing::RowOf;
using testing::Scalar;
using testing::Types;
using testing::Values;

using Nodes = std::vector<Node>;
using Constants = std::map<std::string, Tensor>;

// Each way to write an activation, and its name.
struct Written {
  std::string function;
  Nodes nodes;
  Constants constants;
  int64_t opset = 17;
};

std::vector<Written> Activations() {
  const Constants gelu = {{"root2", Scalar(1.41421354f)}, {"inverse", Scalar(0.70710678f)}, {"one", Scalar(1)},
                          {"half", Scalar(0.5f)}, {"two", Scalar(2)}, {"cubic", Scalar(0.044715f)},
                          {"root", Scalar(0.79788458f)}, {"three", Scalar(3)}, {"zero", Scalar(0)}, {"six", Scalar(6)}};
  const Node erf = Op("Erf", {"d"}, {"e"}), plus = Op("Add", {"e", "one"}, {"p"});
  return {
      {"gelu_erf", {Op("Div", {"x", "root2"}, {"d"}), erf, plus, Op("Mul", {"x", "p"}, {"m"}), Op("Mul", {"m", "half"}, {"y"})}, gelu},
      {"gelu_erf", {Op("Mul", {"inverse", "x"}, {"d"}), erf, Op("Add", {"one", "e"}, {"p"}), Op("Mul", {"half", "p"}, {"m"}),
                    Op("Mul", {"m", "x"}, {"y"})}, gelu},
      {"gelu_erf", {Op("Mul", {"x", "half"}, {"h"}), Op("Div", {"x", "root2"}, {"d"}), erf, plus, Op("Mul", {"h", "p"}, {"y"})}, gelu},
      {"gelu_erf", {Op("Div", {"x", "root2"}, {"d"}), erf, plus, Op("Mul", {"x", "p"}, {"m"}), Op("Div", {"m", "two"}, {"y"})}, gelu},
      {"gelu_tanh", {Op("Pow", {"x", "three"}, {"c"}), Op("Mul", {"cubic", "c"}, {"k"}), Op("Add", {"x", "k"}, {"s"}),
                     Op("Mul", {"root", "s"}, {"i"}), Op("Tanh", {"i"}, {"e"}), plus, Op("Mul", {"x", "half"}, {"h"}),
                     Op("Mul", {"h", "p"}, {"y"})}, gelu},
      {"gelu_tanh", {Op("Mul", {"x", "x"}, {"q"}), Op("Mul", {"q", "x"}, {"c"}), Op("Mul", {"c", "cubic"}, {"k"}),
                     Op("Add", {"k", "x"}, {"s"}), Op("Mul", {"s", "root"}, {"i"}), Op("Tanh", {"i"}, {"e"}), plus,
                     Op("Mul", {"half", "p"}, {"h"}), Op("Mul", {"x", "h"}, {"y"})}, gelu},
      {"silu", {Op("Sigmoid", {"x"}, {"s"}), Op("Mul", {"s", "x"}, {"y"})}, {}},
      {"silu", {Op("Neg", {"x"}, {"n"}), Op("Exp", {"n"}, {"e"}), plus, Op("Div", {"x", "p"}, {"y"})}, gelu},
      {"hard_swish", {Op("HardSigmoid", {"x"}, {"h"}, {{"alpha", 1.0f / 6}, {"beta", 0.5f}}), Op("Mul", {"x", "h"}, {"y"})}, {}},
      {"hard_swish", {Op("Add", {"x", "three"}, {"a"}), Op("Clip", {"a", "zero", "six"}, {"c"}), Op("Mul", {"x", "c"}, {"m"}),
                      Op("Div", {"m", "six"}, {"y"})}, gelu},
      {"hard_swish", {Op("Add", {"x", "three"}, {"a"}), Op("Clip", {"a"}, {"c"}, {{"min", 0.0f}, {"max", 6.0f}}),
                      Op("Div", {"c", "six"}, {"g"}), Op("Mul", {"x", "g"}, {"y"})}, gelu, 10},
  };
}

TEST(FuseActivationsTest, RecognizesEveryWayToWriteThem) {
  for (const Written& written : Activations()) {
    const Graph graph = AfterPass(&FuseActivations, written.nodes, written.constants, {}, written.opset);
    ASSERT_THAT(Types(graph), ElementsAre("Activation")) << written.function;
    EXPECT_EQ(graph.nodes[0].String("function", ""), written.function);
    EXPECT_THAT(graph.nodes[0].inputs, ElementsAre("x"));
  }
}

TEST(FuseActivationsTest, ObservedOrSharedPiecesStay) {
  for (const Written& written : Activations()) {
    const std::string inner = written.nodes[written.nodes.size() - 2].outputs[0];
    EXPECT_THAT(Types(AfterPass(&FuseActivations, written.nodes, written.constants, {inner}, written.opset)),
                Not(Contains("Activation")));
    Nodes shared = written.nodes;
    shared.push_back(Op("Neg", {inner}, {"other"}));
    EXPECT_THAT(Types(AfterPass(&FuseActivations, shared, written.constants, {"other"}, written.opset)),
                Not(Contains("Activation")));
  }
}

TEST(FuseActivationsTest, OtherConstantsAreOtherFunctions) {
  for (const Written& written : Activations()) {
    for (const auto& [name, tensor] : written.constants) {
      Constants changed = written.constants;
      changed[name] = Scalar(*tensor.data<float>() * 1.001f + 1e-4f);
      const Graph graph = AfterPass(&FuseActivations, written.nodes, changed, {}, written.opset);
      bool used = false;
      for (const Node& node : written.nodes) {
        used |= std::find(node.inputs.begin(), node.inputs.end(), name) != node.inputs.end();
      }
      if (used) {
        EXPECT_THAT(Types(graph), Not(Contains("Activation"))) << written.function << ", " << name;
      }
    }
  }
  // A constant for each column is no scalar.
  EXPECT_THAT(Types(AfterPass(&FuseActivations, {Op("Add", {"x", "three"}, {"a"}), Op("Clip", {"a", "zero", "six"}, {"c"}),
                                                 Op("Mul", {"x", "c"}, {"m"}), Op("Div", {"m", "six"}, {"y"})},
                              {{"three", RowOf(4)}, {"zero", Scalar(0)}, {"six", Scalar(6)}})),
              Not(Contains("Activation")));
}

// LayerNorm in pieces; each piece can be written otherwise.
struct NormPieces {
  Node square = Op("Pow", {"d", "two"}, {"q"});
  Nodes tail = {Op("Sqrt", {"s"}, {"r"}), Op("Div", {"d", "r"}, {"n"})};
  std::string affine_in = "n";
};

Nodes NormNodes(const NormPieces& pieces, bool affine = true, int64_t axis = -1) {
  const std::map<std::string, AttributeValue> last = {{"axes", std::vector<int64_t>{axis}}, {"keepdims", int64_t{1}}};
  Nodes nodes = {Op("ReduceMean", {"x"}, {"m"}, last), Op("Sub", {"x", "m"}, {"d"}), pieces.square,
                 Op("ReduceMean", {"q"}, {"v"}, last), Op("Add", {"v", "eps"}, {"s"})};
  nodes.insert(nodes.end(), pieces.tail.begin(), pieces.tail.end());
  if (affine) {
    nodes.push_back(Op("Mul", {"n", "gamma"}, {"a"}));
    nodes.push_back(Op("Add", {"beta", "a"}, {"y"}));
  } else {
    nodes.push_back(Op("Neg", {"n"}, {"y"}));
  }
  return nodes;
}

Constants NormConstants() {
  return {{"two", Scalar(2)}, {"eps", Scalar(1e-6f)}, {"half", Scalar(0.5f)}, {"minus_half", Scalar(-0.5f)},
          {"one", Scalar(1)}, {"gamma", RowOf(8)}, {"beta", RowOf(8)}};
}

TEST(FuseLayerNormTest, RecognizesEveryWayToWriteIt) {
  const Node mul = Op("Mul", {"d", "d"}, {"q"});
  const std::vector<NormPieces> ways = {
      {}, {.square = mul},
      {.tail = {Op("Pow", {"s", "half"}, {"r"}), Op("Div", {"d", "r"}, {"n"})}},
      {.tail = {Op("Sqrt", {"s"}, {"r"}), Op("Reciprocal", {"r"}, {"i"}), Op("Mul", {"i", "d"}, {"n"})}},
      {.tail = {Op("Sqrt", {"s"}, {"r"}), Op("Div", {"one", "r"}, {"i"}), Op("Mul", {"d", "i"}, {"n"})}},
      {.tail = {Op("Pow", {"s", "minus_half"}, {"i"}), Op("Mul", {"d", "i"}, {"n"})}}};
  for (const NormPieces& pieces : ways) {
    const Graph graph = AfterPass(&FuseLayerNorm, NormNodes(pieces), NormConstants());
    ASSERT_THAT(Types(graph), ElementsAre("LayerNormalization"));
    EXPECT_EQ(graph.nodes[0].domain, kFusedDomain);
    EXPECT_THAT(graph.nodes[0].inputs, ElementsAre("x", "gamma", "beta"));
    EXPECT_EQ(graph.nodes[0].Float("epsilon", 0), 1e-6f);
    const Graph bare = AfterPass(&FuseLayerNorm, NormNodes(pieces, false), NormConstants());
    ASSERT_THAT(Types(bare), ElementsAre("LayerNormalization", "Neg"));
    EXPECT_THAT(bare.nodes[0].inputs, ElementsAre("x", "", ""));
  }
  const Graph whole = AfterPass(&FuseLayerNorm, {Op("LayerNormalization", {"x", "gamma"}, {"y"})}, NormConstants());
  EXPECT_EQ(whole.nodes[0].domain, kFusedDomain);
}

TEST(FuseLayerNormTest, OtherAxesExponentsAndObservedPiecesStay) {
  EXPECT_THAT(Types(AfterPass(&FuseLayerNorm, NormNodes({}, true, 1), NormConstants())), Not(Contains("LayerNormalization")));
  Constants cube = NormConstants();
  cube["two"] = Scalar(3);
  EXPECT_THAT(Types(AfterPass(&FuseLayerNorm, NormNodes({}), cube)), Not(Contains("LayerNormalization")));
  for (const char* inner : {"m", "d", "q", "v", "s", "r"}) {
    EXPECT_THAT(Types(AfterPass(&FuseLayerNorm, NormNodes({}), NormConstants(), {inner})), Not(Contains("LayerNormalization")))
        << inner;
  }
  // The normalized tensor is observed: the affine part stays outside.
  EXPECT_THAT(Types(AfterPass(&FuseLayerNorm, NormNodes({}), NormConstants(), {"n"})),
              ElementsAre("LayerNormalization", "Mul", "Add"));
  Nodes other = NormNodes({});
  other[3].inputs[0] = "x";  // The mean of x, not of the square.
  EXPECT_THAT(Types(AfterPass(&FuseLayerNorm, other, NormConstants())), Not(Contains("LayerNormalization")));
}

Constants MatMulConstants() {
  return {{"w", Tensor(DataType::kFloat, {4, 6})}, {"b", RowOf(6)}, {"c", RowOf(4)}, {"wide", RowOf(1)}};
}

TEST(FuseMatMulTest, TakesBiasActivationAndResidual) {
  const Graph graph = AfterPass(&FuseMatMul,
                                {Op("Neg", {"x"}, {"r"}), Op("MatMul", {"x", "w"}, {"p"}), Op("Add", {"b", "p"}, {"s"}),
                                 Op("Relu", {"s"}, {"a"}), Op("Add", {"r", "a"}, {"y"})},
                                MatMulConstants());
  ASSERT_THAT(Types(graph), ElementsAre("Neg", "FusedMatMul"));
  EXPECT_THAT(graph.nodes[1].inputs, ElementsAre("x", "w", "b", "r"));
  EXPECT_EQ(graph.nodes[1].String("activation", ""), "relu");
}

TEST(FuseMatMulTest, TakesGemmAsItComputes) {
  const Graph graph = AfterPass(&FuseMatMul, {Op("Gemm", {"x", "w", "c"}, {"p"}, {{"transB", int64_t{1}}}), Op("Tanh", {"p"}, {"y"})},
                                MatMulConstants());
  ASSERT_THAT(Types(graph), ElementsAre("FusedMatMul"));
  EXPECT_EQ(graph.nodes[0].Int("transB", 0), 1);
  EXPECT_EQ(graph.nodes[0].String("activation", ""), "tanh");
  for (const auto& attribute : std::map<std::string, AttributeValue>{{"alpha", 2.0f}, {"beta", 2.0f}, {"transA", int64_t{1}}}) {
    EXPECT_THAT(Types(AfterPass(&FuseMatMul, {Op("Gemm", {"x", "w", "b"}, {"y"}, {attribute})}, MatMulConstants())),
                ElementsAre("Gemm"));
  }
}

TEST(FuseMatMulTest, StopsAtObservedTensorsAndOtherShapes) {
  const Nodes nodes = {Op("MatMul", {"x", "w"}, {"p"}), Op("Add", {"p", "b"}, {"s"}), Op("Relu", {"s"}, {"y"})};
  EXPECT_THAT(Types(AfterPass(&FuseMatMul, nodes, MatMulConstants(), {"p"})), ElementsAre("FusedMatMul", "Add", "Relu"));
  EXPECT_THAT(Types(AfterPass(&FuseMatMul, nodes, MatMulConstants(), {"s"})), ElementsAre("FusedMatMul", "Relu"));
  Nodes other = nodes;
  other[1].inputs[1] = "wide";
  EXPECT_THAT(Types(AfterPass(&FuseMatMul, other, MatMulConstants())), ElementsAre("FusedMatMul", "Add", "Relu"));
  // No constant matrix.
  other = nodes;
  other[0].inputs = {"x", "x"};
  EXPECT_THAT(Types(AfterPass(&FuseMatMul, other, MatMulConstants())), ElementsAre("MatMul", "Add", "Relu"));
}

TEST(FuseMatMulTest, TheLaterOfTwoProductsTakesTheirSum) {
  const Graph graph = AfterPass(
      &FuseMatMul, {Op("MatMul", {"x", "w"}, {"p"}), Op("MatMul", {"x", "w"}, {"q"}), Op("Add", {"p", "q"}, {"y"})},
      MatMulConstants());
  ASSERT_THAT(Types(graph), ElementsAre("FusedMatMul", "FusedMatMul"));
  EXPECT_THAT(graph.nodes[1].inputs, ElementsAre("x", "w", "", "p"));
}

TEST(FuseSkipLayerNormTest, TheSumIsAnOutputWhereItIsReadAgain) {
  Node norm = Op("LayerNormalization", {"s", "gamma", "beta"}, {"n"});
  norm.domain = kFusedDomain;
  Graph graph = AfterPass(&FuseSkipLayerNorm,
                          {Op("Neg", {"x"}, {"r"}), Op("Add", {"x", "r"}, {"s"}), norm, Op("Add", {"n", "s"}, {"y"})},
                          NormConstants());
  ASSERT_THAT(Types(graph), ElementsAre("Neg", "LayerNormalization", "Add"));
  EXPECT_THAT(graph.nodes[1].inputs, ElementsAre("x", "gamma", "beta", "r"));
  EXPECT_THAT(graph.nodes[1].outputs, ElementsAre("n", "s"));
  // Somebody reads the sum before the normalization runs.
  graph = AfterPass(&FuseSkipLayerNorm,
                    {Op("Neg", {"x"}, {"r"}), Op("Add", {"x", "r"}, {"s"}), Op("Relu", {"s"}, {"t"}), norm,
                     Op("Add", {"n", "t"}, {"y"})},
                    NormConstants());
  EXPECT_THAT(Types(graph), ElementsAre("Neg", "Add", "Relu", "LayerNormalization", "Add"));
}

TEST(FuseFakeQuantizeTest, OneScaleOfEightBits) {
  const Constants constants = {{"scale", Scalar(0.1f)}, {"zero", Tensor::Scalar<uint8_t>(3)}, {"other", Scalar(0.1f)},
                               {"wide", Tensor::Scalar<int16_t>(3)}};
  const auto pair = [](const std::string& scale, const std::string& zero) {
    return Nodes{Op("QuantizeLinear", {"x", "scale", zero}, {"q"}), Op("DequantizeLinear", {"q", scale, zero}, {"y"})};
  };
  const Graph graph = AfterPass(&FuseFakeQuantize, pair("scale", "zero"), constants);
  ASSERT_THAT(Types(graph), ElementsAre("FakeQuantize"));
  EXPECT_THAT(graph.nodes[0].inputs, ElementsAre("x", "scale", "zero"));
  EXPECT_EQ(AfterPass(&FuseFakeQuantize, pair("other", "zero"), constants).nodes.size(), 2u);
  EXPECT_EQ(AfterPass(&FuseFakeQuantize, pair("scale", "wide"), constants).nodes.size(), 2u);
  EXPECT_EQ(AfterPass(&FuseFakeQuantize, pair("scale", "zero"), constants, {"q"}).nodes.size(), 2u);
}

}  // namespace
}  // namespace quantd::optimize
