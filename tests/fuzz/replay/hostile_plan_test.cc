// Small files that ask for much, through everything that happens before a model runs: each is refused with a typed error,
// or planned, and in both cases within a bound of memory. A bound of time is ctest's, which no such model comes near.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/fuzz/import_and_plan.h"
#include "tests/support/status_matchers.h"
#include "tests/worker/io/onnx/model_builder.h"

namespace quantd::testing {
namespace {

using ::testing::HasSubstr;

// What constants may take (worker/exec/constant_nodes.h), twice: input and output of the last node.
constexpr int64_t kMemoryBytesMax = int64_t{160} << 20;
constexpr int64_t kHuge = 1000 * 1000 * 1000;

int64_t PeakBytes() {
  struct rusage usage;
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * 1024;
}

// The address space is bounded too, where no sanitizer has taken all of it: an allocation that is not touched takes no
// memory, and would still be one that an honest machine cannot give.
void BoundAddressSpace() {
#if !defined(__SANITIZE_ADDRESS__)
  int64_t pages = 0;
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr || std::fscanf(file, "%ld", &pages) != 1) _exit(90);
  std::fclose(file);
  const rlim_t bytes = static_cast<rlim_t>(pages * ::sysconf(_SC_PAGESIZE) + kMemoryBytesMax);
  const struct rlimit limit = {bytes, bytes};
  if (::setrlimit(RLIMIT_AS, &limit) != 0) _exit(91);
#endif
}

// What the child says of `bytes`, in one line: "OK", or reason and fields. Dies, and so fails the test, when the child
// crashes or takes too much memory.
std::string PlanInBoundedMemory(const std::string& bytes) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    BoundAddressSpace();
    const int64_t before = PeakBytes();
    const absl::Status status = ImportAndPlan(bytes);
    const int64_t grown = PeakBytes() - before;
    const ErrorDetails details = GetErrorDetails(status);
    std::string said = status.ok() ? "OK" : details.reason;
    for (const FieldViolation& violation : details.violations) absl::StrAppend(&said, " ", violation.field);
    if (!IsTypedOrOk(status)) said = absl::StrCat("untyped: ", status.ToString());
    if (grown > kMemoryBytesMax) said = absl::StrCat("took ", grown, " bytes");
    const ssize_t written = ::write(ends[1], said.data(), said.size());
    _exit(written == static_cast<ssize_t>(said.size()) ? 0 : 92);
  }
  ::close(ends[1]);
  std::string said;
  char buffer[512];
  for (ssize_t n; (n = ::read(ends[0], buffer, sizeof(buffer))) > 0;) said.append(buffer, static_cast<size_t>(n));
  ::close(ends[0]);
  int state = 0;
  EXPECT_EQ(::waitpid(child, &state, 0), child);
  EXPECT_EQ(state, 0) << "the child ended with wait status " << state;
  return said;
}

std::string Plan(const onnx::ModelProto& model) { return PlanInBoundedMemory(model.SerializeAsString()); }

void AddInts(onnx::ModelProto& model, const std::string& name, const std::vector<int64_t>& values) {
  onnx::TensorProto* tensor = AddInitializer(model.mutable_graph(), name, onnx::TensorProto::INT64,
                                             {static_cast<int64_t>(values.size())});
  for (const int64_t value : values) tensor->add_int64_data(value);
}

void AddScalar(onnx::ModelProto& model, const std::string& name, int64_t value) {
  AddInitializer(model.mutable_graph(), name, onnx::TensorProto::INT64, {})->add_int64_data(value);
}

void AddFloats(onnx::ModelProto& model, const std::string& name, const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (const int64_t extent : shape) count *= extent;
  AddInitializer(model.mutable_graph(), name, onnx::TensorProto::FLOAT, shape)
      ->set_raw_data(std::string(static_cast<size_t>(4 * count), '\0'));
}

// A node named "n" that makes "c", which the graph puts out.
onnx::NodeProto* AddNamed(onnx::ModelProto& model, const std::string& op_type,
                          const std::vector<std::string>& inputs) {
  onnx::NodeProto* node = AddNode(model.mutable_graph(), op_type, inputs, {"c"});
  node->set_name("n");
  model.mutable_graph()->add_output()->set_name("c");
  return node;
}

void SetInts(onnx::NodeProto* node, const std::string& name, const std::vector<int64_t>& values) {
  onnx::AttributeProto* attribute = node->add_attribute();
  attribute->set_name(name);
  attribute->set_type(onnx::AttributeProto::INTS);
  for (const int64_t value : values) attribute->add_ints(value);
}

