// Files that are wrong, by accident or on purpose: each gets a typed error, and none a crash.
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/random.h"
#include "tests/support/status_matchers.h"
#include "tests/worker/io/onnx/model_builder.h"
#include "worker/io/onnx/reader.h"

namespace quantd {
namespace {

using namespace ::quantd::testing;  // NOLINT: matchers and builders.
using ::testing::AllOf;
using ::testing::HasSubstr;

std::string RealBytes() {
  return ReadFile(QUANTD_TEST_DATA "/models/mnist_cnn.onnx", 1 << 20).value();
}

void ExpectOkOrTyped(const std::string& bytes) {
  const absl::StatusOr<Model> model = ReadBytes(bytes);
  if (model.ok()) return;
  EXPECT_NE(GetErrorDetails(model.status()).reason, "") << model.status();
}

TEST(HostileFile, EmptyFileIsNamedSo) {
  EXPECT_THAT(ReadBytes(""), AllOf(StatusIs(absl::StatusCode::kInvalidArgument),
                                   HasReason("EMPTY_MODEL"), NamesField("model")));
}

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

TEST(HostileFile, TruncationAnywhereInTheFirstKibibyteIsMalformed) {
  const std::string bytes = RealBytes();
  for (size_t length = 1; length <= 1024; ++length) {
    EXPECT_THAT(ReadBytes(bytes.substr(0, length)), HasReason("MALFORMED_MODEL")) << length;
  }
}

TEST(HostileFile, TruncationFurtherOnGetsATypedError) {
  const std::string bytes = RealBytes();
  Random random(1);
  for (int i = 0; i < 64; ++i) {
    ExpectOkOrTyped(bytes.substr(0, 1024 + random.Below(bytes.size() - 1024)));
  }
}

TEST(HostileFile, FlippedBitsGetATypedErrorOrAModel) {
  const std::string bytes = RealBytes();
  Random random(2);
  for (int i = 0; i < 200; ++i) {
    std::string flipped = bytes;
    for (int k = 0; k < 4; ++k) {
      flipped[random.Below(i % 2 == 0 ? 2048 : flipped.size())] ^=
          static_cast<char>(1u << random.Below(8));
    }
    ExpectOkOrTyped(flipped);
  }
}

TEST(HostileFile, AFileOfTwoGibibytesIsTooLarge) {
  const FileFolder folder;
  const std::string path = folder.Write("model.onnx", "x");
  ASSERT_EQ(::truncate(path.c_str(), int64_t{1} << 31), 0);  // Sparse: takes no space.
  EXPECT_THAT(ReadOnnxModel(path, {}), AllOf(StatusIs(absl::StatusCode::kResourceExhausted),
                                             HasReason("MODEL_TOO_LARGE")));
}

TEST(HostileFile, VersionsOutsideOneToTwentyOneAreUnsupported) {
  for (const int64_t version : {int64_t{-1}, int64_t{0}, int64_t{22}, INT64_MAX}) {
    onnx::ModelProto proto = ReluModel();
    proto.mutable_opset_import(0)->set_version(version);
    EXPECT_THAT(Read(proto), AllOf(StatusIs(absl::StatusCode::kUnimplemented),
                                   HasReason("UNSUPPORTED_OPSET")));
  }
}

struct BadShape {
  std::vector<int64_t> dims;
  size_t raw_bytes;
};

TEST(HostileTensor, SizesThatDoNotMatchNameTheTensor) {
  const int64_t huge = int64_t{1} << 62;
  const BadShape cases[] = {{{2}, 7}, {{2}, 12}, {{huge, huge}, 8}, {{huge, 4}, 0},
                            {{-1}, 4}, {{int64_t{1} << 33}, 4}, {std::vector<int64_t>(65, 1), 4}};
  for (const BadShape& bad : cases) {
    onnx::ModelProto proto = ReluModel();
    AddInitializer(proto.mutable_graph(), "w", onnx::TensorProto::FLOAT, bad.dims)
        ->set_raw_data(std::string(bad.raw_bytes, 'x'));
    EXPECT_THAT(Read(proto), AllOf(StatusIs(absl::StatusCode::kInvalidArgument),
                                   HasReason("BAD_TENSOR"),
                                   NamesField("model.graph.initializer[w]")));
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

onnx::ModelProto ExternalModel(const std::string& location, const std::string& offset,
                               const std::string& length) {
  onnx::ModelProto proto = ReluModel();
  onnx::TensorProto* w = AddInitializer(proto.mutable_graph(), "w", onnx::TensorProto::FLOAT, {2});
  w->set_data_location(onnx::TensorProto::EXTERNAL);
  const std::pair<std::string, std::string> entries[] = {
      {"location", location}, {"offset", offset}, {"length", length}};
  for (const auto& [key, value] : entries) {
    onnx::StringStringEntryProto* entry = w->add_external_data();
    entry->set_key(key);
    entry->set_value(value);
  }
  return proto;
}

TEST(HostileExternalData, OnlyNamedFilesWithinTheirBoundsAreRead) {
  const FileFolder folder;
  const std::string path = folder.Write("w", std::string(16, '\0'));
  // The map holds the bad names too, so that it is the name that is refused.
  const std::map<std::string, std::string> files = {
      {"w", path}, {"../w", path}, {"/w", path}, {"a/../w", path}, {"", path},
      {std::string("w\0x", 3), path}, {"..\\w", path}};
  EXPECT_OK(Read(ExternalModel("w", "8", "8"), files));
  const onnx::ModelProto cases[] = {
      ExternalModel("../w", "0", "8"),  ExternalModel("/w", "0", "8"),
      ExternalModel("a/../w", "0", "8"), ExternalModel("..\\w", "0", "8"),
      ExternalModel("", "0", "8"),      ExternalModel(std::string("w\0x", 3), "0", "8"),
      ExternalModel("other", "0", "8"), ExternalModel("w", "9", "8"),
      ExternalModel("w", "17", "8"),    ExternalModel("w", "-1", "8"),
      ExternalModel("w", "0", "7"),     ExternalModel("w", "0", "16"),
      ExternalModel("w", "9223372036854775807", "8"),
      ExternalModel("w", "99999999999999999999", "8"), ExternalModel("w", "0x0", "8")};
  for (const onnx::ModelProto& proto : cases) {
    EXPECT_THAT(Read(proto, files), AllOf(StatusIs(absl::StatusCode::kInvalidArgument),
                                          HasReason("EXTERNAL_DATA"),
                                          NamesField("model.graph.initializer[w]")))
        << proto.graph().initializer(0).ShortDebugString();
  }
}

TEST(HostileExternalData, ASymbolicLinkIsNotFollowed) {
  const FileFolder folder;
  const std::string target = folder.Write("secret", std::string(16, '\0'));
  const std::string link = target + "_link";
  ASSERT_EQ(::symlink(target.c_str(), link.c_str()), 0);
  EXPECT_OK(Read(ExternalModel("w", "0", "8"), {{"w", target}}));
  EXPECT_THAT(Read(ExternalModel("w", "0", "8"), {{"w", link}}),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("symbolic link")),
                    HasReason("EXTERNAL_DATA"), NamesField("model.graph.initializer[w]")));
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

TEST(HostileGraph, TensorsMadeTwiceAreRefused) {
  onnx::ModelProto proto = ReluModel();
  AddInitializer(proto.mutable_graph(), "w", onnx::TensorProto::FLOAT, {0});
  AddInitializer(proto.mutable_graph(), "w", onnx::TensorProto::FLOAT, {0});
  EXPECT_THAT(Read(proto), HasReason("BAD_GRAPH"));
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
