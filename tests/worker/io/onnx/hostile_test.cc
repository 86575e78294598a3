// What a model must not say. Files that are damaged or bent byte by byte are rows of tests/hostile.
#include "absl/strings/str_cat.h"
#include "tests/support/status_matchers.h"
#include "tests/worker/io/onnx/model_builder.h"
#include "worker/io/onnx/reader.h"

namespace quantd {
namespace {

using namespace ::quantd::testing;  // NOLINT: matchers and builders.
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(HostileFile, OtherFormatsAreRecognized) {
  const std::pair<std::string, std::string> cases[] = {
      {"import torch\nmodel = 1\n", "text file"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"},
      {std::string("PK\x03\x04\x14\x00\x00\x00", 8), "zip"},
      {"\x89HDF\r\n\x1a\n....", "HDF5"},
      {std::string("\x80\x02}q\x00.", 6), "pickle"},
  };
  for (const auto& [bytes, hint] : cases) {
    EXPECT_THAT(ReadBytes(bytes), AllOf(HasReason("MALFORMED_MODEL"),
                                        StatusIs(absl::StatusCode::kInvalidArgument,
                                                 AllOf(HasSubstr("is not an ONNX model"),
                                                       HasSubstr(hint)))));
  }
}

TEST(HostileFile, AModelWithoutGraphOrNodesIsMalformed) {
  onnx::ModelProto proto = ReluModel();
  proto.mutable_graph()->clear_node();
  EXPECT_THAT(Read(proto), HasReason("MALFORMED_MODEL"));
  proto.clear_graph();
  EXPECT_THAT(Read(proto), HasReason("MALFORMED_MODEL"));
}

TEST(HostileFile, VersionsOutsideOneToTwentyOneAreUnsupported) {
  for (const int64_t version : {int64_t{-1}, int64_t{0}, int64_t{22}, INT64_MAX}) {
    onnx::ModelProto proto = ReluModel();
    proto.mutable_opset_import(0)->set_version(version);
    EXPECT_THAT(Read(proto), AllOf(StatusIs(absl::StatusCode::kUnimplemented),
                                   HasReason("UNSUPPORTED_OPSET")));
  }
}

TEST(HostileTensor, ValuesOutsideTheTypeAndMissingValuesAreRefused) {
  onnx::ModelProto proto = ReluModel();
  onnx::TensorProto* w = AddInitializer(proto.mutable_graph(), "w", onnx::TensorProto::INT8, {1});
  EXPECT_THAT(Read(proto), HasReason("BAD_TENSOR"));  // No value.
  w->add_int32_data(128);
  EXPECT_THAT(Read(proto), HasReason("BAD_TENSOR"));
  w->set_data_type(onnx::TensorProto::UINT32);
  w->add_uint64_data(uint64_t{1} << 32);
  EXPECT_THAT(Read(proto), HasReason("BAD_TENSOR"));
}

TEST(HostileTensor, ABooleanByteOfTwoBecomesTrue) {
  onnx::ModelProto proto = ReluModel();
  AddInitializer(proto.mutable_graph(), "b", onnx::TensorProto::BOOL, {2})
      ->set_raw_data(std::string("\x02\x00", 2));
  ASSERT_OK_AND_ASSIGN(const Model model, Read(proto));
  EXPECT_TRUE(IdenticalTensors(model.graph.initializers.at("b"),
                               Tensor::Of<bool>({2}, {true, false})));
}

TEST(HostileTensor, ComplexAndUnknownTypesAreUnsupported) {
  for (const int type : {14, 15, 24, 99, -1, -2, -5}) {
    onnx::ModelProto proto = ReluModel();
    AddInitializer(proto.mutable_graph(), "w", type, {1});
    EXPECT_THAT(Read(proto), AllOf(StatusIs(absl::StatusCode::kUnimplemented),
                                   HasReason("UNSUPPORTED_DTYPE"),
                                   NamesField("model.graph.initializer[w]")));
  }
}

TEST(HostileTensor, StringsMustBeAsManyAsTheShapeSays) {
  for (const int count : {0, 1, 3}) {
    onnx::ModelProto proto = ReluModel();
    onnx::TensorProto* w = AddInitializer(proto.mutable_graph(), "w", onnx::TensorProto::STRING, {2});
    for (int i = 0; i < count; ++i) w->add_string_data("a");
    EXPECT_THAT(Read(proto), AllOf(HasReason("BAD_TENSOR"), NamesField("model.graph.initializer[w]")));
  }
}

TEST(HostileTensor, AnInputOfNegativeTypeIsNoSequence) {
  onnx::ModelProto proto = ReluModel();
  proto.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(-1);
  EXPECT_THAT(Read(proto), AllOf(HasReason("BAD_GRAPH"), NamesField("model.graph.input[x]")));
}

TEST(HostileGraph, DeclaredShapesThatNoTensorCanHaveAreRefused) {
  const int64_t billion = 1000 * 1000 * 1000;
  for (const bool is_output : {false, true}) {
    onnx::ModelProto proto = ReluModel();
    onnx::GraphProto* graph = proto.mutable_graph();
    auto* shape = (is_output ? graph->mutable_output(0) : graph->mutable_input(0))
                      ->mutable_type()->mutable_tensor_type()->mutable_shape();
    shape->add_dim()->set_dim_value(billion);
    shape->add_dim()->set_dim_param("N");
    shape->add_dim()->set_dim_value(billion);
    EXPECT_THAT(Read(proto), AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasReason("BAD_GRAPH"),
                                   NamesField(is_output ? "model.graph.output[y]" : "model.graph.input[x]")));
  }
}

TEST(HostileGraph, NodesWithoutRequiredInputsOrOfOurOwnDomainAreRefused) {
  onnx::ModelProto proto = ReluModel();
  AddNode(proto.mutable_graph(), "MatMul", {"x"}, {"z"})->set_name("half");
  EXPECT_THAT(Read(proto), AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasReason("BAD_GRAPH"),
                                 NamesField("model.graph.node[half]")));
  // Rewrites make such nodes, and their kernels trust them.
  proto = ReluModel();
  onnx::NodeProto* own = AddNode(proto.mutable_graph(), "ChannelsLastMaxPool", {"x"}, {"z"});
  own->set_name("own");
  own->set_domain("quantd");
  EXPECT_THAT(Read(proto), AllOf(StatusIs(absl::StatusCode::kUnimplemented), HasReason("UNSUPPORTED_MODEL"),
                                 NamesField("model.graph.node[own]")));
}

TEST(HostileGraph, ACycleIsRefusedAlsoInABody) {
  onnx::ModelProto proto = ReluModel();
  AddNode(proto.mutable_graph(), "Relu", {"b"}, {"a"});
  AddNode(proto.mutable_graph(), "Relu", {"a"}, {"b"});
  EXPECT_THAT(Read(proto), HasReason("BAD_GRAPH"));

  onnx::ModelProto outer = ReluModel();
  onnx::AttributeProto* body =
      AddNode(outer.mutable_graph(), "If", {"x"}, {"z"})->add_attribute();
  body->set_name("then_branch");
  body->set_type(onnx::AttributeProto::GRAPH);
  *body->mutable_g() = proto.graph();
  EXPECT_THAT(Read(outer), HasReason("BAD_GRAPH"));
}

onnx::ModelProto Nested(int depth) {
  onnx::ModelProto proto = ReluModel();
  onnx::GraphProto* graph = proto.mutable_graph();
  for (int i = 0; i < depth; ++i) {
    onnx::AttributeProto* body =
        AddNode(graph, "If", {"x"}, {absl::StrCat("z", i)})->add_attribute();
    body->set_name("then_branch");
    body->set_type(onnx::AttributeProto::GRAPH);
    graph = body->mutable_g();
  }
  AddNode(graph, "Relu", {"x"}, {"inner"});
  return proto;
}

TEST(HostileGraph, BodiesNestSixtyFourDeepAndNoDeeper) {
  EXPECT_OK(Read(Nested(64)));
  EXPECT_THAT(Read(Nested(65)), HasReason("BAD_GRAPH"));
  EXPECT_THAT(Read(Nested(2000)), HasReason("MALFORMED_MODEL"));  // Protobuf's own limit.
}

TEST(HostileGraph, SparseInitializersAreNamedAsUnsupported) {
  onnx::ModelProto sparse = ReluModel();
  sparse.mutable_graph()->add_sparse_initializer()->mutable_values()->set_name("s");
  EXPECT_THAT(Read(sparse), AllOf(StatusIs(absl::StatusCode::kUnimplemented),
                                  HasReason("UNSUPPORTED_MODEL"),
                                  NamesField("model.graph.sparse_initializer[s]")));
}

}  // namespace
}  // namespace quantd
