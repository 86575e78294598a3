// Operators that work on single elements, with NumPy broadcasting where there are several inputs.
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "worker/graph/shape_rules.h"

namespace quantd::shape_rules {
namespace {

// The first input's type and shape.
void SameAsInput(Context& c) {
  c.outputs[0].dtype = c.in(0).dtype;
  c.outputs[0].has_shape = c.in(0).has_shape;
  c.outputs[0].shape = c.in(0).shape;
}

void Identity(Context& c) { c.outputs[0] = c.in(0); }

void Dropout(Context& c) {
  SameAsInput(c);
  if (c.in(0).has_shape) c.Set(1, DataType::kBool, c.in(0).shape);
}

void Cast(Context& c) {
  c.outputs[0] = c.in(0);
  const auto to = static_cast<DataType>(c.node.Int("to", 0));
  c.outputs[0].dtype = to;
  // Extents fit every type that shapes are computed in; numbers may not.
  if (to == DataType::kInt64) return;
  const std::optional<std::vector<SymbolicValue>>& value = c.in(0).value;
  bool fits = to == DataType::kInt32 && value.has_value();
  for (size_t i = 0; fits && i < value->size(); ++i) {
    const SymbolicValue& element = (*value)[i];
    fits = !element.number.has_value() || (*element.number >= INT32_MIN && *element.number <= INT32_MAX);
  }
  if (!fits) c.outputs[0].value.reset();
}

// Broadcasts all inputs from `first` on.
void BroadcastInputs(Context& c, size_t first, DataType dtype) {
  c.SetType(0, dtype);
  std::vector<Dimension> shape;
  for (size_t i = first; i < c.count(); ++i) {
    if (!c.in(i).has_shape) return;
    const std::optional<std::vector<Dimension>> next = Broadcast(c, shape, c.in(i).shape);
    if (!next.has_value()) return;
    shape = *next;
  }
  c.Set(0, dtype, std::move(shape));
}

using Combine = SymbolicValue (*)(const SymbolicValue& a, const SymbolicValue& b);

// The elements of f(a, b) for tensors of rank 0 or 1.
void CombineValues(Context& c, Combine combine) {
  if (c.count() != 2 || !c.in(0).value.has_value() || !c.in(1).value.has_value() || !c.outputs[0].has_shape) return;
  const std::vector<SymbolicValue>& a = *c.in(0).value;
  const std::vector<SymbolicValue>& b = *c.in(1).value;
  const size_t n = a.size() == 1 ? b.size() : a.size();
  if (a.empty() || b.empty() || (b.size() != n && b.size() != 1)) return;
  std::vector<SymbolicValue> value;
  for (size_t i = 0; i < n; ++i) value.push_back(combine(a[a.size() == 1 ? 0 : i], b[b.size() == 1 ? 0 : i]));
  c.outputs[0].value = std::move(value);
}

SymbolicValue Number(int64_t x) { return {.number = x}; }

SymbolicValue AddValues(const SymbolicValue& a, const SymbolicValue& b) {
  int64_t sum;
  if (a.number && b.number) return __builtin_add_overflow(*a.number, *b.number, &sum) ? SymbolicValue() : Number(sum);
  if (a.number == 0) return b;
  return b.number == 0 ? a : SymbolicValue();
}

SymbolicValue SubValues(const SymbolicValue& a, const SymbolicValue& b) {
  int64_t difference;
  if (a.number && b.number) {
    return __builtin_sub_overflow(*a.number, *b.number, &difference) ? SymbolicValue() : Number(difference);
  }
  if (a == b) return Number(0);
  return b.number == 0 ? a : SymbolicValue();
}

SymbolicValue MulValues(const SymbolicValue& a, const SymbolicValue& b) {
  int64_t product;
  if (a.number && b.number) {
    return __builtin_mul_overflow(*a.number, *b.number, &product) ? SymbolicValue() : Number(product);
  }
  if (a.number == 1) return b;
  if (b.number == 1) return a;
  return a.number == 0 || b.number == 0 ? Number(0) : SymbolicValue();
}

SymbolicValue DivValues(const SymbolicValue& a, const SymbolicValue& b) {
  if (b.number == 1) return a;
  // Of negative numbers ONNX leaves the rounding open.
  if (a.number && b.number && *b.number > 0 && *a.number >= 0) return Number(*a.number / *b.number);
  return {};
}

SymbolicValue EqualValues(const SymbolicValue& a, const SymbolicValue& b) {
  if (a.number && b.number) return Number(*a.number == *b.number);
  if (a == b) return Number(1);
  // A symbol is an extent, never negative.
  const bool negative = (a.number && *a.number < 0 && !b.symbol.empty()) || (b.number && *b.number < 0 && !a.symbol.empty());
  return negative ? Number(0) : SymbolicValue();
}

template <Combine kCombine>
void Arithmetic(Context& c) {
  BroadcastInputs(c, 0, c.in(0).dtype);
  const DataType type = c.in(0).dtype;
  if (type == DataType::kInt64) CombineValues(c, kCombine);
}

void Variadic(Context& c) { BroadcastInputs(c, 0, c.in(0).dtype); }
void Compare(Context& c) { BroadcastInputs(c, 0, DataType::kBool); }

void Equal(Context& c) {
  Compare(c);
  CombineValues(c, &EqualValues);
}

void Where(Context& c) {
  BroadcastInputs(c, 0, c.in(1).dtype);
  const auto& condition = c.in(0).value;
  const auto& x = c.in(1).value;
  const auto& y = c.in(2).value;
  if (c.count() != 3 || !condition || !x || !y || !c.outputs[0].has_shape) return;
  if (x->size() != condition->size() || y->size() != condition->size()) return;
  std::vector<SymbolicValue> value;
  for (size_t i = 0; i < condition->size(); ++i) {
    const SymbolicValue& decision = (*condition)[i];
    if (decision.number) {
      value.push_back(*decision.number != 0 ? (*x)[i] : (*y)[i]);
    } else {
      value.push_back((*x)[i] == (*y)[i] ? (*x)[i] : SymbolicValue());
    }
  }
  c.outputs[0].value = std::move(value);
}

void QuantizeLinear(Context& c) {
  SameAsInput(c);
  c.outputs[0].dtype = c.Has(2) ? c.in(2).dtype : DataType::kUint8;
  if (!c.Has(2) && c.node.Has("output_dtype")) c.outputs[0].dtype = static_cast<DataType>(c.node.Int("output_dtype", 0));
}

void DequantizeLinear(Context& c) {
  SameAsInput(c);
  c.outputs[0].dtype = c.in(1).dtype;
}

}  // namespace

const std::map<std::string, Rule>& ElementwiseRules() {
  static const auto* const kRules = [] {
    auto* rules = new std::map<std::string, Rule>{
        {"Identity", &Identity}, {"Dropout", &Dropout}, {"Cast", &Cast}, {"Add", &Arithmetic<&AddValues>},
        {"Sub", &Arithmetic<&SubValues>}, {"Mul", &Arithmetic<&MulValues>}, {"Div", &Arithmetic<&DivValues>},
        {"Equal", &Equal}, {"Where", &Where}, {"QuantizeLinear", &QuantizeLinear},
        {"DequantizeLinear", &DequantizeLinear}, {"Not", &SameAsInput}};
    for (const char* type : {"Pow", "Min", "Max", "Sum", "Mean", "And", "Or", "Xor", "Mod", "PRelu"}) {
      (*rules)[type] = &Variadic;
    }
    for (const char* type : {"Less", "LessOrEqual", "Greater", "GreaterOrEqual"}) (*rules)[type] = &Compare;
    for (const char* type :
         {"Abs", "Neg", "Relu", "Sigmoid", "Tanh", "Erf", "Exp", "Log", "Sqrt", "Floor", "Ceil", "Round", "Reciprocal",
          "Softplus", "Softsign", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh",
          "Atanh", "HardSwish", "LeakyRelu", "Elu", "Selu", "Celu", "HardSigmoid", "ThresholdedRelu", "Gelu", "Mish",
          "Clip", "Sign", "Softmax", "LogSoftmax", "Hardmax", "LRN", "BatchNormalization", "InstanceNormalization",
          "LayerNormalization", "GroupNormalization", "LpNormalization", "MeanVarianceNormalization", "CumSum", "Trilu",
          "ScatterND", "ScatterElements", "Scatter"}) {
      (*rules)[type] = &SameAsInput;
    }
    return rules;
  }();
  return *kRules;
}

}  // namespace quantd::shape_rules
