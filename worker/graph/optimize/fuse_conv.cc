// A convolution takes in what follows it: a residual sum, then an activation, in one pass over its result while that is
// still in the cache.
#include <array>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "worker/graph/optimize/passes.h"
#include "worker/graph/optimize/rewriter.h"
#include "worker/graph/shapes.h"

namespace quantd::optimize {
namespace {

struct FusedActivation {
  std::string name;
  float alpha = 0;
  float beta = 0;
};

// Up to opset 10 Clip's bounds are attributes, later inputs; no node has both.
std::optional<FusedActivation> MatchClip(const Rewriter& rewriter, const Node& node) {
  std::array<double, 2> bounds = {node.Float("min", std::numeric_limits<float>::lowest()),
                                  node.Float("max", std::numeric_limits<float>::max())};
  for (size_t i = 0; i < 2; ++i) {
    if (node.inputs.size() <= i + 1 || node.inputs[i + 1].empty()) continue;
    const std::optional<double> bound = rewriter.Scalar(node.inputs[i + 1], 1);
    if (!bound) return std::nullopt;
    bounds[i] = *bound;
  }
  if (!(bounds[0] <= bounds[1])) return std::nullopt;
  return FusedActivation{"clip", static_cast<float>(bounds[0]), static_cast<float>(bounds[1])};
}

std::optional<FusedActivation> MatchActivation(const Rewriter& rewriter, const Node& node) {
  if (node.domain == kFusedDomain && node.op_type == "Activation") {
    return FusedActivation{node.String("function", "")};
  }
  if (node.Is("Relu")) return FusedActivation{"relu"};
  if (node.Is("Sigmoid")) return FusedActivation{"sigmoid"};
  if (node.Is("Tanh")) return FusedActivation{"tanh"};
  if (node.Is("HardSwish")) return FusedActivation{"hard_swish"};
  if (node.Is("LeakyRelu")) return FusedActivation{"leaky_relu", node.Float("alpha", 0.01f)};
  if (node.Is("Elu")) return FusedActivation{"elu", node.Float("alpha", 1)};
  if (node.Is("Clip")) return MatchClip(rewriter, node);
  return std::nullopt;
}

// The other operand of an Add of two tensors that surely have the same shape.
std::optional<std::string> MatchResidual(const Rewriter& rewriter, const ShapeFacts& shapes, const Node& node,
                                         const std::string& output) {
  if (!node.Is("Add") || node.inputs.size() != 2 || node.inputs[0] == node.inputs[1]) return std::nullopt;
  const std::string& other = node.inputs[node.inputs[0] == output ? 1 : 0];
  if (rewriter.Constant(other) != nullptr) return std::nullopt;
  const auto a = shapes.find(output), b = shapes.find(other);
  if (a == shapes.end() || b == shapes.end() || !SameShape(a->second, b->second)) return std::nullopt;
  return other;
}

}  // namespace

bool FuseConv(Graph& graph, const PassContext& context) {
  const ShapeFacts shapes = InferShapes(graph, context.opset);
  Rewriter rewriter(graph, context);
  for (const Node& node : graph.nodes) {
    if (!node.Is("Conv") || node.outputs.size() != 1) continue;
    std::vector<const Node*> matched = {&node};
    Node fused = node;
    fused.domain = kFusedDomain;
    fused.op_type = "FusedConv";
    const Node* next = rewriter.OnlyReader(node.outputs[0]);
    if (next != nullptr) {
      if (const auto residual = MatchResidual(rewriter, shapes, *next, node.outputs[0])) {
        fused.inputs.resize(4);
        fused.inputs[3] = *residual;
        matched.push_back(next);
        next = rewriter.OnlyReader(next->outputs[0]);
      }
    }
    if (next != nullptr && next->inputs[0] == matched.back()->outputs[0]) {
      if (const auto activation = MatchActivation(rewriter, *next)) {
        fused.attributes["activation"] = activation->name;
        fused.attributes["activation_alpha"] = activation->alpha;
        fused.attributes["activation_beta"] = activation->beta;
        matched.push_back(next);
      }
    }
    if (matched.size() == 1) continue;
    fused.outputs = matched.back()->outputs;
    rewriter.Replace(matched, matched.back(), std::move(fused));
  }
  return rewriter.Apply();
}

}  // namespace quantd::optimize
