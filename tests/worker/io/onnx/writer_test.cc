#include "worker/io/onnx/writer.h"

#include "absl/strings/str_cat.h"
#include "tests/support/status_matchers.h"
#include "tests/worker/io/onnx/model_builder.h"
#include "worker/io/onnx/reader.h"

namespace quantd {
namespace {

using namespace ::quantd::testing;  // NOLINT: matchers and builders.

// One of everything that a Model holds.
Model RichModel() {
  Model model;
  model.ir_version = 9;
  model.opset_imports = {{"", 17}, {"com.microsoft", 1}};
  model.producer_name = "quantd";
  model.producer_version = "1";
  model.metadata = {{"b", "2"}, {"a", "1"}};
  Graph& graph = model.graph;
  graph.name = "g";
  graph.inputs = {{.name = "x", .dtype = DataType::kFloat, .has_shape = true,
                   .shape = {{-1, "N"}, {-1, ""}, {0, ""}, {3, ""}}},
                  {.name = "no_shape", .dtype = DataType::kInt64}, {.name = "no_type"}};
  graph.outputs = {{.name = "y", .dtype = DataType::kFloat, .has_shape = true}};
  graph.initializers = {{"half", Tensor(DataType::kFloat16, {2, 0})},
                        {"flag", Tensor::Scalar(true)},
                        {"codes", Tensor::Of<int8_t>({2, 2}, {-128, 127, 0, 1})}};
  auto body = std::make_shared<Graph>();
  body->outputs = {{.name = "x"}};
  graph.nodes = {{.name = "n",
                  .op_type = "Everything",
                  .domain = "com.microsoft",
                  .inputs = {"x", "", "codes"},
                  .outputs = {"", "y"},
                  .attributes = {{"i", int64_t{-1}}, {"f", 0.5f}, {"s", std::string("\0\xff", 2)},
                                 {"is", std::vector<int64_t>{}},
                                 {"fs", std::vector<float>{1.0f, -0.0f}},
                                 {"ss", std::vector<std::string>{"a", ""}},
                                 {"t", Tensor::Of<double>({1}, {1e300})},
                                 {"g", std::shared_ptr<const Graph>(body)}}}};
  return model;
}

TEST(SerializeOnnxModel, ReadingTheBytesGivesTheModelBack) {
  const Model model = RichModel();
  ASSERT_OK_AND_ASSIGN(const std::string bytes, SerializeOnnxModel(model));
  ASSERT_OK_AND_ASSIGN(const Model again, ReadBytes(bytes));
  EXPECT_EQ(Difference(model, again), "");
}

TEST(SerializeOnnxModel, EqualModelsGiveEqualBytes) {
  EXPECT_EQ(SerializeOnnxModel(RichModel()).value(), SerializeOnnxModel(RichModel()).value());
}

TEST(SerializeOnnxModel, KeepsTheRealModelsAsTheyAre) {
  for (const char* file : {"mnist_cnn", "resnet8_cifar10", "mobilenet_v1_025_224", "vit_fmnist"}) {
    ASSERT_OK_AND_ASSIGN(Model model, ReadOnnxModel(absl::StrCat(QUANTD_TEST_DATA, "/models/", file,
                                                                 ".onnx"), {}));
    ASSERT_OK_AND_ASSIGN(const std::string bytes, SerializeOnnxModel(model));
    ASSERT_OK_AND_ASSIGN(const Model again, ReadBytes(bytes));
    // Below IR version 4 initializers would have to be inputs again.
    if (model.ir_version < 4) model.ir_version = 4;
    EXPECT_EQ(Difference(model, again), "") << file;
  }
}

TEST(SerializeOnnxModel, RaisesTheIrVersionToWhatTheOpsetNeeds) {
  // Released versions: ONNX 1.8 had opset 13 and IR 7, 1.13 opset 18 and IR 8, 1.16 opset 21 and IR
  // 10.
  EXPECT_EQ(LowestIrVersion(7), 4);
  EXPECT_EQ(LowestIrVersion(13), 7);
  EXPECT_EQ(LowestIrVersion(18), 8);
  EXPECT_EQ(LowestIrVersion(19), 9);
  EXPECT_EQ(LowestIrVersion(21), 10);
  EXPECT_EQ(LowestIrVersion(23), 11);
  EXPECT_EQ(LowestIrVersion(24), 12);
  EXPECT_EQ(LowestIrVersion(25), 13);
}

TEST(SerializeOnnxModel, RaisesTheIrVersionToWhatTheElementTypesNeed) {
  const std::pair<DataType, int64_t> expected[] = {
      {DataType::kInt8, 9},          {DataType::kFloat8E4M3FN, 9}, {DataType::kFloat8E4M3FNUZ, 9},
      {DataType::kFloat8E5M2, 9},    {DataType::kFloat8E5M2FNUZ, 9}, {DataType::kUint4, 10},
      {DataType::kInt4, 10},         {DataType::kFloat4E2M1, 11},  {DataType::kUint2, 13},
      {DataType::kInt2, 13}};
  for (const auto& [type, version] : expected) {
    Model model = RichModel();  // IR version 9.
    model.graph.initializers["codes"] = Tensor(type, {3});
    ASSERT_OK_AND_ASSIGN(const std::string bytes, SerializeOnnxModel(model));
    ASSERT_OK_AND_ASSIGN(const Model again, ReadBytes(bytes));
    EXPECT_EQ(again.ir_version, version) << DataTypeName(type);
    EXPECT_TRUE(IdenticalTensors(again.graph.initializers.at("codes"), Tensor(type, {3})));
  }
  // A type that only a body inside a body uses counts too.
  Model model = RichModel();
  auto inner = std::make_shared<Graph>();
  inner->initializers["w"] = Tensor(DataType::kInt4, {2});
  auto body = std::make_shared<Graph>();
  body->nodes = {{.name = "i", .op_type = "If", .inputs = {"x"}, .outputs = {"o"},
                  .attributes = {{"then_branch", std::shared_ptr<const Graph>(inner)}}}};
  model.graph.nodes[0].attributes["g"] = std::shared_ptr<const Graph>(body);
  ASSERT_OK_AND_ASSIGN(const std::string bytes, SerializeOnnxModel(model));
  ASSERT_OK_AND_ASSIGN(const Model again, ReadBytes(bytes));
  EXPECT_EQ(again.ir_version, 10);
}

TEST(SerializeOnnxModel, RefusesAnInitializerWithoutValue) {
  Model model = RichModel();
  model.graph.initializers["none"] = Tensor();
  EXPECT_THAT(SerializeOnnxModel(model), NamesField("model.graph.initializer[none]"));
}

}  // namespace
}  // namespace quantd
