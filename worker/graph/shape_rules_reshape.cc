// Operators that compute shapes, or give elements another shape.
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "worker/graph/shape_rules.h"

namespace quantd::shape_rules {
namespace {

SymbolicValue ValueOf(const Dimension& dimension) {
  if (dimension.extent >= 0) return {.number = dimension.extent};
  return {.symbol = dimension.symbol};
}

// The dimension that a value makes, made up where it is not known; nullopt for a negative number.
std::optional<Dimension> DimensionOf(Context& c, const SymbolicValue& value) {
  if (value.number) return *value.number < 0 ? std::nullopt : std::make_optional(Known(*value.number));
  if (!value.symbol.empty()) return Dimension{.symbol = value.symbol};
  return c.Fresh();
}

// The extents' product where all are numbers below 2^40 or so.
std::optional<int64_t> Product(const std::vector<Dimension>& shape, size_t begin, size_t end) {
  int64_t product = 1;
  for (size_t i = begin; i < end; ++i) {
    if (shape[i].extent < 0 || __builtin_mul_overflow(product, shape[i].extent, &product)) return std::nullopt;
  }
  return product;
}

// The product as one dimension: also a single symbol among ones keeps its name.
Dimension ProductDimension(Context& c, const std::vector<Dimension>& shape, size_t begin, size_t end) {
  int64_t numbers = 1;
  const Dimension* symbol = nullptr;
  for (size_t i = begin; i < end; ++i) {
    if (shape[i].extent < 0) {
      if (symbol != nullptr) return c.Fresh();
      symbol = &shape[i];
    } else if (__builtin_mul_overflow(numbers, shape[i].extent, &numbers)) {
      return c.Fresh();
    }
  }
  if (symbol == nullptr) return Known(numbers);
  return numbers == 1 ? *symbol : c.Fresh();
}

void ShapeOf(Context& c) {
  c.SetType(0, DataType::kInt64);
  if (!c.in(0).has_shape) return;
  const int64_t rank = static_cast<int64_t>(c.in(0).shape.size());
  const auto place = [rank](int64_t at) { return std::clamp<int64_t>(at < 0 ? std::max<int64_t>(at, -rank) + rank : at, 0, rank); };
  const int64_t start = place(c.node.Int("start", 0));
  const int64_t end = std::max(start, place(c.node.Int("end", rank)));
  c.Set(0, DataType::kInt64, {Known(end - start)});
  std::vector<SymbolicValue> value;
  for (int64_t i = start; i < end; ++i) value.push_back(ValueOf(c.in(0).shape[static_cast<size_t>(i)]));
  if (value.size() <= kValuesMax) c.outputs[0].value = std::move(value);
}

void Size(Context& c) {
  c.Set(0, DataType::kInt64, {});
  if (!c.in(0).has_shape) return;
  const std::optional<int64_t> count = Product(c.in(0).shape, 0, c.in(0).shape.size());
  if (count.has_value()) c.outputs[0].value = std::vector<SymbolicValue>{{.number = *count}};
}

void Squeeze(Context& c) {
  c.SetType(0, c.in(0).dtype);
  const auto axes = c.Axes(1);
  if (!c.in(0).has_shape || !axes.has_value()) return;
  const std::vector<Dimension>& in = c.in(0).shape;
  std::vector<bool> drop(in.size(), false);
  for (const int64_t axis : *axes) {
    const std::optional<size_t> at = Axis(axis, in.size());
    if (!at.has_value()) return;
    drop[*at] = true;
  }
  std::vector<Dimension> shape;
  for (size_t i = 0; i < in.size(); ++i) {
    // Without axes every extent of 1 goes; a symbol could stand for it.
    if (axes->empty() && in[i].extent < 0) return;
    if (axes->empty() ? in[i].extent != 1 : !drop[i]) shape.push_back(in[i]);
  }
  c.Set(0, c.in(0).dtype, std::move(shape));
  c.outputs[0].value = c.in(0).value;
}

void Unsqueeze(Context& c) {
  c.SetType(0, c.in(0).dtype);
  const auto axes = c.Axes(1);
  if (!c.in(0).has_shape || !axes.has_value()) return;
  const size_t rank = c.in(0).shape.size() + axes->size();
  std::vector<bool> added(rank, false);
  for (const int64_t axis : *axes) {
    const std::optional<size_t> at = Axis(axis, rank);
    if (!at.has_value() || added[*at]) return;
    added[*at] = true;
  }
  std::vector<Dimension> shape;
  for (size_t i = 0, from = 0; i < rank; ++i) shape.push_back(added[i] ? Known(1) : c.in(0).shape[from++]);
  c.Set(0, c.in(0).dtype, std::move(shape));
  if (rank <= 1) c.outputs[0].value = c.in(0).value;
}

void Flatten(Context& c) {
  c.SetType(0, c.in(0).dtype);
  if (!c.in(0).has_shape) return;
  const std::vector<Dimension>& in = c.in(0).shape;
  const int64_t rank = static_cast<int64_t>(in.size());
  int64_t axis = c.node.Int("axis", 1);
  if (axis < 0) axis += rank;
  if (axis < 0 || axis > rank) return;
  const size_t at = static_cast<size_t>(axis);
  const Dimension rows = ProductDimension(c, in, 0, at);
  c.Set(0, c.in(0).dtype, {rows, ProductDimension(c, in, at, in.size())});
}

// What stands for -1: the input's elements over the others'. Equal symbols on both sides cancel.
Dimension FreeExtent(Context& c, std::vector<Dimension> in, const std::vector<Dimension>& others) {
  int64_t divisor = 1;
  for (const Dimension& dimension : others) {
    if (dimension.extent >= 0) {
      if (__builtin_mul_overflow(divisor, dimension.extent, &divisor)) return c.Fresh();
      continue;
    }
    const auto same = std::find_if(in.begin(), in.end(), [&](const Dimension& d) { return SameExtent(d, dimension); });
    if (same == in.end()) return c.Fresh();
    in.erase(same);
  }
  int64_t dividend = 1;
  const Dimension* symbol = nullptr;
  for (const Dimension& dimension : in) {
    if (dimension.extent < 0) {
      if (symbol != nullptr) return c.Fresh();
      symbol = &dimension;
    } else if (__builtin_mul_overflow(dividend, dimension.extent, &dividend)) {
      return c.Fresh();
    }
  }
  if (divisor == 0) return c.Fresh();
  if (symbol != nullptr) return dividend == divisor ? *symbol : c.Fresh();
  return dividend % divisor == 0 ? Known(dividend / divisor) : c.Fresh();
}

void Reshape(Context& c) {
  c.SetType(0, c.in(0).dtype);
  const TensorFacts& target = c.in(1);
  if (!target.value) {
    // The length of the target is the rank.
    if (!target.IsStatic() || target.shape.size() != 1 || target.shape[0].extent > 64) return;
    std::vector<Dimension> shape;
    for (int64_t i = 0; i < target.shape[0].extent; ++i) shape.push_back(c.Fresh());
    c.Set(0, c.in(0).dtype, std::move(shape));
    return;
  }
  const bool copies = c.node.Int("allowzero", 0) == 0;
  std::vector<Dimension> shape, others;
  std::optional<size_t> free_axis;
  bool certain = true;
  for (size_t i = 0; i < target.value->size(); ++i) {
    const SymbolicValue& value = (*target.value)[i];
    Dimension dimension = c.Fresh();
    if (value.number == -1) {
      if (free_axis.has_value()) return;
      free_axis = i;
      shape.push_back(dimension);
      continue;
    }
    if (value.number == 0 && copies) {
      if (c.in(0).has_shape && i < c.in(0).shape.size()) dimension = c.in(0).shape[i];
    } else if (value.known()) {
      // A symbol may stand for 0, and then this axis is a copy: of an axis whose extent is 0 as well, or the
      // element counts differ.
      const std::optional<Dimension> known = DimensionOf(c, value);
      if (!known.has_value()) return;
      dimension = *known;
    } else {
      certain = false;  // It could be the -1.
    }
    shape.push_back(dimension);
    others.push_back(dimension);
  }
  if (free_axis.has_value() && certain && c.in(0).has_shape) shape[*free_axis] = FreeExtent(c, c.in(0).shape, others);
  const size_t rank = shape.size();
  c.Set(0, c.in(0).dtype, std::move(shape));
  if (rank <= 1) c.outputs[0].value = c.in(0).value;
}

std::optional<std::vector<Dimension>> DimensionsOf(Context& c, const TensorFacts& target) {
  if (!target.value) return std::nullopt;
  std::vector<Dimension> shape;
  for (const SymbolicValue& value : *target.value) {
    const std::optional<Dimension> dimension = DimensionOf(c, value);
    if (!dimension.has_value()) return std::nullopt;
    shape.push_back(*dimension);
  }
  return shape;
}

void Expand(Context& c) {
  c.SetType(0, c.in(0).dtype);
  const auto target = DimensionsOf(c, c.in(1));
  if (!target.has_value() || !c.in(0).has_shape) return;
  auto shape = Broadcast(c, c.in(0).shape, *target);
  if (shape.has_value()) c.Set(0, c.in(0).dtype, *std::move(shape));
}

void ConstantOfShape(Context& c) {
  DataType dtype = DataType::kFloat;
  std::optional<int64_t> fill;
  const auto value = c.node.attributes.find("value");
  if (value != c.node.attributes.end()) {
    const Tensor* const tensor = std::get_if<Tensor>(&value->second);
    if (tensor == nullptr) return;
    dtype = tensor->dtype();
    if (dtype == DataType::kInt64 && tensor->size() == 1) fill = *tensor->data<int64_t>();
  }
  c.SetType(0, dtype);
  auto shape = DimensionsOf(c, c.in(0));
  if (!shape.has_value()) return;
  c.Set(0, dtype, *std::move(shape));
  const TensorFacts& out = c.outputs[0];
  if (fill.has_value() && out.shape.size() == 1 && out.shape[0].extent >= 0 &&
      out.shape[0].extent <= static_cast<int64_t>(kValuesMax)) {
    c.outputs[0].value = std::vector<SymbolicValue>(static_cast<size_t>(out.shape[0].extent), {.number = *fill});
  }
}

}  // namespace

const std::map<std::string, Rule>& ReshapeRules() {
  static const auto* const kRules = new std::map<std::string, Rule>{
      {"Shape", &ShapeOf}, {"Size", &Size}, {"Squeeze", &Squeeze}, {"Unsqueeze", &Unsqueeze}, {"Flatten", &Flatten},
      {"Reshape", &Reshape}, {"Expand", &Expand}, {"ConstantOfShape", &ConstantOfShape}};
  return *kRules;
}

}  // namespace quantd::shape_rules
