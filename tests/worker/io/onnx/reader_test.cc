#include "worker/io/onnx/reader.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "tests/support/status_matchers.h"
#include "tests/worker/io/onnx/model_builder.h"

namespace quantd {
namespace {

using ::testing::AllOf;
using namespace ::quantd::testing;  // NOLINT: matchers and builders.
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

struct KnownModel {
  const char* file;
  size_t nodes;         // Without Constant nodes.
  size_t initializers;  // With those that were Constant nodes.
  const char* input;
  const char* output;
  int64_t opset;
};

// Counted in the files' text form (protoc --decode).
constexpr KnownModel kModels[] = {
    {"mnist_cnn.onnx", 12, 8, "Input3", "Plus214_Output_0", 7},
    {"resnet8_cifar10.onnx", 30, 48, "input", "probs", 13},
    {"mobilenet_v1_025_224.onnx", 86, 191, "input", "probs", 13},
    {"vit_fmnist.onnx", 382, 104 + 149, "image", "logits", 17},
};

class RealModel : public ::testing::TestWithParam<KnownModel> {};

TEST_P(RealModel, HasTheNodesInitializersInputsAndOutputsOfTheFile) {
  const KnownModel& known = GetParam();
  ASSERT_OK_AND_ASSIGN(const Model model,
                       ReadOnnxModel(absl::StrCat(QUANTD_TEST_DATA, "/models/", known.file), {}));
  EXPECT_EQ(model.graph.nodes.size(), known.nodes);
  EXPECT_EQ(model.graph.initializers.size(), known.initializers);
  EXPECT_EQ(model.opset(), known.opset);
  ASSERT_EQ(model.graph.inputs.size(), 1u);
  EXPECT_EQ(model.graph.inputs[0].name, known.input);
  ASSERT_EQ(model.graph.outputs.size(), 1u);
  EXPECT_EQ(model.graph.outputs[0].name, known.output);
}

INSTANTIATE_TEST_SUITE_P(All, RealModel, ::testing::ValuesIn(kModels));

TEST(ReadOnnxModel, KeepsSymbolicDimensions) {
  ASSERT_OK_AND_ASSIGN(const Model model,
                       ReadOnnxModel(QUANTD_TEST_DATA "/models/vit_fmnist.onnx", {}));
  const ValueInfo& image = model.graph.inputs[0];
  ASSERT_EQ(image.shape.size(), 4u);
  EXPECT_EQ(image.dtype, DataType::kFloat);
  EXPECT_EQ(image.shape[0].extent, -1);
  EXPECT_EQ(image.shape[0].symbol, "N");
  EXPECT_EQ(image.shape[2].extent, 28);
}

TEST(ReadOnnxModel, TreatsDomainAiOnnxAsTheDefaultOne) {
  onnx::ModelProto proto = ReluModel();
  proto.mutable_opset_import(0)->set_domain("ai.onnx");
  proto.mutable_graph()->mutable_node(0)->set_domain("ai.onnx");
  ASSERT_OK_AND_ASSIGN(const Model model, Read(proto));
  EXPECT_EQ(model.opset(), 17);
  EXPECT_TRUE(model.graph.nodes[0].Is("Relu"));
}

TEST(ReadOnnxModel, NamesNamelessNodesByTypeAndPositionWithoutTakingAGivenName) {
  onnx::ModelProto proto = ReluModel();
  onnx::GraphProto* graph = proto.mutable_graph();
  AddNode(graph, "Relu", {"x"}, {"a"})->set_name("Relu_0");
  AddNode(graph, "Relu", {"x"}, {"b"})->set_name("Relu_0");
  AddNode(graph, "Abs", {"x"}, {"c"});
  ASSERT_OK_AND_ASSIGN(const Model model, Read(proto));
  std::vector<std::string> names;
  for (const Node& node : model.graph.nodes) names.push_back(node.name);
  EXPECT_THAT(names, ElementsAre("Relu_0_1", "Relu_0", "Relu_0_2", "Abs_3"));
}

TEST(ReadOnnxModel, DropsInputsThatAreInitializers) {
  onnx::ModelProto proto = ReluModel();
  proto.set_ir_version(3);
  onnx::GraphProto* graph = proto.mutable_graph();
  AddInitializer(graph, "w", onnx::TensorProto::FLOAT, {})->add_float_data(1.5f);
  graph->add_input()->set_name("w");
  AddNode(graph, "Add", {"x", "w"}, {"z"});
  ASSERT_OK_AND_ASSIGN(const Model model, Read(proto));
  ASSERT_EQ(model.graph.inputs.size(), 1u);
  EXPECT_EQ(model.graph.inputs[0].name, "x");
  EXPECT_EQ(model.graph.initializers.at("w").data<float>()[0], 1.5f);
}

onnx::AttributeProto* AddConstant(onnx::GraphProto* graph, const std::string& output,
                                  const std::string& key,
                                  onnx::AttributeProto::AttributeType type) {
  onnx::AttributeProto* attribute = AddNode(graph, "Constant", {}, {output})->add_attribute();
  attribute->set_name(key);
  attribute->set_type(type);
  return attribute;
}

TEST(ReadOnnxModel, TurnsEveryFormOfConstantIntoAnInitializer) {
  onnx::ModelProto proto = ReluModel();
  onnx::GraphProto* graph = proto.mutable_graph();
  AddConstant(graph, "f", "value_float", onnx::AttributeProto::FLOAT)->set_f(0.5f);
  AddConstant(graph, "i", "value_int", onnx::AttributeProto::INT)->set_i(-7);
  AddConstant(graph, "fs", "value_floats", onnx::AttributeProto::FLOATS)->add_floats(2.0f);
  onnx::AttributeProto* ints = AddConstant(graph, "is", "value_ints", onnx::AttributeProto::INTS);
  ints->add_ints(3);
  ints->add_ints(4);
  onnx::TensorProto* tensor =
      AddConstant(graph, "t", "value", onnx::AttributeProto::TENSOR)->mutable_t();
  tensor->set_data_type(onnx::TensorProto::INT8);
  tensor->add_dims(2);
  tensor->set_raw_data("\x01\xff");
  ASSERT_OK_AND_ASSIGN(const Model model, Read(proto));
  EXPECT_EQ(model.graph.nodes.size(), 1u);
  const auto& made = model.graph.initializers;
  EXPECT_TRUE(IdenticalTensors(made.at("f"), Tensor::Scalar(0.5f)));
  EXPECT_TRUE(IdenticalTensors(made.at("i"), Tensor::Scalar<int64_t>(-7)));
  EXPECT_TRUE(IdenticalTensors(made.at("fs"), Tensor::Of<float>({1}, {2.0f})));
  EXPECT_TRUE(IdenticalTensors(made.at("is"), Tensor::Of<int64_t>({2}, {3, 4})));
  EXPECT_TRUE(IdenticalTensors(made.at("t"), Tensor::Of<int8_t>({2}, {1, -1})));
}

// An If whose branches read `captured` from outside and hold a Constant each.
onnx::ModelProto IfModel(const std::string& captured) {
  onnx::ModelProto proto = ReluModel();
  onnx::GraphProto* graph = proto.mutable_graph();
  AddInitializer(graph, "condition", onnx::TensorProto::BOOL, {})->add_int32_data(1);
  onnx::NodeProto* node = AddNode(graph, "If", {"condition"}, {"z"});
  for (const char* branch : {"then_branch", "else_branch"}) {
    onnx::AttributeProto* attribute = node->add_attribute();
    attribute->set_name(branch);
    attribute->set_type(onnx::AttributeProto::GRAPH);
    AddConstant(attribute->mutable_g(), "one", "value_float", onnx::AttributeProto::FLOAT)
        ->set_f(1);
    AddNode(attribute->mutable_g(), "Add", {captured, "one"}, {"sum"});
    attribute->mutable_g()->add_output()->set_name("sum");
  }
  return proto;
}

TEST(ReadOnnxModel, ReadsBodiesThatCaptureOuterTensors) {
  ASSERT_OK_AND_ASSIGN(const Model model, Read(IfModel("y")));
  const Node& node = model.graph.nodes[1];
  const auto body = std::get<std::shared_ptr<const Graph>>(node.attributes.at("then_branch"));
  EXPECT_EQ(body->nodes.size(), 1u);
  EXPECT_TRUE(body->inputs.empty());
  EXPECT_EQ(body->initializers.count("one"), 1u);
}

TEST(ReadOnnxModel, WeightsBeyondOneChunkOfTheFileComeOutWhole) {
  // 3 MiB of raw data between small tensors, and a Constant of 2 MiB: a file is parsed a mebibyte at a time.
  constexpr int64_t kCount = 786432;
  std::vector<float> expected(kCount);
  for (size_t i = 0; i < expected.size(); ++i) expected[i] = static_cast<float>(i);
  onnx::ModelProto proto = ReluModel();
  onnx::GraphProto* graph = proto.mutable_graph();
  AddInitializer(graph, "small", onnx::TensorProto::FLOAT, {1})->set_raw_data("\0\0\x80\x3f", 4);
  AddInitializer(graph, "large", onnx::TensorProto::FLOAT, {kCount})->set_raw_data(expected.data(), kCount * 4);
  AddInitializer(graph, "typed", onnx::TensorProto::FLOAT, {2})->add_float_data(2);
  graph->mutable_initializer(2)->add_float_data(3);
  onnx::AttributeProto* value = AddNode(graph, "Constant", {}, {"constant"})->add_attribute();
  value->set_name("value");
  value->set_type(onnx::AttributeProto::TENSOR);
  value->mutable_t()->set_data_type(onnx::TensorProto::FLOAT);
  value->mutable_t()->add_dims(kCount / 2);
  value->mutable_t()->set_raw_data(expected.data(), kCount * 2);
  ASSERT_OK_AND_ASSIGN(const Model model, Read(proto));
  const std::map<std::string, Tensor>& tensors = model.graph.initializers;
  EXPECT_EQ(*tensors.at("small").data<float>(), 1);
  EXPECT_EQ(tensors.at("typed").data<float>()[1], 3);
  ASSERT_EQ(tensors.at("large").size(), kCount);
  EXPECT_EQ(std::memcmp(tensors.at("large").raw(), expected.data(), kCount * 4), 0);
  ASSERT_EQ(tensors.at("constant").size(), kCount / 2);
  EXPECT_EQ(std::memcmp(tensors.at("constant").raw(), expected.data(), kCount * 2), 0);
  const std::string bytes = proto.SerializeAsString();
  for (const size_t cut : {bytes.size() - 1, size_t{1} << 20, (size_t{2} << 20) + 5}) {
    EXPECT_THAT(ReadBytes(bytes.substr(0, cut)), HasReason("MALFORMED_MODEL")) << cut;
  }
}

TEST(ReadOnnxModel, RefusesABodyThatReadsWhatNobodyMakes) {
  EXPECT_THAT(Read(IfModel("ghost")), HasReason("BAD_GRAPH"));
}

TEST(ReadOnnxModel, ReadsExternalTensorsFromTheFileOfThatNameAligned64OrNot) {
  const FileFolder folder;
  const float values[] = {1.0f, -2.0f};
  std::string bytes(64 + 4, '\0');
  bytes.append(reinterpret_cast<const char*>(values), sizeof values);
  bytes.replace(64, 4, bytes, 68, 4);  // 1.0 at 64 and at 68; -2.0 at 72.
  const std::string path = folder.Write("w", bytes);
  for (const int64_t offset : {64, 68}) {
    onnx::ModelProto proto = ReluModel();
    onnx::TensorProto* w =
        AddInitializer(proto.mutable_graph(), "w", onnx::TensorProto::FLOAT, {2});
    w->set_data_location(onnx::TensorProto::EXTERNAL);
    onnx::StringStringEntryProto* entry = w->add_external_data();
    entry->set_key("location");
    entry->set_value("sub/weights.bin");
    entry = w->add_external_data();
    entry->set_key("offset");
    entry->set_value(absl::StrCat(offset));
    ASSERT_OK_AND_ASSIGN(const Model model, Read(proto, {{"sub/weights.bin", path}}));
    const Tensor& tensor = model.graph.initializers.at("w");
    EXPECT_EQ(tensor.data<float>()[0], 1.0f);
    EXPECT_EQ(tensor.data<float>()[1], offset == 64 ? 1.0f : -2.0f);
  }
}

// Each type from the field that ONNX assigns to it (onnx.proto, "TensorProto").
TEST(ReadOnnxModel, ReadsEveryElementTypeFromItsTypedField) {
  onnx::ModelProto proto = ReluModel();
  onnx::GraphProto* graph = proto.mutable_graph();
  using P = onnx::TensorProto;
  AddInitializer(graph, "float", P::FLOAT, {1})->add_float_data(0.25f);
  AddInitializer(graph, "double", P::DOUBLE, {1})->add_double_data(-0.5);
  AddInitializer(graph, "int64", P::INT64, {1})->add_int64_data(int64_t{-1} << 40);
  AddInitializer(graph, "uint64", P::UINT64, {1})->add_uint64_data(~uint64_t{0});
  AddInitializer(graph, "uint32", P::UINT32, {1})->add_uint64_data(0xffffffffu);
  AddInitializer(graph, "int32", P::INT32, {1})->add_int32_data(-70000);
  AddInitializer(graph, "int16", P::INT16, {1})->add_int32_data(-300);
  AddInitializer(graph, "uint16", P::UINT16, {1})->add_int32_data(65535);
  AddInitializer(graph, "int8", P::INT8, {1})->add_int32_data(-128);
  AddInitializer(graph, "uint8", P::UINT8, {1})->add_int32_data(255);
  AddInitializer(graph, "bool", P::BOOL, {1})->add_int32_data(1);
  AddInitializer(graph, "float16", P::FLOAT16, {1})->add_int32_data(0x3c00);    // 1.0
  AddInitializer(graph, "bfloat16", P::BFLOAT16, {1})->add_int32_data(0xbf80);  // -1.0
  ASSERT_OK_AND_ASSIGN(const Model model, Read(proto));
  const auto& made = model.graph.initializers;
  EXPECT_TRUE(IdenticalTensors(made.at("float"), Tensor::Of<float>({1}, {0.25f})));
  EXPECT_TRUE(IdenticalTensors(made.at("double"), Tensor::Of<double>({1}, {-0.5})));
  EXPECT_TRUE(IdenticalTensors(made.at("int64"), Tensor::Of<int64_t>({1}, {-1099511627776})));
  EXPECT_TRUE(IdenticalTensors(made.at("uint64"), Tensor::Of<uint64_t>({1}, {~uint64_t{0}})));
  EXPECT_TRUE(IdenticalTensors(made.at("uint32"), Tensor::Of<uint32_t>({1}, {4294967295u})));
  EXPECT_TRUE(IdenticalTensors(made.at("int32"), Tensor::Of<int32_t>({1}, {-70000})));
  EXPECT_TRUE(IdenticalTensors(made.at("int16"), Tensor::Of<int16_t>({1}, {-300})));
  EXPECT_TRUE(IdenticalTensors(made.at("uint16"), Tensor::Of<uint16_t>({1}, {65535})));
  EXPECT_TRUE(IdenticalTensors(made.at("int8"), Tensor::Of<int8_t>({1}, {-128})));
  EXPECT_TRUE(IdenticalTensors(made.at("uint8"), Tensor::Of<uint8_t>({1}, {255})));
  EXPECT_TRUE(IdenticalTensors(made.at("bool"), Tensor::Of<bool>({1}, {true})));
  EXPECT_EQ(std::memcmp(made.at("float16").raw(), "\x00\x3c", 2), 0);
  EXPECT_EQ(std::memcmp(made.at("bfloat16").raw(), "\x80\xbf", 2), 0);
}

// The numbers of the types that ONNX got after version 1.12, whose schema we are built with.
constexpr int kFloat8E4M3FN = 17, kFloat8E5M2FNUZ = 20, kUint4 = 21, kInt4 = 22, kFloat4E2M1 = 23;
constexpr int kUint2 = 25, kInt2 = 26;

TEST(ReadOnnxModel, ReadsNarrowTypesFromRawAndTypedData) {
  onnx::ModelProto proto = ReluModel();
  onnx::GraphProto* graph = proto.mutable_graph();
  AddInitializer(graph, "f8", kFloat8E4M3FN, {3})->set_raw_data("\x38\xfe\x01");
  onnx::TensorProto* typed = AddInitializer(graph, "f8_typed", kFloat8E5M2FNUZ, {2});
  typed->add_int32_data(0x80);
  typed->add_int32_data(0x7f);
  // Packed types: a byte of elements each entry, so three elements of 4 bits are two bytes.
  AddInitializer(graph, "i4", kInt4, {3})->set_raw_data("\x1f\x07");
  typed = AddInitializer(graph, "u4_typed", kUint4, {3, 1});
  typed->add_int32_data(0xf1);
  typed->add_int32_data(0x02);
  AddInitializer(graph, "f4", kFloat4E2M1, {2})->set_raw_data("\xf7");
  AddInitializer(graph, "u2", kUint2, {5})->set_raw_data("\xe4\x03");
  AddInitializer(graph, "i2", kInt2, {4})->set_raw_data("\x1b");
  AddInitializer(graph, "empty", kInt4, {0, 7})->set_raw_data("");
  ASSERT_OK_AND_ASSIGN(const Model model, Read(proto));
  const auto expect = [&](const char* name, DataType type, const Shape& shape, const std::string& bytes) {
    const Tensor& tensor = model.graph.initializers.at(name);
    EXPECT_EQ(tensor.dtype(), type) << name;
    EXPECT_EQ(tensor.shape(), shape) << name;
    ASSERT_EQ(tensor.bytes(), bytes.size()) << name;
    EXPECT_EQ(std::memcmp(tensor.raw(), bytes.data(), bytes.size()), 0) << name;
  };
  expect("f8", DataType::kFloat8E4M3FN, {3}, "\x38\xfe\x01");
  expect("f8_typed", DataType::kFloat8E5M2FNUZ, {2}, "\x80\x7f");
  expect("i4", DataType::kInt4, {3}, "\x1f\x07");
  expect("u4_typed", DataType::kUint4, {3, 1}, "\xf1\x02");
  expect("f4", DataType::kFloat4E2M1, {2}, "\xf7");
  expect("u2", DataType::kUint2, {5}, "\xe4\x03");
  expect("i2", DataType::kInt2, {4}, "\x1b");
  expect("empty", DataType::kInt4, {0, 7}, "");
}

TEST(ReadOnnxModel, WhatStandsBehindTheLastPackedElementIsDropped) {
  onnx::ModelProto proto = ReluModel();
  AddInitializer(proto.mutable_graph(), "i4", kInt4, {3})->set_raw_data("\x1f\xa7");
  AddInitializer(proto.mutable_graph(), "u2", kUint2, {1})->set_raw_data("\xff");
  ASSERT_OK_AND_ASSIGN(const Model model, Read(proto));
  EXPECT_EQ(std::memcmp(model.graph.initializers.at("i4").raw(), "\x1f\x07", 2), 0);
  EXPECT_EQ(std::memcmp(model.graph.initializers.at("u2").raw(), "\x03", 1), 0);
}

TEST(ReadOnnxModel, PackedTensorsOfTheWrongLengthAreRefused) {
  for (const char* raw : {"", "\x01", "\x01\x01\x01"}) {
    onnx::ModelProto proto = ReluModel();
    AddInitializer(proto.mutable_graph(), "w", kInt4, {3})->set_raw_data(raw);
    EXPECT_THAT(Read(proto), AllOf(HasReason("BAD_TENSOR"), NamesField("model.graph.initializer[w]")));
  }
  onnx::ModelProto proto = ReluModel();
  onnx::TensorProto* typed = AddInitializer(proto.mutable_graph(), "w", kInt4, {3});
  for (int i = 0; i < 3; ++i) typed->add_int32_data(1);  // Unpacked: one entry an element.
  EXPECT_THAT(Read(proto), HasReason("BAD_TENSOR"));
  typed->clear_int32_data();
  typed->add_int32_data(1);
  typed->add_int32_data(256);
  EXPECT_THAT(Read(proto), HasReason("BAD_TENSOR"));
}

TEST(ReadOnnxModel, ReadsPackedExternalTensors) {
  const FileFolder folder;
  const std::string path = folder.Write("w", std::string("\x21\xf3", 2));
  onnx::ModelProto proto = ReluModel();
  onnx::TensorProto* w = AddInitializer(proto.mutable_graph(), "w", kUint4, {3});
  w->set_data_location(onnx::TensorProto::EXTERNAL);
  onnx::StringStringEntryProto* entry = w->add_external_data();
  entry->set_key("location");
  entry->set_value("w.bin");
  entry = w->add_external_data();
  entry->set_key("length");
  entry->set_value("2");
  ASSERT_OK_AND_ASSIGN(const Model model, Read(proto, {{"w.bin", path}}));
  EXPECT_EQ(std::memcmp(model.graph.initializers.at("w").raw(), "\x21\x03", 2), 0);
}

}  // namespace
}  // namespace quantd