// The error of a node whose output is too large: beyond any tensor's size, or beyond what constants may take. An
// operator that has no kernel is no way to take memory either.
void ExpectRefused(const std::string& said, const std::string& what) {
  const bool refused = said == "BAD_SHAPE model.graph.node[n]" ||
                       said == "CONSTANT_TOO_LARGE model.graph.node[n]" ||
                       absl::StartsWith(said, "UNSUPPORTED_OPERATOR");
  EXPECT_TRUE(refused) << what << ": " << said;
}

TEST(HostilePlan, TheBoundLetsAnHonestModelPass) { EXPECT_EQ(Plan(ReluModel()), "OK"); }

TEST(HostilePlan, InitializersMustHoldWhatTheySay) {
  onnx::ModelProto model = ReluModel();
  AddInitializer(model.mutable_graph(), "w", onnx::TensorProto::FLOAT, {kHuge, kHuge})
      ->set_raw_data("12345678");
  EXPECT_EQ(Plan(model), "BAD_TENSOR model.graph.initializer[w]");
}

TEST(HostilePlan, SoMustConstants) {
  onnx::ModelProto model = ReluModel();
  onnx::AttributeProto* value = AddNamed(model, "Constant", {})->add_attribute();
  value->set_name("value");
  value->set_type(onnx::AttributeProto::TENSOR);
  value->mutable_t()->set_data_type(onnx::TensorProto::FLOAT);
  for (int i = 0; i < 2; ++i) value->mutable_t()->add_dims(kHuge);
  EXPECT_EQ(Plan(model), "BAD_TENSOR model.graph.node[n].attribute[value]");
}

TEST(HostilePlan, DeclaredShapesThatNoTensorCanHaveAreRefused) {
  onnx::ModelProto model = ReluModel();
  auto* shape = model.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape();
  shape->add_dim()->set_dim_value(kHuge);
  shape->add_dim()->set_dim_param("N");
  shape->add_dim()->set_dim_value(kHuge);
  EXPECT_EQ(Plan(model), "BAD_GRAPH model.graph.input[x]");
}

TEST(HostilePlan, ConstantOfShapeIsRefusedAtEverySize) {
  for (const std::vector<int64_t>& shape : std::vector<std::vector<int64_t>>{
           {kHuge, kHuge}, {kHuge}, {1 << 16, 1 << 16}, {int64_t{1} << 62, int64_t{1} << 62, 4},
           {INT64_MAX}, {-1}, std::vector<int64_t>(65, 1)}) {
    onnx::ModelProto model = ReluModel();
    AddInts(model, "shape", shape);
    AddNamed(model, "ConstantOfShape", {"shape"});
    ExpectRefused(Plan(model), absl::StrCat("first extent ", shape[0]));
  }
}

TEST(HostilePlan, OperatorsThatGrowAConstantAreRefused) {
  struct Case {
    std::string name;
    std::function<void(onnx::ModelProto&)> build;
  };
  const Case cases[] = {
      {"Expand", [](auto& m) { AddInts(m, "s", {kHuge, kHuge}); AddNamed(m, "Expand", {"f", "s"}); }},
      {"Expand, 4 GB", [](auto& m) { AddInts(m, "s", {kHuge, 1}); AddNamed(m, "Expand", {"f", "s"}); }},
      {"Tile", [](auto& m) { AddInts(m, "s", {kHuge, kHuge}); AddNamed(m, "Tile", {"f", "s"}); }},
      {"Tile, 4 GB", [](auto& m) { AddInts(m, "s", {kHuge, 1}); AddNamed(m, "Tile", {"f", "s"}); }},
      {"Range", [](auto& m) {
         AddScalar(m, "from", INT64_MIN), AddScalar(m, "to", INT64_MAX), AddScalar(m, "step", 1);
         AddNamed(m, "Range", {"from", "to", "step"});
       }},
      {"Range, 8 GB", [](auto& m) {
         AddScalar(m, "from", 0), AddScalar(m, "to", kHuge), AddScalar(m, "step", 1);
         AddNamed(m, "Range", {"from", "to", "step"});
       }},
      {"Resize", [](auto& m) {
         AddInts(m, "s", {kHuge, kHuge});
         AddNamed(m, "Resize", {"f", "", "", "s"});
       }},
      {"Upsample", [](auto& m) {
         auto* scales = AddInitializer(m.mutable_graph(), "s", onnx::TensorProto::FLOAT, {2});
         for (int i = 0; i < 2; ++i) scales->add_float_data(1e9f);
         AddNamed(m, "Upsample", {"f", "s"});
       }},
      {"Pad", [](auto& m) { AddInts(m, "s", {0, 0, kHuge, 1}); AddNamed(m, "Pad", {"f", "s"}); }},
      {"Pad, overflowing", [](auto& m) {
         AddInts(m, "s", {INT64_MAX, 0, INT64_MAX, 0});
         AddNamed(m, "Pad", {"f", "s"});
       }},
      {"OneHot", [](auto& m) {
         AddScalar(m, "depth", kHuge), AddInts(m, "i", {0}), AddFloats(m, "v", {2});
         AddNamed(m, "OneHot", {"i", "depth", "v"});
       }},
      {"EyeLike", [](auto& m) {
         AddInts(m, "s", {1 << 16, 1 << 16});
         AddNode(m.mutable_graph(), "ConstantOfShape", {"s"}, {"e"})->set_name("n");
         AddNode(m.mutable_graph(), "EyeLike", {"e"}, {"c"});
         m.mutable_graph()->add_output()->set_name("c");
       }},
  };
  for (const Case& one : cases) {
    onnx::ModelProto model = ReluModel();
    AddFloats(model, "f", {1, 1});
    one.build(model);
    ExpectRefused(Plan(model), one.name);
  }
}

