// A product by a constant matrix and what follows it:
//
//   y = activation(x W + bias) + residual
//
// from MatMul or Gemm, an Add of one value a column, an activation, and an Add of any tensor.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "worker/graph/optimize/passes.h"
#include "worker/graph/optimize/rewriter.h"

namespace quantd::optimize {
namespace {

struct Match {
  std::vector<const Node*> nodes;
  const Node* root = nullptr;
  std::string bias;
  std::string activation;
  std::string residual;
  int64_t columns = 0;
};

bool IsMatrix(const Tensor* tensor) {
  return tensor != nullptr && tensor->dtype() == DataType::kFloat && tensor->rank() == 2 && tensor->size() > 0;
}

// One value for each of `columns` columns.
bool IsRow(const Rewriter& rewriter, const std::string& name, int64_t columns) {
  const Tensor* const constant = rewriter.Constant(name);
  return constant != nullptr && constant->dtype() == DataType::kFloat && constant->shape() == Shape{columns};
}

bool MatchProduct(const Rewriter& rewriter, const Node& node, Match& match) {
  if (node.inputs.size() < 2) return false;
  const Tensor* const weights = rewriter.Constant(node.inputs[1]);
  if (!IsMatrix(weights) || rewriter.Constant(node.inputs[0]) != nullptr) return false;
  match.nodes = {&node};
  match.root = &node;
  if (node.Is("MatMul")) {
    match.columns = weights->dim(1);
    return true;
  }
  if (!node.Is("Gemm") || node.Int("transA", 0) != 0 || node.Float("alpha", 1) != 1) return false;
  match.columns = weights->dim(node.Int("transB", 0) != 0 ? 0 : 1);
  if (node.inputs.size() < 3 || node.inputs[2].empty()) return true;
  match.bias = node.inputs[2];
  return node.Float("beta", 1) == 1 && IsRow(rewriter, match.bias, match.columns);
}

// The name of the activation that a node computes, or empty.
std::string ActivationOf(const Node& node) {
  if (node.domain == kFusedDomain && node.op_type == "Activation") return node.String("function", "");
  if (node.Is("Relu")) return "relu";
  if (node.Is("Tanh")) return "tanh";
  if (node.Is("Sigmoid")) return "sigmoid";
  if (node.Is("HardSwish")) return "hard_swish";
  if (node.Is("Gelu")) return node.String("approximate", "none") == "tanh" ? "gelu_tanh" : "gelu_erf";
  return "";
}

// The other operand of an Add that is the only reader of the match's result.
const Node* FollowingAdd(const Rewriter& rewriter, const Match& match, std::string* other) {
  const std::string& y = match.root->outputs[0];
  const Node* const add = rewriter.OnlyReader(y);
  if (add == nullptr || !add->Is("Add") || add->inputs.size() != 2) return nullptr;
  *other = add->inputs[add->inputs[0] == y ? 1 : 0];
  return *other == y ? nullptr : add;
}

void Extend(Match& match, const Node* node) {
  match.nodes.push_back(node);
  match.root = node;
}

void MatchEpilogue(const Rewriter& rewriter, Match& match) {
  std::string other;
  const Node* add = FollowingAdd(rewriter, match, &other);
  if (add != nullptr && match.bias.empty() && IsRow(rewriter, other, match.columns)) {
    Extend(match, add);
    match.bias = other;
  }
  const Node* const next = rewriter.OnlyReader(match.root->outputs[0]);
  if (next != nullptr && !ActivationOf(*next).empty()) {
    match.activation = ActivationOf(*next);
    Extend(match, next);
  }
  add = FollowingAdd(rewriter, match, &other);
  if (add != nullptr && rewriter.Constant(other) == nullptr) {
    match.residual = other;
    Extend(match, add);
  }
}

}  // namespace

bool FuseMatMul(Graph& graph, const PassContext& context) {
  Rewriter rewriter(graph, context);
  // From the end: of two products that one Add joins, the later one takes it, since the other is there by then.
  for (auto it = graph.nodes.rbegin(); it != graph.nodes.rend(); ++it) {
    Match match;
    if (!(it->Is("MatMul") || it->Is("Gemm")) || !MatchProduct(rewriter, *it, match)) continue;
    MatchEpilogue(rewriter, match);
    Node fused{.name = it->name, .op_type = "FusedMatMul", .domain = kFusedDomain,
               .inputs = {it->inputs[0], it->inputs[1], match.bias, match.residual}, .outputs = match.root->outputs};
    fused.attributes["transB"] = it->Is("Gemm") ? it->Int("transB", 0) : int64_t{0};
    if (!match.activation.empty()) fused.attributes["activation"] = match.activation;
    rewriter.Replace(match.nodes, match.root, std::move(fused));
  }
  return rewriter.Apply();
}

}  // namespace quantd::optimize
