// Layer normalization (Ba et al., arXiv:1607.06450) over the last axis, as exporters below opset 17 write it:
//
//   mean = ReduceMean(x)    d = Sub(x, mean)    square = Pow(d, 2) or Mul(d, d)    variance = ReduceMean(square)
//   s = Sqrt(Add(variance, epsilon)) or Pow(.., 0.5)
//   normal = Div(d, s) or Mul(d, Reciprocal(s)) or Mul(d, Div(1, s)) or Mul(d, Pow(.., -0.5))
//   y = Add(Mul(normal, gamma), beta), both optional
//
// or as the operator itself.
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
  std::string x;
  std::string gamma;  // Empty for none.
  std::string beta;
  double epsilon = 0;
};

// ReduceMean over the last axis that keeps it. The axes are an attribute until opset 17 and an input since.
bool IsMeanOfLastAxis(const Rewriter& rewriter, const Node* node) {
  if (node == nullptr || !node->Is("ReduceMean") || node->Int("keepdims", 1) != 1) return false;
  std::optional<std::vector<int64_t>> axes = node->Ints("axes");
  if (node->inputs.size() > 1 && !node->inputs[1].empty()) axes = rewriter.Integers(node->inputs[1]);
  return axes.has_value() && *axes == std::vector<int64_t>{-1};
}

// The input of a binary node that is not `tensor`; empty when `tensor` is none of its inputs.
std::string Other(const Node& node, const std::string& tensor) {
  if (node.inputs.size() != 2) return "";
  if (node.inputs[0] == tensor) return node.inputs[1];
  return node.inputs[1] == tensor ? node.inputs[0] : "";
}

// From s = sqrt(variance + epsilon), or its inverse when `inverse`, back to the variance. Appends the nodes.
std::optional<std::string> VarianceBelow(const Rewriter& rewriter, const std::string& tensor, bool inverse, Match& match) {
  const Node* node = rewriter.Producer(tensor);
  if (node == nullptr) return std::nullopt;
  std::string s = tensor;
  if (inverse && node->Is("Reciprocal")) {
    match.nodes.push_back(node);
    s = node->inputs[0];
    inverse = false;
  } else if (inverse && node->Is("Div") && rewriter.Scalar(node->inputs[0], 1) == 1.0) {
    match.nodes.push_back(node);
    s = node->inputs[1];
    inverse = false;
  }
  node = rewriter.Producer(s);
  if (node == nullptr) return std::nullopt;
  const bool is_root = (node->Is("Sqrt") && !inverse) ||
                       (node->Is("Pow") && rewriter.Scalar(node->inputs[1], 1) == (inverse ? -0.5 : 0.5));
  if (!is_root) return std::nullopt;
  match.nodes.push_back(node);
  const Node* const add = rewriter.Producer(node->inputs[0], "Add");
  if (add == nullptr || add->inputs.size() != 2) return std::nullopt;
  for (size_t i = 0; i < 2; ++i) {
    const std::optional<double> epsilon = rewriter.Scalar(add->inputs[i], 1);
    if (!epsilon.has_value() || *epsilon < 0) continue;
    match.epsilon = *epsilon;
    match.nodes.push_back(add);
    return add->inputs[1 - i];
  }
  return std::nullopt;
}

// Whether `variance` is the mean square of `d`.
bool IsVarianceOf(const Rewriter& rewriter, const std::string& variance, const std::string& d, Match& match) {
  const Node* const mean = rewriter.Producer(variance);
  if (!IsMeanOfLastAxis(rewriter, mean)) return false;
  const Node* const square = rewriter.Producer(mean->inputs[0]);
  if (square == nullptr || square->inputs.size() != 2) return false;
  const bool pow = square->Is("Pow") && square->inputs[0] == d && rewriter.Scalar(square->inputs[1], 1) == 2.0;
  const bool mul = square->Is("Mul") && square->inputs[0] == d && square->inputs[1] == d;
  match.nodes.push_back(mean);
  match.nodes.push_back(square);
  return pow || mul;
}

