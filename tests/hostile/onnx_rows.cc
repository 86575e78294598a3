// ONNX models.
#include <onnx/onnx_pb.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/file.h"
#include "tests/hostile/common_rows.h"
#include "tests/hostile/external_data_rows.h"
#include "tests/hostile/reader.h"
#include "tests/worker/io/onnx/model_builder.h"

namespace quantd::hostile {
namespace {

using onnx::TensorProto;
using testing::AddInitializer;
using testing::AddNode;
using testing::ReluModel;

std::string WithWeight(const std::vector<int64_t>& dims, int type = TensorProto::FLOAT) {
  onnx::ModelProto model = ValidModel();
  TensorProto* w = model.mutable_graph()->mutable_initializer(0);
  w->mutable_dims()->Assign(dims.begin(), dims.end());
  w->set_data_type(type);
  return model.SerializeAsString();
}

std::string WithInput(const std::vector<int64_t>& dims) {
  onnx::ModelProto model = ValidModel();
  auto* shape = model.mutable_graph()
                    ->mutable_input(0)
                    ->mutable_type()
                    ->mutable_tensor_type()
                    ->mutable_shape();
  shape->clear_dim();
  for (const int64_t extent : dims) shape->add_dim()->set_dim_value(extent);
  return model.SerializeAsString();
}

// A length-delimited field of the wire format (protobuf, "Encoding").
std::string Varint(uint64_t value) {
  std::string bytes;
  for (; value >= 128; value >>= 7) bytes.push_back(static_cast<char>(value | 128));
  bytes.push_back(static_cast<char>(value));
  return bytes;
}
std::string Field(int number, const std::string& content) {
  return Varint(static_cast<uint64_t>(number) << 3 | 2) + Varint(content.size()) + content;
}
constexpr int kGraph = 7;           // Of ModelProto.
constexpr int kOpsetImport = 8;     // Of ModelProto; its field 2 is the version.
constexpr int kNode = 1;            // Of GraphProto.
constexpr int kInitializer = 5;     // Of GraphProto.
constexpr int kRawData = 9;         // Of TensorProto.
constexpr int kAttribute = 5;       // Of NodeProto.
constexpr int kAttributeGraph = 6;  // Of AttributeProto.

std::string WithRaw(const std::string& raw_field) {
  return Field(kGraph, Field(kInitializer, raw_field));
}

std::vector<Row> SizeRows() {
  const int64_t most = INT64_MAX;
  std::vector<Variant> types;
  for (const int type : {0, 14, 15, 24, 99, -1, -5, INT32_MAX}) {
    types.push_back({absl::StrCat("type ", type), WithWeight({kWeights}, type)});
  }
  const std::string endless(10, '\xff');
  return {
      Several("LengthsOfTwoToThe64",
              {{"dims", WithWeight({-1})},  // The varint of 2^64 - 1.
               {"the graph", std::string("\x3a") + endless.substr(1) + "\x01"},
               {"raw_data", WithRaw("\x4a" + endless.substr(1) + "\x01")},
               {"2^32 - 1", WithRaw(std::string("\x4a\xff\xff\xff\xff\x0f", 6))},
               {"2^31 - 1", WithRaw(std::string("\x4a\xff\xff\xff\xff\x07", 6))}},
              {"BAD_TENSOR", "MALFORMED_MODEL"}),
      Several("OnePastTheEnd",
              {{"raw_data", WithRaw(std::string("\x4a\x02x", 3))},
               {"the graph", std::string("\x3a\x02\x0a", 3)},
               {"an element more", WithWeight({kWeights + 1})}},
              {"BAD_TENSOR", "MALFORMED_MODEL"}),
      Several("RawDataOfAnotherSize",
              {{"more", WithWeight({kWeights - 1})},
               {"less", WithWeight({kWeights, 2})},
               {"of another type", WithWeight({kWeights}, TensorProto::DOUBLE)},
               {"for a scalar", WithWeight({})},
               {"for nothing", WithWeight({0})}},
              {"BAD_TENSOR"}, "initializer[w]"),
      Several("ShapeOverflow",
              {{"2^64", WithWeight({int64_t{1} << 62, 4})},
               {"2^64 + 1024", WithWeight({most, 2, 513})},
               {"of an input", WithInput({most, most})}},
              {"BAD_TENSOR", "BAD_GRAPH"}),
      Several("ExabyteTensor",
              {{"a weight", WithWeight({int64_t{1} << 58})},
               {"an input", WithInput({int64_t{1} << 58})}},
              {"BAD_TENSOR", "BAD_GRAPH"}),
      Several("NegativeDimension",
              {{"one", WithWeight({-kWeights})}, {"two", WithWeight({-32, -32})}}, {"BAD_TENSOR"},
              "w"),
      Allowed(Several("NegativeDimensionOfAnInput",
                      {{"-1", WithInput({-1})}, {"-7", WithInput({-7})}}, {"BAD_GRAPH"}),
              "exporters write -1 for an extent that they do not know"),
      Allowed(Several("ZeroDimension", {{"an input", WithInput({0})}}, {"BAD_GRAPH"}),
              "ONNX has tensors without elements"),
      Large("TooManyAxes",
            [=] {
              return std::vector<Variant>{
                  {"65", WithWeight(std::vector<int64_t>(65, 1))},
                  {"a million", WithWeight(std::vector<int64_t>(1'000'000, 1))}};
            },
            {"BAD_TENSOR"}),
      Several("UnknownType", types, {"UNSUPPORTED_DTYPE", "BAD_TENSOR"}, "initializer[w]"),
      {"FileOfTwoGibibytes",
       [](const std::string&) -> std::vector<Variant> {
         return {{"of zeros, sparse", "", [](const std::string& path) {
                    QUANTD_CHECK(WriteFileAtomically(path, "x").ok());
                    QUANTD_CHECK(::truncate(path.c_str(), int64_t{1} << 31) == 0);
                  }}};
       },
       {"MODEL_TOO_LARGE"}},
  };
}

std::string NestedBodies(int depth) {
  std::string body;
  for (int i = 0; i < depth; ++i) {
    body = Field(kNode, Field(kAttribute, Field(kAttributeGraph, body)));
  }
  return Field(kGraph, body) + Field(kOpsetImport, std::string("\x10\x11", 2));
}

// `levels` functions, each of which calls the one below `calls` times.
std::string NestedFunctions(int levels, int calls, bool cycle) {
  onnx::ModelProto model = ReluModel();
  const auto call = [](onnx::NodeProto* node, int level) {
    node->set_op_type(absl::StrCat("f", level));
    node->set_domain("local");
  };
  call(model.mutable_graph()->mutable_node(0), levels - 1);
  for (int level = 0; level < levels; ++level) {
    onnx::FunctionProto* function = model.add_functions();
    function->set_domain("local");
    function->set_name(absl::StrCat("f", level));
    function->add_input("a");
    function->add_output("b");
    for (int i = 0; i < calls; ++i) {
      onnx::NodeProto* node = function->add_node();
      node->set_op_type("Relu");
      if (level > 0) call(node, level - 1);
      if (level == 0 && cycle) call(node, levels - 1);
      node->add_input(i == 0 ? "a" : absl::StrCat("t", i));
      node->add_output(i + 1 == calls ? "b" : absl::StrCat("t", i + 1));
    }
  }
  return model.SerializeAsString();
}

std::string Times(const std::string& text, int times) {
  std::string all;
  all.reserve(text.size() * static_cast<size_t>(times));
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

// Two bytes in the file, a few hundred in memory.
std::vector<Variant> EmptyMessages() {
  const int count = 4 << 20;
  return {{"nodes", Field(kGraph, Times(Field(kNode, ""), count))},
          {"initializers", Field(kGraph, Times(Field(kInitializer, ""), count))},
          {"names of inputs", Field(kGraph, Field(kNode, Times(Field(1, ""), count)))},
          {"attributes", Field(kGraph, Field(kNode, Times(Field(kAttribute, ""), count)))},
          {"graphs", Field(kGraph, Field(kNode, Field(kAttribute, Times(Field(11, ""), count))))},
          {"functions", Times(Field(25, ""), count)},
          {"unknown fields", Times(Field(1000, ""), count)}};
}

std::vector<Row> StructureRows() {
  std::string tags;
  for (int i = 0; i < 100'000; ++i) tags.push_back('\x0b');  // Begins a group of field 1.
  return {
      Large("DeepSubgraphs",
            [=] {
              return std::vector<Variant>{{"65", NestedBodies(65)},
                                          {"1,000", NestedBodies(1000)},
                                          {"8,000", NestedBodies(8000)}};
            },
            {"MALFORMED_MODEL", "BAD_GRAPH"}),
      Large("ProtobufRecursion",
            [=] {
              return std::vector<Variant>{{"groups without end", tags},
                                          {"in the graph", Field(kGraph, tags)}};
            },
            {"MALFORMED_MODEL"}),
      Large("VarintBomb",
            [=] {
              return std::vector<Variant>{
                  {"a varint without end", std::string(1 << 20, '\xff')},
                  {"a field number of 2^32", "\xff\xff\xff\xff\xff\x01"},
                  {"8 million numbers of one byte", WithRaw(Field(7, std::string(8 << 20, '\0')))},
                  {"8 million dims of one byte", WithRaw(Field(1, std::string(8 << 20, '\0')))}};
            },
            {"MALFORMED_MODEL", "BAD_TENSOR", "MODEL_TOO_LARGE"}),
      Large("EmptyMessages", [=] { return EmptyMessages(); },
            {"MODEL_TOO_LARGE", "MALFORMED_MODEL"}),
      Large(
          "FunctionCycles",
          [=] {
            return std::vector<Variant>{{"of one", NestedFunctions(1, 1, true)},
                                        {"of three", NestedFunctions(3, 2, true)},
                                        {"of 5,000", NestedFunctions(5000, 1, true)}};
          },
          {"BAD_GRAPH"}, "functions"),
      Large("FunctionsThatMultiply",
            [=] {
              return std::vector<Variant>{{"10^40 nodes", NestedFunctions(40, 10, false)},
                                          {"5,000 deep", NestedFunctions(5000, 1, false)}};
            },
            {"MODEL_TOO_LARGE", "BAD_GRAPH"}),
      Several("GraphCycle",
              [] {
                onnx::ModelProto model = ValidModel();
                AddNode(model.mutable_graph(), "Relu", {"b"}, {"a"});
                AddNode(model.mutable_graph(), "Relu", {"a"}, {"b"});
                return std::vector<Variant>{{"of two", model.SerializeAsString()}};
              }(),
              {"BAD_GRAPH"}),
      Several("DuplicateNames",
              [] {
                onnx::ModelProto model = ValidModel();
                *model.mutable_graph()->add_initializer() = model.graph().initializer(0);
                onnx::ModelProto input = ValidModel();
                *input.mutable_graph()->add_input() = input.graph().input(0);
                onnx::ModelProto output = ValidModel();
                AddNode(output.mutable_graph(), "Relu", {"x"}, {"y"});
                return std::vector<Variant>{{"weights", model.SerializeAsString()},
                                            {"inputs", input.SerializeAsString()},
                                            {"outputs of nodes", output.SerializeAsString()}};
              }(),
              {"BAD_GRAPH"}),
  };
}

std::vector<Row> NameRows() {
  const std::string bad = "\xff\xfe\x1b[2J";
  onnx::ModelProto weight = ValidModel();
  weight.mutable_graph()->mutable_initializer(0)->set_name(bad);
  onnx::ModelProto node = ValidModel();
  node.mutable_graph()->mutable_node(0)->set_name(bad);
  onnx::ModelProto type = ValidModel();
  type.mutable_graph()->mutable_node(0)->set_op_type(bad);
  onnx::ModelProto input = ValidModel();
  input.mutable_graph()->mutable_input(0)->set_name(bad);
  input.mutable_graph()->mutable_node(0)->set_input(0, bad);
  onnx::ModelProto output = ValidModel();
  AddNode(output.mutable_graph(), "Relu", {"x"}, {bad});
  onnx::ModelProto attribute = ValidModel();
  auto* alpha = attribute.mutable_graph()->mutable_node(0)->add_attribute();
  alpha->set_name(bad);
  alpha->set_type(onnx::AttributeProto::INT);
  alpha->set_i(1);
  onnx::ModelProto metadata = ValidModel();
  auto* entry = metadata.add_metadata_props();
  entry->set_key(bad);
  entry->set_value(bad);
  onnx::ModelProto text = ValidModel();
  TensorProto* strings = AddInitializer(text.mutable_graph(), "s", TensorProto::STRING, {1});
  strings->add_string_data(bad);
  onnx::ModelProto long_name = ValidModel();
  long_name.mutable_graph()->mutable_initializer(0)->set_name(std::string(1 << 20, 'n'));
  long_name.mutable_graph()->mutable_initializer(0)->add_dims(7);
  return {
      // Names go into reports and into artifacts that other programs read.
      Several("BadUtf8Names",
              {{"a weight", weight.SerializeAsString()},
               {"a node", node.SerializeAsString()},
               {"an operator", type.SerializeAsString()},
               {"an input", input.SerializeAsString()},
               {"an output", output.SerializeAsString()},
               {"an attribute", attribute.SerializeAsString()},
               {"metadata", metadata.SerializeAsString()}},
              {"BAD_GRAPH"}, "UTF-8"),
      Allowed(Several("BadUtf8Strings", {{"an element", text.SerializeAsString()}}, {"BAD_TENSOR"}),
              "elements of a string tensor are bytes"),
      Several("AVeryLongName", {{"1 MiB", long_name.SerializeAsString()}}, {"BAD_TENSOR"}),
  };
}

}  // namespace

std::vector<Reader> OnnxReaders() {
  return {
      {.name = "onnx",
       .file = "model.onnx",
       .valid = ValidModel().SerializeAsString(),
       .read = &ReadModelBeside,
       .field = "model",
       .rows = CommonRows({.reason = "MALFORMED_MODEL",
                           .empty_reason = "EMPTY_MODEL",
                           // Without its last field a model names no version of the operators.
                           .cut_reasons = {"MALFORMED_MODEL", "UNSUPPORTED_OPSET"},
                           // Protobuf merges two messages, and every name is there twice.
                           .tail_reasons = {"MALFORMED_MODEL", "BAD_GRAPH"},
                           .flips_valid_because = "weights and unused names may be anything"}) +
               SizeRows() + StructureRows() + NameRows() + ExternalLocationRows()},
      ExternalDataReader(),
  };
}

}  // namespace quantd::hostile
