// Functions of a model are expanded when it is read.
#include <gmock/gmock.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "tests/support/status_matchers.h"
#include "tests/worker/io/onnx/model_builder.h"

namespace quantd {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::AddNode;
using testing::HasReason;
using testing::NamesField;
using testing::Read;
using testing::ReluModel;
using testing::StatusIs;

onnx::FunctionProto* AddFunction(onnx::ModelProto& model, const std::string& name, const std::vector<std::string>& inputs,
                                 const std::vector<std::string>& outputs) {
  onnx::FunctionProto* function = model.add_functions();
  function->set_domain("local");
  function->set_name(name);
  for (const std::string& input : inputs) function->add_input(input);
  for (const std::string& output : outputs) function->add_output(output);
  return function;
}

void AddFunctionNode(onnx::FunctionProto* function, const std::string& op_type, const std::vector<std::string>& inputs,
                     const std::vector<std::string>& outputs, const std::string& domain = "") {
  onnx::NodeProto* node = function->add_node();
  node->set_op_type(op_type);
  node->set_domain(domain);
  for (const std::string& input : inputs) node->add_input(input);
  for (const std::string& output : outputs) node->add_output(output);
}

// y = local.<name>(x) with no other node.
onnx::ModelProto Calling(const std::string& name) {
  onnx::ModelProto model = ReluModel();
  onnx::NodeProto* node = model.mutable_graph()->mutable_node(0);
  node->set_op_type(name);
  node->set_domain("local");
  return model;
}

std::vector<std::string> Types(const Graph& graph) {
  std::vector<std::string> types;
  for (const Node& node : graph.nodes) types.push_back(node.op_type);
  return types;
}

TEST(FunctionsTest, ACallBecomesTheNodesUnderFreshNames) {
  onnx::ModelProto proto = Calling("Twice");
  AddNode(proto.mutable_graph(), "Twice", {"y"}, {"z"})->set_domain("local");
  proto.mutable_graph()->mutable_output(0)->set_name("z");
  onnx::FunctionProto* twice = AddFunction(proto, "Twice", {"a"}, {"b"});
  AddFunctionNode(twice, "Abs", {"a"}, {"inner"});
  AddFunctionNode(twice, "Neg", {"inner"}, {"b"});
  ASSERT_OK_AND_ASSIGN(const Model model, Read(proto));
  ASSERT_THAT(Types(model.graph), ElementsAre("Abs", "Neg", "Abs", "Neg"));
  const std::vector<Node>& nodes = model.graph.nodes;
  EXPECT_THAT(nodes[0].inputs, ElementsAre("x"));
  EXPECT_EQ(nodes[0].outputs, nodes[1].inputs);
  EXPECT_THAT(nodes[1].outputs, ElementsAre("y"));
  EXPECT_THAT(nodes[2].inputs, ElementsAre("y"));
  EXPECT_THAT(nodes[3].outputs, ElementsAre("z"));
  EXPECT_NE(nodes[0].outputs, nodes[2].outputs);
}

TEST(FunctionsTest, AttributesTakeTheCallersValuesOrVanish) {
  for (const bool given : {true, false}) {
    onnx::ModelProto proto = Calling("Leaky");
    onnx::FunctionProto* leaky = AddFunction(proto, "Leaky", {"a"}, {"b"});
    leaky->add_attribute("slope");
    AddFunctionNode(leaky, "LeakyRelu", {"a"}, {"b"});
    onnx::AttributeProto* reference = leaky->mutable_node(0)->add_attribute();
    reference->set_name("alpha");
    reference->set_ref_attr_name("slope");
    reference->set_type(onnx::AttributeProto::FLOAT);
    if (given) {
      onnx::AttributeProto* slope = proto.mutable_graph()->mutable_node(0)->add_attribute();
      slope->set_name("slope");
      slope->set_type(onnx::AttributeProto::FLOAT);
      slope->set_f(0.25f);
    }
    ASSERT_OK_AND_ASSIGN(const Model model, Read(proto));
    ASSERT_THAT(Types(model.graph), ElementsAre("LeakyRelu"));
    EXPECT_EQ(model.graph.nodes[0].Float("alpha", -1), given ? 0.25f : -1.0f);
  }
}

TEST(FunctionsTest, BodiesInsideFunctionsReadTheCallersTensorsAndHideNone) {
  // The body's own tensor is called "x" like the caller's, which the function's "a" stands for.
  onnx::ModelProto proto = Calling("Choose");
  onnx::FunctionProto* choose = AddFunction(proto, "Choose", {"a"}, {"b"});
  AddFunctionNode(choose, "IsPositive", {"a"}, {"c"});
  AddFunctionNode(choose, "If", {"c"}, {"b"});
  for (const char* branch : {"then_branch", "else_branch"}) {
    onnx::AttributeProto* attribute = choose->mutable_node(1)->add_attribute();
    attribute->set_name(branch);
    attribute->set_type(onnx::AttributeProto::GRAPH);
    AddNode(attribute->mutable_g(), "Abs", {"a"}, {"x"});
    AddNode(attribute->mutable_g(), "Add", {"x", "a"}, {"r"});
    attribute->mutable_g()->add_output()->set_name("r");
  }
  ASSERT_OK_AND_ASSIGN(const Model model, Read(proto));
  const auto& body = *std::get<std::shared_ptr<const Graph>>(model.graph.nodes[1].attributes.at("then_branch"));
  EXPECT_THAT(body.nodes[0].inputs, ElementsAre("x"));
  EXPECT_NE(body.nodes[0].outputs[0], "x");
  EXPECT_THAT(body.nodes[1].inputs, ElementsAre(body.nodes[0].outputs[0], "x"));
}

TEST(FunctionsTest, AnInputHandedStraightThroughIsCopied) {
  onnx::ModelProto proto = Calling("Pass");
  AddFunction(proto, "Pass", {"a"}, {"a"});
  ASSERT_OK_AND_ASSIGN(const Model model, Read(proto));
  ASSERT_THAT(Types(model.graph), ElementsAre("Identity"));
  EXPECT_THAT(model.graph.nodes[0].inputs, ElementsAre("x"));
  EXPECT_THAT(model.graph.nodes[0].outputs, ElementsAre("y"));
}

TEST(FunctionsTest, AFunctionSeesNothingOfTheCallersButItsInputs) {
  onnx::ModelProto proto = Calling("Peek");
  AddFunctionNode(AddFunction(proto, "Peek", {"a"}, {"b"}), "Abs", {"x"}, {"b"});
  EXPECT_THAT(Read(proto), HasReason("BAD_GRAPH"));
}

TEST(FunctionsTest, RecursionIsRefused) {
  onnx::ModelProto proto = Calling("Even");
  AddFunctionNode(AddFunction(proto, "Even", {"a"}, {"b"}), "Odd", {"a"}, {"b"}, "local");
  AddFunctionNode(AddFunction(proto, "Odd", {"a"}, {"b"}), "Even", {"a"}, {"b"}, "local");
  EXPECT_THAT(Read(proto), AllOf(HasReason("BAD_GRAPH"), NamesField("model.functions[Even]")));
}

// `levels` functions, each of which calls the one below `calls` times.
onnx::ModelProto Nest(int levels, int calls) {
  onnx::ModelProto proto = Calling(absl::StrCat("f", levels));
  for (int level = 1; level <= levels; ++level) {
    onnx::FunctionProto* function = AddFunction(proto, absl::StrCat("f", level), {"t0"}, {absl::StrCat("t", calls)});
    for (int call = 0; call < calls; ++call) {
      AddFunctionNode(function, level == 1 ? "Abs" : absl::StrCat("f", level - 1), {absl::StrCat("t", call)},
                      {absl::StrCat("t", call + 1)}, level == 1 ? "" : "local");
    }
  }
  return proto;
}

TEST(FunctionsTest, NestedCallsMultiply) {
  ASSERT_OK_AND_ASSIGN(const Model model, Read(Nest(3, 4)));
  EXPECT_EQ(model.graph.nodes.size(), 64u);
  std::set<std::string> made;
  for (const Node& node : model.graph.nodes) made.insert(node.outputs[0]);
  EXPECT_EQ(made.size(), 64u);
}

TEST(FunctionsTest, ExponentialGrowthIsRefusedBeforeItHappens) {
  EXPECT_THAT(Read(Nest(40, 10)),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasReason("MODEL_TOO_LARGE")));
}

