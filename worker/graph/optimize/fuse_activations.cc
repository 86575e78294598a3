// Activations are recognized by what they compute, not by how an exporter writes them: an expression of Add, Mul, Erf,
// Tanh and the like over one tensor and scalars is evaluated at a few points and compared with the known functions.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "worker/graph/optimize/passes.h"
#include "worker/graph/optimize/rewriter.h"

namespace quantd::optimize {
namespace {

// Irregular points on both sides of every kink of the functions below.
constexpr std::array<double, 14> kProbes = {0.37,  -0.81, 1.93,  -2.57, 3.41,  -4.13, 0.04,
                                            -0.06, 6.27,  -7.9,  2.76,  -3.02, 1.11,  -1.37};
// Exporters round constants to float; a constant that differs in its fifth digit is off by more than this.
constexpr double kTolerance = 1e-6;
// An expression of more nodes is no activation.
constexpr size_t kNodesMax = 16;

struct Known {
  const char* name;  // Attribute "function" of quantd.Activation.
  double (*function)(double x);
};

double Logistic(double x) { return 1 / (1 + std::exp(-x)); }

constexpr Known kKnown[] = {
    {"gelu_erf", [](double x) { return 0.5 * x * (1 + std::erf(x * M_SQRT1_2)); }},
    {"gelu_tanh", [](double x) { return 0.5 * x * (1 + std::tanh(0.7978845608028654 * (x + 0.044715 * x * x * x))); }},
    {"silu", [](double x) { return x * Logistic(x); }},
    {"hard_swish", [](double x) { return x * std::clamp(x / 6 + 0.5, 0.0, 1.0); }},
};

double Clipped(double x, double lowest, double highest) { return std::min(std::max(x, lowest), highest); }

// The value of one expression whose leaf is `leaf`, at x.
class Expression {
 public:
  Expression(const Rewriter& rewriter, const std::string& leaf) : rewriter_(rewriter), leaf_(leaf) {}

  // NaN where the expression holds something else than scalars and element-wise operators.
  double At(const std::string& tensor, double x) {
    values_.clear();
    return Value(tensor, x);
  }

  // Those met by At().
  const std::set<const Node*>& nodes() const { return nodes_; }

 private:
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

  // Each node is computed once, or squares of squares would take exponential time.
  double Value(const std::string& tensor, double x) {
    if (tensor == leaf_) return x;
    if (const std::optional<double> scalar = rewriter_.Scalar(tensor)) return *scalar;
    const Node* const node = rewriter_.Producer(tensor);
    if (node == nullptr || !node->domain.empty() || node->outputs.size() != 1) return kNone;
    if (nodes_.insert(node).second && nodes_.size() > kNodesMax) return kNone;
    const auto known = values_.find(node);
    if (known != values_.end()) return known->second;
    return values_[node] = Apply(*node, x);
  }

  double Input(const Node& node, size_t i, double x) {
    return i < node.inputs.size() && !node.inputs[i].empty() ? Value(node.inputs[i], x) : kNone;
  }

  double Apply(const Node& node, double x) {
    const double a = Input(node, 0, x);
    if (std::isnan(a)) return kNone;
    const std::string& type = node.op_type;
    if (type == "Erf") return std::erf(a);
    if (type == "Tanh") return std::tanh(a);
    if (type == "Sigmoid") return Logistic(a);
    if (type == "Exp") return std::exp(a);
    if (type == "Neg") return -a;
    if (type == "Reciprocal") return 1 / a;
    if (type == "Relu") return std::max(a, 0.0);
    if (type == "HardSigmoid") {
      return Clipped(double{node.Float("alpha", 0.2f)} * a + double{node.Float("beta", 0.5f)}, 0, 1);
    }
    if (type == "Clip") return ApplyClip(node, a);
    if (node.inputs.size() != 2) return kNone;
    const double b = Input(node, 1, x);
    if (type == "Add") return a + b;
    if (type == "Sub") return a - b;
    if (type == "Mul") return a * b;
    if (type == "Div") return a / b;
    if (type == "Pow") return std::pow(a, b);
    if (type == "Min") return std::min(a, b);
    if (type == "Max") return std::max(a, b);
    return kNone;
  }

  // The bounds are attributes until opset 10.
  double ApplyClip(const Node& node, double a) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    double bounds[2] = {-kInfinity, kInfinity};
    if (rewriter_.opset() < 11) {
      bounds[0] = double{node.Float("min", std::numeric_limits<float>::lowest())};
      bounds[1] = double{node.Float("max", std::numeric_limits<float>::max())};
    }
    for (size_t i = 1; rewriter_.opset() >= 11 && i < node.inputs.size() && i < 3; ++i) {
      if (node.inputs[i].empty()) continue;
      const std::optional<double> bound = rewriter_.Scalar(node.inputs[i]);
      if (!bound.has_value()) return kNone;
      bounds[i - 1] = *bound;
    }
    return Clipped(a, bounds[0], bounds[1]);
  }

  const Rewriter& rewriter_;
  const std::string& leaf_;
  std::set<const Node*> nodes_;
  std::map<const Node*, double> values_;
};

// Tensors at which an expression below `root` may end: what its nodes read, nearest first.
std::vector<std::string> Leaves(const Rewriter& rewriter, const Node& root) {
  std::vector<std::string> leaves;
  std::vector<const Node*> frontier = {&root};
  std::set<const Node*> seen = {&root};
  for (size_t i = 0; i < frontier.size() && frontier.size() <= kNodesMax; ++i) {
    for (const std::string& input : frontier[i]->inputs) {
      if (input.empty() || rewriter.Constant(input) != nullptr) continue;
      if (std::find(leaves.begin(), leaves.end(), input) == leaves.end()) leaves.push_back(input);
      const Node* const producer = rewriter.Producer(input);
      if (producer != nullptr && producer->domain.empty() && seen.insert(producer).second) {
        frontier.push_back(producer);
      }
    }
  }
  return leaves;
}

const Known* Recognize(Expression& expression, const std::string& tensor) {
  for (const Known& known : kKnown) {
    bool equal = true;
    for (const double x : kProbes) {
      const double expected = known.function(x);
      // A NaN makes the comparison false.
      equal = equal && std::fabs(expression.At(tensor, x) - expected) <= kTolerance * std::max(1.0, std::fabs(x));
      if (!equal) break;
    }
    if (equal) return &known;
  }
  return nullptr;
}

bool Fuse(Rewriter& rewriter, const Node& root) {
  for (const std::string& leaf : Leaves(rewriter, root)) {
    Expression expression(rewriter, leaf);
    const Known* const known = Recognize(expression, root.outputs[0]);
    if (known == nullptr) continue;
    Node fused{.name = root.name, .op_type = "Activation", .domain = kFusedDomain, .inputs = {leaf}, .outputs = root.outputs};
    fused.attributes["function"] = std::string(known->name);
    return rewriter.Replace({expression.nodes().begin(), expression.nodes().end()}, &root, std::move(fused));
  }
  return false;
}

}  // namespace

bool FuseActivations(Graph& graph, const PassContext& context) {
  Rewriter rewriter(graph, context);
  for (const Node& node : graph.nodes) {
    // All of them end in one of these two.
    if ((node.Is("Mul") || node.Is("Div")) && node.outputs.size() == 1) Fuse(rewriter, node);
  }
  return rewriter.Apply();
}

}  // namespace quantd::optimize