// Whether normal = d / s with d = x - mean(x), for one choice of which input is d.
bool MatchCore(const Rewriter& rewriter, const Node& normal, const std::string& d, const std::string& divisor,
               Match& match) {
  const Node* const sub = rewriter.Producer(d, "Sub");
  if (sub == nullptr || sub->inputs.size() != 2) return false;
  const Node* const mean = rewriter.Producer(sub->inputs[1]);
  if (!IsMeanOfLastAxis(rewriter, mean) || mean->inputs[0] != sub->inputs[0]) return false;
  match.nodes = {&normal, sub, mean};
  const std::optional<std::string> variance = VarianceBelow(rewriter, divisor, normal.Is("Mul"), match);
  if (!variance.has_value() || !IsVarianceOf(rewriter, *variance, d, match)) return false;
  match.root = &normal;
  match.x = sub->inputs[0];
  return true;
}

// A constant with one value for each column.
bool IsRow(const Rewriter& rewriter, const std::string& name) {
  const Tensor* const constant = rewriter.Constant(name);
  return constant != nullptr && constant->dtype() == DataType::kFloat && constant->rank() == 1 && constant->size() > 1;
}

// Mul by gamma, Add of beta.
void MatchAffine(const Rewriter& rewriter, Match& match) {
  const Node* const mul = rewriter.OnlyReader(match.root->outputs[0]);
  if (mul == nullptr || !mul->Is("Mul")) return;
  const std::string gamma = Other(*mul, match.root->outputs[0]);
  if (!IsRow(rewriter, gamma)) return;
  match.nodes.push_back(mul);
  match.root = mul;
  match.gamma = gamma;
  const Node* const add = rewriter.OnlyReader(mul->outputs[0]);
  if (add == nullptr || !add->Is("Add")) return;
  const std::string beta = Other(*add, mul->outputs[0]);
  if (!IsRow(rewriter, beta)) return;
  match.nodes.push_back(add);
  match.root = add;
  match.beta = beta;
}

void FusePieces(Rewriter& rewriter, const Node& normal) {
  if (normal.inputs.size() != 2) return;
  Match match;
  bool found = MatchCore(rewriter, normal, normal.inputs[0], normal.inputs[1], match);
  if (!found && normal.Is("Mul")) {
    match = {};
    found = MatchCore(rewriter, normal, normal.inputs[1], normal.inputs[0], match);
  }
  if (!found) return;
  MatchAffine(rewriter, match);
  Node fused{.name = normal.name, .op_type = "LayerNormalization", .domain = kFusedDomain,
             .inputs = {match.x, match.gamma, match.beta}, .outputs = match.root->outputs};
  fused.attributes["epsilon"] = static_cast<float>(match.epsilon);
  rewriter.Replace(match.nodes, match.root, std::move(fused));
}

// The operator, with nothing but its first output read.
void FuseOperator(Rewriter& rewriter, const Node& node) {
  if (node.Int("axis", -1) != -1 || node.inputs.size() < 2 || !IsRow(rewriter, node.inputs[1])) return;
  const bool has_beta = node.inputs.size() > 2 && !node.inputs[2].empty();
  if (has_beta && !IsRow(rewriter, node.inputs[2])) return;
  Node fused{.name = node.name, .op_type = "LayerNormalization", .domain = kFusedDomain,
             .inputs = {node.inputs[0], node.inputs[1], has_beta ? node.inputs[2] : ""}, .outputs = {node.outputs[0]}};
  fused.attributes["epsilon"] = node.Float("epsilon", 1e-5f);
  rewriter.Replace({&node}, &node, std::move(fused));
}

}  // namespace

bool FuseLayerNorm(Graph& graph, const PassContext& context) {
  Rewriter rewriter(graph, context);
  for (const Node& node : graph.nodes) {
    if (node.Is("Div") || node.Is("Mul")) FusePieces(rewriter, node);
    if (node.Is("LayerNormalization")) FuseOperator(rewriter, node);
  }
  return rewriter.Apply();
}

}  // namespace quantd::optimize
