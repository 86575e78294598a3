#include "worker/graph/rewrites/raise_to_21.h"

#include "tests/support/status_matchers.h"
#include "tests/worker/graph/rewrites/nodes.h"

namespace quantd {
namespace {

using namespace ::quantd::testing;  // NOLINT: matchers and builders.
using ::testing::ElementsAre;

using IntList = std::vector<int64_t>;

absl::StatusOr<Model> Raised(int64_t opset, Node node) {
  Model model{.graph = GraphOf({std::move(node)}), .opset_imports = {{"", opset}}, .ir_version = 8};
  const absl::Status status = RaiseTo21(model);
  if (!status.ok()) return status;
  return model;
}

TEST(RaiseTo21, SetsVersionAndIrAndLeavesMostOperatorsAlone) {
  ASSERT_OK_AND_ASSIGN(const Model model, Raised(17, Op("Softmax", {"x"}, {"y"}, {{"axis", int64_t{1}}})));
  EXPECT_EQ(model.opset(), 21);
  EXPECT_EQ(model.ir_version, 10);
  EXPECT_EQ(model.graph.nodes[0].Int("axis", 0), 1);
  ASSERT_OK_AND_ASSIGN(const Model newer, Raised(22, Op("GroupNormalization", {"x"}, {"y"})));
  EXPECT_EQ(newer.opset(), 22);
  EXPECT_EQ(newer.ir_version, 8);
}

TEST(RaiseTo21, AxesOfReductionsBecomeAnInput) {
  for (const char* type : {"ReduceMean", "ReduceMax", "ReduceL2", "ReduceSumSquare"}) {
    ASSERT_OK_AND_ASSIGN(const Model model, Raised(13, Op(type, {"x"}, {"y"}, {{"axes", IntList{-1}}, {"keepdims", int64_t{0}}})));
    const Node& node = model.graph.nodes[0];
    EXPECT_FALSE(node.Has("axes"));
    EXPECT_EQ(node.Int("keepdims", 1), 0);
    ASSERT_EQ(node.inputs.size(), 2u) << type;
    EXPECT_THAT(Ints(model.graph, node.inputs[1]), ElementsAre(-1));
    // No axes: all of them, then as now.
    ASSERT_OK_AND_ASSIGN(const Model all, Raised(13, Op(type, {"x"}, {"y"})));
    EXPECT_THAT(all.graph.nodes[0].inputs, ElementsAre("x"));
  }
  // From version 18 on they are an input already.
  ASSERT_OK_AND_ASSIGN(const Model model, Raised(18, Op("ReduceMean", {"x", "axes"}, {"y"})));
  EXPECT_THAT(model.graph.nodes[0].inputs, ElementsAre("x", "axes"));
}

TEST(RaiseTo21, AnEvenSplitSaysIntoHowMany) {
  ASSERT_OK_AND_ASSIGN(const Model even, Raised(13, Op("Split", {"x"}, {"y", "b", "c"})));
  EXPECT_EQ(even.graph.nodes[0].Int("num_outputs", 0), 3);
  ASSERT_OK_AND_ASSIGN(const Model given, Raised(13, Op("Split", {"x", "sizes"}, {"y", "b"})));
  EXPECT_FALSE(given.graph.nodes[0].Has("num_outputs"));
}

TEST(RaiseTo21, DefaultsThatChangedAreWrittenOut) {
  ASSERT_OK_AND_ASSIGN(const Model align, Raised(13, Op("RoiAlign", {"x", "r", "i"}, {"y"})));
  EXPECT_EQ(align.graph.nodes[0].String("coordinate_transformation_mode", ""), "output_half_pixel");
  ASSERT_OK_AND_ASSIGN(const Model sample, Raised(16, Op("GridSample", {"x", "g"}, {"y"}, {{"mode", std::string("bicubic")}})));
  EXPECT_EQ(sample.graph.nodes[0].String("mode", ""), "cubic");
  ASSERT_OK_AND_ASSIGN(const Model bilinear, Raised(16, Op("GridSample", {"x", "g"}, {"y"})));
  EXPECT_EQ(bilinear.graph.nodes[0].String("mode", ""), "linear");
}

TEST(RaiseTo21, BodiesAreRaisedWithNamesThatNobodyHas) {
  auto body = std::make_shared<Graph>(GraphOf({Op("ReduceMean", {"outer"}, {"y"}, {{"axes", IntList{1}}})}));
  body->inputs.clear();
  Model model{.graph = GraphOf({Op("Relu", {"x"}, {"y_axes"}),
                                Op("If", {"y_axes"}, {"z"}, {{"then_branch", std::shared_ptr<const Graph>(body)}})}),
              .opset_imports = {{"", 13}}};
  ASSERT_OK(RaiseTo21(model));
  const auto& raised = *std::get<std::shared_ptr<const Graph>>(model.graph.nodes[1].attributes.at("then_branch"));
  EXPECT_THAT(raised.nodes[0].inputs, ElementsAre("outer", "y_axes_1"));
  EXPECT_EQ(raised.initializers.count("y_axes_1"), 1u);
  EXPECT_TRUE(body->nodes[0].Has("axes"));  // The body that others may share is not touched.
}

TEST(RaiseTo21, WhatHasNoEquivalentIsNamedAndTheModelStays) {
  for (Node node : {Op("GroupNormalization", {"x", "s", "b"}, {"y"}), Op("DFT", {"x"}, {"y"}),
                    Op("BatchNormalization", {"x", "s", "b", "m", "v"}, {"y", "mean"})}) {
    Model model{.graph = GraphOf({Op("ReduceMean", {"x"}, {"a"}, {{"axes", IntList{1}}}), node}),
                .opset_imports = {{"", 13}}};
    EXPECT_THAT(RaiseTo21(model), HasReason("UNSUPPORTED_OPSET")) << node.op_type;
    EXPECT_EQ(model.opset(), 13);
    EXPECT_TRUE(model.graph.nodes[0].Has("axes"));
  }
}

}  // namespace
}  // namespace quantd
