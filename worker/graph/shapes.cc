#include "worker/graph/shapes.h"

#include <utility>

#include "worker/graph/shape_rules.h"

namespace quantd {
namespace {

using shape_rules::Context;
using shape_rules::Rule;

TensorFacts OfConstant(const Tensor& tensor) {
  TensorFacts facts{.dtype = tensor.dtype(), .has_shape = true};
  for (const int64_t extent : tensor.shape()) facts.shape.push_back({.extent = extent});
  if (tensor.rank() > 1 || static_cast<size_t>(tensor.size()) > shape_rules::kValuesMax) return facts;
  std::vector<SymbolicValue> value;
  for (int64_t i = 0; i < tensor.size(); ++i) {
    switch (tensor.dtype()) {
      case DataType::kInt64: value.push_back({.number = tensor.data<int64_t>()[i]}); break;
      case DataType::kInt32: value.push_back({.number = tensor.data<int32_t>()[i]}); break;
      case DataType::kBool: value.push_back({.number = tensor.data<bool>()[i]}); break;
      default: return facts;
    }
  }
  facts.value = std::move(value);
  return facts;
}

const Rule* FindRule(const Node& node) {
  const auto find = [&](const std::map<std::string, Rule>& rules) -> const Rule* {
    const auto it = rules.find(node.op_type);
    return it == rules.end() ? nullptr : &it->second;
  };
  if (node.domain == "quantd") return find(shape_rules::FusedRules());
  if (!node.domain.empty()) return nullptr;
  for (const auto* rules : {&shape_rules::ElementwiseRules(), &shape_rules::ReshapeRules(), &shape_rules::LayoutRules(),
                            &shape_rules::LayerRules()}) {
    if (const Rule* rule = find(*rules)) return rule;
  }
  return nullptr;
}

}  // namespace

bool TensorFacts::IsStatic() const {
  if (!has_shape) return false;
  for (const Dimension& dimension : shape) {
    if (dimension.extent < 0) return false;
  }
  return true;
}

Shape TensorFacts::StaticShape() const {
  Shape extents;
  for (const Dimension& dimension : shape) extents.push_back(dimension.extent);
  return extents;
}

const TensorFacts& FactsOf(const ShapeFacts& facts, const std::string& tensor) {
  static const auto* const kNothing = new TensorFacts();
  const auto it = facts.find(tensor);
  return it == facts.end() ? *kNothing : it->second;
}

bool SameExtent(const Dimension& a, const Dimension& b) {
  if (a.extent >= 0 || b.extent >= 0) return a.extent == b.extent;
  return !a.symbol.empty() && a.symbol == b.symbol;
}

bool SameShape(const TensorFacts& a, const TensorFacts& b) {
  if (!a.has_shape || !b.has_shape || a.shape.size() != b.shape.size()) return false;
  for (size_t i = 0; i < a.shape.size(); ++i) {
    if (!SameExtent(a.shape[i], b.shape[i])) return false;
  }
  return true;
}

ShapeFacts InferShapes(const Graph& graph, int64_t opset) {
  ShapeFacts facts;
  int symbols = 0;
  for (const auto& [name, tensor] : graph.initializers) facts[name] = OfConstant(tensor);
  for (const ValueInfo& input : graph.inputs) {
    TensorFacts known{.dtype = input.dtype, .has_shape = input.has_shape, .shape = input.shape};
    for (Dimension& dimension : known.shape) {
      if (dimension.extent >= 0) {
        dimension.symbol.clear();
      } else if (dimension.symbol.empty()) {
        dimension.symbol = "?" + std::to_string(++symbols);
      } else if (dimension.symbol[0] == '?') {
        dimension.symbol.insert(0, "=");  // No name of a model's looks made up.
      }
    }
    facts[input.name] = std::move(known);
  }
  static const TensorFacts* const kNothing = new TensorFacts();
  for (const Node& node : graph.nodes) {
    std::vector<TensorFacts> outputs(node.outputs.size());
    const Rule* const rule = node.outputs.empty() ? nullptr : FindRule(node);
    if (rule != nullptr) {
      Context context{.node = node, .opset = opset, .outputs = outputs, .symbols = symbols};
      for (const std::string& input : node.inputs) {
        const auto known = facts.find(input);
        context.inputs.push_back(known == facts.end() || input.empty() ? kNothing : &known->second);
        const auto constant = graph.initializers.find(input);
        context.constants.push_back(constant == graph.initializers.end() || input.empty() ? nullptr : &constant->second);
      }
      (*rule)(context);
    }
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (!node.outputs[i].empty()) facts[node.outputs[i]] = std::move(outputs[i]);
    }
  }
  return facts;
}

}  // namespace quantd
