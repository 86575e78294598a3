// Operators that move elements.
#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "worker/graph/shape_rules.h"

namespace quantd::shape_rules {
namespace {

// Far above any real extent; keeps sums from overflowing.
constexpr int64_t kExtentMax = int64_t{1} << 40;

void Gather(Context& c) {
  c.SetType(0, c.in(0).dtype);
  if (!c.in(0).has_shape || !c.in(1).has_shape) return;
  const std::vector<Dimension>& data = c.in(0).shape;
  const std::optional<size_t> axis = Axis(c.node.Int("axis", 0), data.size());
  if (!axis.has_value()) return;
  std::vector<Dimension> shape(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(*axis));
  shape.insert(shape.end(), c.in(1).shape.begin(), c.in(1).shape.end());
  shape.insert(shape.end(), data.begin() + static_cast<std::ptrdiff_t>(*axis) + 1, data.end());
  c.Set(0, c.in(0).dtype, std::move(shape));
  if (!c.in(0).value || !c.in(1).value || c.outputs[0].shape.size() > 1 || data.size() != 1) return;
  std::vector<SymbolicValue> value;
  for (const SymbolicValue& index : *c.in(1).value) {
    if (!index.number) return;
    const std::optional<size_t> at = Axis(*index.number, c.in(0).value->size());
    if (!at.has_value()) return;
    value.push_back((*c.in(0).value)[*at]);
  }
  c.outputs[0].value = std::move(value);
}

void Concat(Context& c) {
  c.SetType(0, c.in(0).dtype);
  if (c.count() == 0 || !c.in(0).has_shape) return;
  std::vector<Dimension> shape = c.in(0).shape;
  const std::optional<size_t> axis = Axis(c.node.Int("axis", 1), shape.size());
  if (!axis.has_value()) return;
  int64_t sum = 0;
  bool known = true;
  for (size_t i = 0; i < c.count(); ++i) {
    if (!c.in(i).has_shape || c.in(i).shape.size() != shape.size()) return;
    for (size_t k = 0; k < shape.size(); ++k) {
      // All inputs agree outside of the axis: a number says more than a symbol.
      if (k != *axis && c.in(i).shape[k].extent >= 0) shape[k] = c.in(i).shape[k];
    }
    const int64_t extent = c.in(i).shape[*axis].extent;
    known = known && extent >= 0 && !__builtin_add_overflow(sum, extent, &sum);
  }
  if (c.count() > 1) shape[*axis] = known ? Known(sum) : c.Fresh();
  std::vector<SymbolicValue> value;
  bool valued = shape.size() == 1;
  for (size_t i = 0; valued && i < c.count(); ++i) {
    valued = c.in(i).value.has_value() && value.size() + c.in(i).value->size() <= kValuesMax;
    if (valued) value.insert(value.end(), c.in(i).value->begin(), c.in(i).value->end());
  }
  c.Set(0, c.in(0).dtype, std::move(shape));
  if (valued) c.outputs[0].value = std::move(value);
}

void Transpose(Context& c) {
  c.SetType(0, c.in(0).dtype);
  if (!c.in(0).has_shape) return;
  const std::vector<Dimension>& in = c.in(0).shape;
  std::vector<int64_t> axes = c.node.Ints("perm");
  if (axes.empty()) {
    for (size_t i = in.size(); i-- > 0;) axes.push_back(static_cast<int64_t>(i));
  }
  if (axes.size() != in.size()) return;
  std::vector<Dimension> shape;
  for (const int64_t axis : axes) {
    if (axis < 0 || axis >= static_cast<int64_t>(in.size())) return;
    shape.push_back(in[static_cast<size_t>(axis)]);
  }
  c.Set(0, c.in(0).dtype, std::move(shape));
}

// The extent of begin:end:step over `extent`, as NumPy counts.
int64_t SlicedExtent(int64_t extent, int64_t begin, int64_t end, int64_t step, int64_t* first) {
  *first = 0;
  if (extent == 0) return 0;
  if (begin < 0) begin += extent;
  if (end < 0) end += extent;
  begin = std::clamp<int64_t>(begin, 0, step > 0 ? extent : extent - 1);
  end = std::clamp<int64_t>(end, step > 0 ? 0 : -1, extent);
  *first = begin;
  const int64_t span = step > 0 ? end - begin : begin - end;
  const int64_t stride = step > 0 ? step : -step;
  return span <= 0 ? 0 : (span - 1) / stride + 1;
}

struct SliceArguments {
  std::vector<int64_t> starts, ends, axes, steps;
};

// Attributes until opset 9, inputs since. What is not constant makes the whole thing unknown.
std::optional<SliceArguments> ArgumentsOfSlice(const Context& c) {
  SliceArguments arguments;
  if (c.opset < 10) {
    arguments = {.starts = c.node.Ints("starts"), .ends = c.node.Ints("ends"), .axes = c.node.Ints("axes")};
  } else {
    const auto starts = c.Integers(1), ends = c.Integers(2);
    const auto axes = c.Has(3) ? c.Integers(3) : std::make_optional(std::vector<int64_t>());
    const auto steps = c.Has(4) ? c.Integers(4) : std::make_optional(std::vector<int64_t>());
    if (!starts || !ends || !axes || !steps) return std::nullopt;
    arguments = {.starts = *starts, .ends = *ends, .axes = *axes, .steps = *steps};
  }
  const size_t n = arguments.starts.size();
  for (size_t i = 0; arguments.axes.size() < n; ++i) arguments.axes.push_back(static_cast<int64_t>(i));
  arguments.steps.resize(n, 1);
  const bool fits = arguments.ends.size() == n && arguments.axes.size() == n &&
                    std::find(arguments.steps.begin(), arguments.steps.end(), 0) == arguments.steps.end();
  return fits ? std::make_optional(arguments) : std::nullopt;
}

void Slice(Context& c) {
  c.SetType(0, c.in(0).dtype);
  if (!c.in(0).has_shape) return;
  const auto arguments = ArgumentsOfSlice(c);
  std::vector<Dimension> shape = c.in(0).shape;
  if (!arguments.has_value()) {
    // The rank stays; which axes are cut may be known.
    const auto axes = c.Has(3) ? c.Integers(3) : std::nullopt;
    for (size_t i = 0; i < shape.size(); ++i) {
      const bool spared = axes.has_value() && std::none_of(axes->begin(), axes->end(), [&](int64_t axis) {
                            return Axis(axis, shape.size()).value_or(i) == i;
                          });
      if (!spared) shape[i] = c.Fresh();
    }
    c.Set(0, c.in(0).dtype, std::move(shape));
    return;
  }
  std::optional<std::vector<SymbolicValue>> value = c.in(0).value;
  for (size_t i = 0; i < arguments->starts.size(); ++i) {
    const std::optional<size_t> axis = Axis(arguments->axes[i], shape.size());
    if (!axis.has_value()) return;
    const int64_t begin = arguments->starts[i], end = arguments->ends[i], step = arguments->steps[i];
    constexpr int64_t kFar = std::numeric_limits<int32_t>::max();
    // Beyond this the arithmetic below could overflow; no extent is as large.
    if (step > kFar || step < -kFar) return;
    if (shape[*axis].extent < 0) {
      if (begin != 0 || end < kFar || step != 1) shape[*axis] = c.Fresh();
      value.reset();
      continue;
    }
    int64_t first = 0;
    const int64_t count = SlicedExtent(shape[*axis].extent, begin, end, step, &first);
    shape[*axis] = Known(count);
    if (!value.has_value()) continue;
    std::vector<SymbolicValue> part;
    for (int64_t k = 0; k < count; ++k) part.push_back((*value)[static_cast<size_t>(first + k * step)]);
    value = std::move(part);
  }
  c.Set(0, c.in(0).dtype, std::move(shape));
  c.outputs[0].value = std::move(value);
}

void Split(Context& c) {
  for (size_t i = 0; i < c.outputs.size(); ++i) c.SetType(i, c.in(0).dtype);
  if (!c.in(0).has_shape) return;
  const std::vector<Dimension>& in = c.in(0).shape;
  const std::optional<size_t> axis = Axis(c.node.Int("axis", 0), in.size());
  if (!axis.has_value()) return;
  std::optional<std::vector<int64_t>> parts = c.node.Ints("split");
  if (c.Has(1)) parts = c.Integers(1);
  const int64_t count = static_cast<int64_t>(c.outputs.size());
  const int64_t extent = in[*axis].extent;
  for (size_t i = 0; i < c.outputs.size(); ++i) {
    std::vector<Dimension> shape = in;
    shape[*axis] = c.Fresh();
    if (parts.has_value() && !parts->empty()) {
      if (parts->size() != c.outputs.size() || (*parts)[i] < 0) return;
      shape[*axis] = Known((*parts)[i]);
    } else if (parts.has_value() && extent >= 0 && extent <= kExtentMax) {
      // Equal parts, the last one smaller where they do not come out even.
      const int64_t part = (extent + count - 1) / count;
      const int64_t rest = extent - part * static_cast<int64_t>(i);
      if (rest >= 0) shape[*axis] = Known(std::min(part, rest));
    }
    c.Set(i, c.in(0).dtype, std::move(shape));
  }
}

void Pad(Context& c) {
  c.SetType(0, c.in(0).dtype);
  if (!c.in(0).has_shape) return;
  const std::vector<Dimension>& in = c.in(0).shape;
  const auto pads = c.opset < 11 ? std::make_optional(c.node.Ints("pads")) : c.Integers(1);
  std::vector<Dimension> shape = in;
  for (size_t i = 0; i < in.size(); ++i) {
    shape[i] = c.Fresh();
    // With axes (opset 18) the pads belong to some axes only.
    if (!pads.has_value() || c.Has(3) || pads->size() != 2 * in.size()) continue;
    const int64_t before = (*pads)[i], after = (*pads)[i + in.size()];
    if (before == 0 && after == 0) shape[i] = in[i];
    int64_t extent;
    if (in[i].extent >= 0 && !__builtin_add_overflow(before, after, &extent) &&
        !__builtin_add_overflow(in[i].extent, extent, &extent) && extent >= 0) {
      shape[i] = Known(extent);
    }
  }
  c.Set(0, c.in(0).dtype, std::move(shape));
}

void Tile(Context& c) {
  c.SetType(0, c.in(0).dtype);
  const auto repeats = c.Integers(1);
  if (!c.in(0).has_shape) return;
  std::vector<Dimension> shape = c.in(0).shape;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (!repeats.has_value() || repeats->size() != shape.size() || (*repeats)[i] < 0) {
      shape[i] = c.Fresh();
    } else if ((*repeats)[i] != 1) {
      int64_t extent;
      const bool known = shape[i].extent >= 0 && !__builtin_mul_overflow(shape[i].extent, (*repeats)[i], &extent);
      shape[i] = known ? Known(extent) : c.Fresh();
    }
  }
  c.Set(0, c.in(0).dtype, std::move(shape));
}

void GatherElements(Context& c) {
  c.SetType(0, c.in(0).dtype);
  if (c.in(1).has_shape) c.Set(0, c.in(0).dtype, c.in(1).shape);
}

void Range(Context& c) { c.Set(0, c.in(0).dtype, {c.Fresh()}); }

}  // namespace

const std::map<std::string, Rule>& LayoutRules() {
  static const auto* const kRules = new std::map<std::string, Rule>{
      {"Gather", &Gather}, {"Concat", &Concat}, {"Transpose", &Transpose}, {"Slice", &Slice}, {"Split", &Split},
      {"Pad", &Pad}, {"Tile", &Tile}, {"GatherElements", &GatherElements}, {"Range", &Range}};
  return *kRules;
}

}  // namespace quantd::shape_rules
