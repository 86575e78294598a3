// Scaled dot-product attention (Vaswani et al., arXiv:1706.03762, section 3.2) with several heads:
//
//   scores = q k^T * scale + mask    context = softmax(scores) v    result = Transpose(context, [0, 2, 1, 3])
//
// where q, v are [B, S, H, D] transposed to [B, H, S, D] and k^T is [B, H, D, S]. The fused operator takes the tensors
// with their heads still side by side, so none of the transposes is left:
//
//   quantd.Attention(q, k, v, mask) -> [B, S, H, D]
//     scale                    float
//     q_part, k_part, v_part   -1 when the input is [B, S, H, D]; else the input is [B, S, P, H, D], one product for
//                              queries, keys and values, and this is the index along P
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "worker/graph/optimize/passes.h"
#include "worker/graph/optimize/rewriter.h"

namespace quantd::optimize {
namespace {

using Axes = std::vector<int64_t>;

// A tensor as a factor times a transposed view of another one.
struct View {
  std::string source;
  Axes permutation = {0, 1, 2, 3};  // Axis i of the view is this axis of [B, S, H, D].
  int64_t part = -1;
  double scale = 1;
};

// first, then second: axis i of the result is axis first[second[i]] of the source.
Axes Compose(const Axes& first, const Axes& second) {
  Axes result;
  for (const int64_t axis : second) result.push_back(first[static_cast<size_t>(axis)]);
  return result;
}

bool IsPermutation(const Axes& axes, size_t rank) {
  Axes sorted = axes;
  std::sort(sorted.begin(), sorted.end());
  if (sorted.size() != rank) return false;
  for (size_t i = 0; i < rank; ++i) {
    if (sorted[i] != static_cast<int64_t>(i)) return false;
  }
  return true;
}

// The tensor that a Mul or Div scales, and by what.
std::optional<std::pair<std::string, double>> Scaled(const Rewriter& rewriter, const Node& node) {
  if (node.inputs.size() != 2) return std::nullopt;
  // The tensor has rank 4 here, so a scalar of up to four axes changes no shape.
  if (const auto factor = rewriter.Scalar(node.inputs[1], 4); factor.has_value() && *factor != 0) {
    if (node.Is("Mul")) return std::make_pair(node.inputs[0], *factor);
    if (node.Is("Div")) return std::make_pair(node.inputs[0], 1 / *factor);
  }
  if (const auto factor = rewriter.Scalar(node.inputs[0], 4); factor.has_value() && node.Is("Mul")) {
    return std::make_pair(node.inputs[1], *factor);
  }
  return std::nullopt;
}

// Slice `index` of axis 0 that `node` cuts out as output or tensor `name` and squeezes; the whole tensor in `whole`.
std::optional<int64_t> PartOf(const Rewriter& rewriter, const Node& node, std::string* whole) {
  if (node.Is("Gather") && node.Int("axis", 0) == 0 && node.inputs.size() == 2) {
    const Tensor* const index = rewriter.Constant(node.inputs[1]);
    const auto values = rewriter.Integers(node.inputs[1]);
    if (index == nullptr || index->rank() != 0 || !values.has_value()) return std::nullopt;
    *whole = node.inputs[0];
    return (*values)[0];
  }
  if (!node.Is("Squeeze")) return std::nullopt;
  std::optional<Axes> axes = node.Ints("axes");
  if (node.inputs.size() > 1 && !node.inputs[1].empty()) axes = rewriter.Integers(node.inputs[1]);
  if (axes != Axes{0}) return std::nullopt;
  const Node* const split = rewriter.Producer(node.inputs[0], "Split");
  // Squeeze takes parts of extent 1 only, so output i is slice i.
  if (split == nullptr || split->Int("axis", 0) != 0) return std::nullopt;
  const std::vector<std::string>& parts = split->outputs;
  *whole = split->inputs[0];
  return std::find(parts.begin(), parts.end(), node.inputs[0]) - parts.begin();
}

// A slice of the transposed product of queries, keys and values: [B, S, P, H, D] -> [P, ...four axes].
bool MatchPart(const Rewriter& rewriter, const Node& node, View& view) {
  std::string whole;
  const std::optional<int64_t> part = PartOf(rewriter, node, &whole);
  if (!part.has_value() || *part < 0) return false;
  const Node* const transpose = rewriter.Producer(whole, "Transpose");
  if (transpose == nullptr) return false;
  const Axes axes = transpose->Ints("perm");
  if (!IsPermutation(axes, 5) || axes[0] != 2) return false;
  Axes rest;
  for (size_t i = 1; i < 5; ++i) rest.push_back(axes[i] > 2 ? axes[i] - 1 : axes[i]);
  view.permutation = Compose(rest, view.permutation);
  view.part = *part;
  view.source = transpose->inputs[0];
  return true;
}

// Follows scalings and transposes upwards. False unless at least one transpose was met, whose permutation says that the
// tensor has four axes.
bool Resolve(const Rewriter& rewriter, const std::string& tensor, View& view) {
  bool known_rank = false;
  view.source = tensor;
  while (true) {
    const Node* const node = rewriter.Producer(view.source);
    if (node == nullptr) return known_rank;
    if (const auto scaled = Scaled(rewriter, *node); scaled.has_value()) {
      view.scale *= scaled->second;
      view.source = scaled->first;
    } else if (node->Is("Transpose")) {
      const Axes axes = node->Ints("perm");
      if (!IsPermutation(axes, 4)) return known_rank;
      view.permutation = Compose(axes, view.permutation);
      view.source = node->inputs[0];
      known_rank = true;
    } else {
      return MatchPart(rewriter, *node, view) || known_rank;
    }
  }
}

struct Match {
  std::vector<const Node*> nodes;
  View q, k, v;
  std::string mask;
};

// Down from the softmax's input to q k^T.
bool MatchScores(const Rewriter& rewriter, const std::string& scores, Match& match) {
  const Node* node = rewriter.Producer(scores);
  double scale = 1;
  if (node != nullptr && node->Is("Add") && node->inputs.size() == 2) {
    match.nodes.push_back(node);
    // The side that leads to a product are the scores.
    for (size_t side = 0; side < 2; ++side) {
      const Node* below = rewriter.Producer(node->inputs[side]);
      const auto scaled = below == nullptr ? std::nullopt : Scaled(rewriter, *below);
      if (below != nullptr && (below->Is("MatMul") ||
                               (scaled.has_value() && rewriter.Producer(scaled->first, "MatMul") != nullptr))) {
        match.mask = node->inputs[1 - side];
        node = below;
        break;
      }
    }
    if (match.mask.empty()) return false;
  }
  if (node == nullptr) return false;
  if (const auto scaled = Scaled(rewriter, *node); scaled.has_value()) {
    match.nodes.push_back(node);
    scale = scaled->second;
    node = rewriter.Producer(scaled->first);
  }
  if (node == nullptr || !node->Is("MatMul") || node->inputs.size() != 2) return false;
  match.nodes.push_back(node);
  if (!Resolve(rewriter, node->inputs[0], match.q) || !Resolve(rewriter, node->inputs[1], match.k)) return false;
  match.q.scale *= scale * match.k.scale;
  return match.q.permutation == Axes{0, 2, 1, 3} && match.k.permutation == Axes{0, 2, 3, 1};
}

void Fuse(Rewriter& rewriter, const Node& out) {
  if (out.Ints("perm") != Axes{0, 2, 1, 3}) return;
  const Node* const context = rewriter.Producer(out.inputs[0], "MatMul");
  if (context == nullptr || context->inputs.size() != 2) return;
  const Node* const softmax = rewriter.Producer(context->inputs[0], "Softmax");
  if (softmax == nullptr) return;
  // Until opset 12 the default is another axis, but the last one of four means the same.
  const int64_t axis = softmax->Int("axis", rewriter.opset() < 13 ? 1 : -1);
  if (axis != -1 && axis != 3) return;
  Match match;
  match.nodes = {&out, context, softmax};
  if (!MatchScores(rewriter, softmax->inputs[0], match)) return;
  if (!Resolve(rewriter, context->inputs[1], match.v) || match.v.permutation != Axes{0, 2, 1, 3}) return;
  if (match.v.scale != 1) return;
  Node fused{.name = out.name, .op_type = "Attention", .domain = kFusedDomain,
             .inputs = {match.q.source, match.k.source, match.v.source, match.mask}, .outputs = out.outputs};
  fused.attributes["scale"] = static_cast<float>(match.q.scale);
  fused.attributes["q_part"] = match.q.part;
  fused.attributes["k_part"] = match.k.part;
  fused.attributes["v_part"] = match.v.part;
  rewriter.Replace(match.nodes, &out, std::move(fused));
}

}  // namespace

bool FuseAttention(Graph& graph, const PassContext& context) {
  Rewriter rewriter(graph, context);
  for (const Node& node : graph.nodes) {
    if (node.Is("Transpose")) Fuse(rewriter, node);
  }
  return rewriter.Apply();
}

}  // namespace quantd::optimize