TEST(HostilePlan, ConvolutionsAndPoolsWithEndlessPaddingAreRefused) {
  for (const std::string type : {"Conv", "AveragePool", "MaxPool"}) {
    onnx::ModelProto model = ReluModel();
    AddFloats(model, "f", {1, 1, 2, 2});
    AddFloats(model, "w", {1, 1, 1, 1});
    onnx::NodeProto* node = type == "Conv" ? AddNamed(model, type, {"f", "w"}) : AddNamed(model, type, {"f"});
    SetInts(node, "kernel_shape", {1, 1});
    SetInts(node, "pads", {kHuge, kHuge, kHuge, kHuge});
    ExpectRefused(Plan(model), type);
  }
}

// Doubling for ever: each step is small against the one before it. What is beyond the bound of all constants together is
// left to the run, where memory is bounded by the job's.
TEST(HostilePlan, ChainsThatDoubleStopInTime) {
  for (const std::string type : {"Concat", "Add"}) {
    onnx::ModelProto model = ReluModel();
    AddFloats(model, "t0", type == "Concat" ? std::vector<int64_t>{256} : std::vector<int64_t>{256, 1});
    AddFloats(model, "row", {1, 256});
    for (int i = 0; i < 60; ++i) {
      const std::string from = absl::StrCat("t", i), to = absl::StrCat("t", i + 1);
      if (type == "Concat") {
        onnx::AttributeProto* axis =
            AddNode(model.mutable_graph(), "Concat", {from, from}, {to})->add_attribute();
        axis->set_name("axis");
        axis->set_type(onnx::AttributeProto::INT);
        axis->set_i(0);
      } else {
        // An outer sum makes a square, whose column is as long as the square's side; Unsqueeze raises the rank.
        AddInts(model, absl::StrCat("axes", i), {-1});
        AddNode(model.mutable_graph(), "Unsqueeze", {from, absl::StrCat("axes", i)}, {to + "u"});
        AddNode(model.mutable_graph(), "Add", {to + "u", "row"}, {to});
      }
    }
    model.mutable_graph()->add_output()->set_name("t60");
    const std::string said = Plan(model);
    EXPECT_TRUE(said == "OK" || absl::StartsWith(said, "BAD_SHAPE model.graph.node[") ||
                absl::StartsWith(said, "CONSTANT_TOO_LARGE model.graph.node["))
        << type << ": " << said;
  }
}

// 100 products of 2048 x 2048 matrices of constants: 1.7e12 operations, minutes, were they computed here.
TEST(HostilePlan, CostlyProductsOfConstantsWaitForTheRun) {
  onnx::ModelProto model = ReluModel();
  AddInts(model, "shape", {2048, 2048});
  AddNode(model.mutable_graph(), "ConstantOfShape", {"shape"}, {"m0"});
  for (int i = 0; i < 100; ++i) {
    AddNode(model.mutable_graph(), "MatMul", {absl::StrCat("m", i), "m0"}, {absl::StrCat("m", i + 1)});
  }
  model.mutable_graph()->add_output()->set_name("m100");
  EXPECT_EQ(Plan(model), "OK");
}