TEST(FunctionsTest, NestingIsBounded) {
  EXPECT_OK(Read(Nest(64, 1)));
  EXPECT_THAT(Read(Nest(65, 1)), HasReason("BAD_GRAPH"));
  EXPECT_THAT(Read(Nest(5000, 1)), HasReason("BAD_GRAPH"));
}

TEST(FunctionsTest, ACallWithMoreThanTheFunctionTakesIsRefused) {
  onnx::ModelProto proto = Calling("One");
  AddFunctionNode(AddFunction(proto, "One", {"a"}, {"b"}), "Abs", {"a"}, {"b"});
  proto.mutable_graph()->mutable_node(0)->add_input("x");
  EXPECT_THAT(Read(proto), HasReason("BAD_GRAPH"));
}

TEST(FunctionsTest, AFunctionOfAnotherVersionOfTheOperatorsIsRefused) {
  onnx::ModelProto proto = Calling("Old");
  onnx::FunctionProto* old = AddFunction(proto, "Old", {"a"}, {"b"});
  AddFunctionNode(old, "Abs", {"a"}, {"b"});
  old->add_opset_import()->set_version(11);
  EXPECT_THAT(Read(proto), AllOf(HasReason("UNSUPPORTED_MODEL"), NamesField("model.functions[Old]")));
}

}  // namespace
}  // namespace quantd