// One weight, many normalized layers that share it: folding gives each its own.
TEST(HostilePlan, SharedWeightsDoNotMultiplyTheModel) {
  onnx::ModelProto model = ReluModel();
  constexpr int64_t kChannels = 1024, kLayers = 2000;  // 4 MiB of weights: 8 GiB, were all folded.
  AddFloats(model, "w", {kChannels, kChannels, 1});
  AddFloats(model, "p", {kChannels});
  for (int i = 0; i < kLayers; ++i) {
    const std::string conv = absl::StrCat("conv", i), norm = absl::StrCat("norm", i);
    AddNode(model.mutable_graph(), "Conv", {"x", "w"}, {conv});
    AddNode(model.mutable_graph(), "BatchNormalization", {conv, "p", "p", "p", "p"}, {norm});
    model.mutable_graph()->add_output()->set_name(norm);
  }
  EXPECT_EQ(Plan(model), "OK");
}

// Thousands of followers of one layer: they fold in a bounded number of passes, not in one pass each.
TEST(HostilePlan, ChainsOfFollowersEndInTime) {
  onnx::ModelProto model = ReluModel();
  AddFloats(model, "w", {1, 1, 1});
  AddFloats(model, "b", {1, 1, 1});
  AddNode(model.mutable_graph(), "Conv", {"x", "w"}, {"t0"});
  constexpr int kAdds = 20000;
  for (int i = 0; i < kAdds; ++i) {
    AddNode(model.mutable_graph(), "Add", {absl::StrCat("t", i), "b"}, {absl::StrCat("t", i + 1)});
  }
  model.mutable_graph()->add_output()->set_name(absl::StrCat("t", kAdds));
  EXPECT_EQ(Plan(model), "OK");
}

TEST(HostilePlan, ManyNodesOfOneNameAreToldApartInTime) {
  onnx::ModelProto model = ReluModel();
  for (int i = 0; i < 50000; ++i) {
    AddNode(model.mutable_graph(), "Relu", {"x"}, {absl::StrCat("t", i)})->set_name("same");
  }
  EXPECT_EQ(Plan(model), "OK");
}

TEST(HostilePlan, CyclesAndDeepBodiesAreRefused) {
  onnx::ModelProto cyclic = ReluModel();
  AddNode(cyclic.mutable_graph(), "Relu", {"b"}, {"a"});
  AddNode(cyclic.mutable_graph(), "Relu", {"a"}, {"b"});
  EXPECT_THAT(Plan(cyclic), HasSubstr("BAD_GRAPH"));

  // Written by hand: protobuf's own writer recurses, and 10,000 bodies are too deep for it.
  const auto field = [](char tag, const std::string& bytes) {
    std::string result(1, tag);
    for (size_t n = bytes.size(); true; n >>= 7) {
      result.push_back(static_cast<char>((n & 127) | (n > 127 ? 128 : 0)));
      if (n <= 127) break;
    }
    return result + bytes;
  };
  std::string graph;
  for (int depth = 0; depth < 10000; ++depth) {
    // AttributeProto{name "then_branch", g, type GRAPH}, in NodeProto{output "z", op_type "If", attribute}.
    const std::string attribute = field(0x0a, "then_branch") + field(0x32, graph) + std::string("\xa0\x01\x05");
    graph = field(0x0a, field(0x12, "z") + field(0x22, "If") + field(0x2a, attribute));
  }
  const std::string model = std::string("\x08\x08") + field(0x3a, graph) +
                            field(0x42, std::string("\x10\x11"));
  EXPECT_EQ(PlanInBoundedMemory(model), "MALFORMED_MODEL model");
}

TEST(HostilePlan, ExternalDataThatDidNotComeAlongIsRefused) {
  for (const std::string location : {"../w", "/etc/passwd", "w", "a/../../w"}) {
    onnx::ModelProto model = ReluModel();
    onnx::TensorProto* w = AddInitializer(model.mutable_graph(), "w", onnx::TensorProto::FLOAT, {2});
    w->set_data_location(onnx::TensorProto::EXTERNAL);
    onnx::StringStringEntryProto* entry = w->add_external_data();
    entry->set_key("location");
    entry->set_value(location);
    EXPECT_EQ(Plan(model), "EXTERNAL_DATA model.graph.initializer[w]") << location;
  }
}

}  // namespace
}  // namespace quantd::testing
