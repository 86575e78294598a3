// Einsum and Det.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;

constexpr size_t kOperandsMax = 16;
constexpr int kEllipsis = 256;  // Ellipsis axes are labelled from here on, the last one first.

// One term of the equation: a label an axis, kEllipsis for "...".
using Term = std::vector<int>;

struct Equation {
  std::vector<Term> operands;
  Term result;
};

absl::StatusOr<Term> ParseTerm(absl::string_view text) {
  Term term;
  bool ellipsis = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ' ') continue;
    if (text.substr(i, 3) == "...") {
      if (ellipsis) return BadAttribute(absl::StrCat("the term '", text, "' has two ellipses"));
      ellipsis = true;
      term.push_back(kEllipsis);
      i += 2;
    } else if (std::isalpha(static_cast<unsigned char>(text[i])) != 0) {
      term.push_back(text[i]);
    } else {
      return BadAttribute(absl::StrCat("the term '", text, "' of Einsum is malformed"));
    }
  }
  return term;
}

// Without "->", the result has the ellipsis, then the labels that occur once, in alphabetic order.
Term ImplicitResult(const std::vector<Term>& operands) {
  std::map<int, int> uses;
  for (const Term& term : operands) {
    for (const int label : term) ++uses[label];
  }
  Term result;
  if (uses.count(kEllipsis) > 0) result.push_back(kEllipsis);
  for (const auto& [label, count] : uses) {
    if (label != kEllipsis && count == 1) result.push_back(label);
  }
  return result;
}

absl::StatusOr<Equation> ParseEquation(absl::string_view text) {
  Equation equation;
  const size_t arrow = text.find("->");
  absl::string_view left = text.substr(0, arrow);
  while (true) {
    const size_t comma = left.find(',');
    ASSIGN_OR_RETURN(Term term, ParseTerm(left.substr(0, comma)));
    equation.operands.push_back(std::move(term));
    if (comma == absl::string_view::npos) break;
    left.remove_prefix(comma + 1);
  }
  if (equation.operands.size() > kOperandsMax) return BadAttribute("Einsum has too many operands");
  if (arrow == absl::string_view::npos) {
    equation.result = ImplicitResult(equation.operands);
    return equation;
  }
  ASSIGN_OR_RETURN(equation.result, ParseTerm(text.substr(arrow + 2)));
  for (size_t i = 0; i < equation.result.size(); ++i) {
    const int label = equation.result[i];
    const bool repeated = std::count(equation.result.begin(), equation.result.end(), label) > 1;
    const bool known = std::any_of(equation.operands.begin(), equation.operands.end(), [&](const Term& term) {
      return std::find(term.begin(), term.end(), label) != term.end();
    });
    if (repeated || (!known && label != kEllipsis)) {
      return BadAttribute(absl::StrCat("the result of '", text, "' has a label that is unknown or repeated"));
    }
  }
  return equation;
}

// The ellipsis replaced by one label an axis, `rank` axes in all.
absl::StatusOr<Term> Expanded(const Term& term, size_t rank) {
  const bool ellipsis = std::find(term.begin(), term.end(), kEllipsis) != term.end();
  const size_t named = term.size() - (ellipsis ? 1 : 0);
  if (rank < named || (!ellipsis && rank > named)) {
    return BadShape(absl::StrCat("a term of Einsum names ", named, " axes of a tensor that has ", rank));
  }
  Term expanded;
  for (const int label : term) {
    if (label != kEllipsis) expanded.push_back(label);
    for (size_t i = rank - named; label == kEllipsis && i-- > 0;) expanded.push_back(kEllipsis + static_cast<int>(i));
  }
  return expanded;
}

// The loops of a contraction: over the result's axes, then over those that are summed. One stride an operand for each.
struct Loops {
  Shape result;
  std::vector<int64_t> extents;                 // Of all loops, the result's first.
  std::vector<std::vector<int64_t>> strides;    // [operand][loop]
};

absl::StatusOr<Loops> PlanLoops(const Equation& equation, const Inputs& inputs) {
  std::map<int, int64_t> extents;
  std::vector<Term> terms;
  size_t ellipsis_axes = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    ASSIGN_OR_RETURN(Term term, Expanded(equation.operands[i], inputs[i]->rank()));
    if (term.size() > equation.operands[i].size() || std::count(term.begin(), term.end(), kEllipsis) > 0) {
      ellipsis_axes = std::max(ellipsis_axes, term.size() + 1 - equation.operands[i].size());
    }
    for (size_t axis = 0; axis < term.size(); ++axis) {
      int64_t& extent = extents.emplace(term[axis], 1).first->second;
      const int64_t own = inputs[i]->dim(axis);
      if (own != extent && own != 1 && extent != 1) {
        return BadShape(absl::StrCat("axis ", axis, " of operand ", i, " of Einsum has extent ", own, ", not ", extent));
      }
      if (own != 1) extent = own;
    }
    terms.push_back(std::move(term));
  }
  const bool ellipsis = std::find(equation.result.begin(), equation.result.end(), kEllipsis) != equation.result.end();
  ASSIGN_OR_RETURN(Term order, Expanded(equation.result, equation.result.size() - (ellipsis ? 1 : 0) +
                                                             (ellipsis ? ellipsis_axes : 0)));
  Loops loops;
  for (const int label : order) loops.result.push_back(extents[label]);
  for (const auto& [label, extent] : extents) {
    if (std::find(order.begin(), order.end(), label) == order.end()) order.push_back(label);
  }
  for (const int label : order) loops.extents.push_back(extents[label]);
  for (size_t i = 0; i < inputs.size(); ++i) {
    // A label that occurs twice in one term walks the diagonal: its strides add up.
    const std::vector<int64_t> own = RowMajorStrides(inputs[i]->shape());
    std::vector<int64_t> strides(order.size(), 0);
    for (size_t loop = 0; loop < order.size(); ++loop) {
      for (size_t axis = 0; axis < terms[i].size(); ++axis) {
        if (terms[i][axis] == order[loop] && inputs[i]->dim(axis) != 1) strides[loop] += own[axis];
      }
    }
    loops.strides.push_back(std::move(strides));
  }
  return loops;
}

template <typename T, typename Sum>
void Contract(const Loops& loops, const Inputs& inputs, Tensor& out) {
  const size_t outer = loops.result.size(), depth = loops.extents.size();
  std::vector<int64_t> at(depth, 0), offsets(inputs.size(), 0);
  // Steps loops [first, last) to their next position; false after the last one, which is the first again.
  const auto advance = [&](size_t first, size_t last) {
    for (size_t loop = last; loop-- > first;) {
      const bool more = ++at[loop] < loops.extents[loop];
      const int64_t steps = more ? 1 : 1 - loops.extents[loop];
      if (!more) at[loop] = 0;
      for (size_t i = 0; i < inputs.size(); ++i) offsets[i] += steps * loops.strides[i][loop];
      if (more) return true;
    }
    return false;
  };
  const bool empty = std::find(loops.extents.begin() + static_cast<std::ptrdiff_t>(outer), loops.extents.end(), 0) !=
                     loops.extents.end();
  T* y = out.mutable_data<T>();
  for (int64_t i = 0; i < out.size(); ++i, advance(0, outer)) {
    Sum sum = 0;
    while (!empty) {
      Sum product = 1;
      for (size_t k = 0; k < inputs.size(); ++k) product *= static_cast<Sum>(inputs[k]->data<T>()[offsets[k]]);
      sum += product;
      if (!advance(outer, depth)) break;
    }
    y[i] = static_cast<T>(sum);
  }
}

Maker MakeEinsum(const KernelContext& context) {
  ASSIGN_OR_RETURN(const Equation equation, ParseEquation(context.node.String("equation", "")));
  return MakeKernelFrom([equation](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, std::max<size_t>(inputs.size(), 1)));
    if (inputs.size() != equation.operands.size()) {
      return BadShape(absl::StrCat("Einsum has ", equation.operands.size(), " terms but ", inputs.size(), " inputs"));
    }
    for (const Tensor* input : inputs) {
      if (input->dtype() != inputs[0]->dtype()) return BadType(*input, DataTypeName(inputs[0]->dtype()));
    }
    ASSIGN_OR_RETURN(const Loops loops, PlanLoops(equation, inputs));
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(inputs[0]->dtype(), loops.result));
    // Integers wrap around.
    switch (out.dtype()) {
      case DataType::kFloat: Contract<float, double>(loops, inputs, out); break;
      case DataType::kInt32: Contract<int32_t, uint64_t>(loops, inputs, out); break;
      case DataType::kInt64: Contract<int64_t, uint64_t>(loops, inputs, out); break;
      default: return BadType(out, "float, int32 or int64");
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

// By elimination with the largest pivot of each column.
double Determinant(std::vector<double> a, size_t n) {
  double determinant = 1;
  for (size_t column = 0; column < n; ++column) {
    size_t pivot = column;
    for (size_t row = column + 1; row < n; ++row) {
      if (std::fabs(a[row * n + column]) > std::fabs(a[pivot * n + column])) pivot = row;
    }
    if (a[pivot * n + column] == 0) return 0;
    if (pivot != column) {
      for (size_t i = 0; i < n; ++i) std::swap(a[pivot * n + i], a[column * n + i]);
      determinant = -determinant;
    }
    determinant *= a[column * n + column];
    for (size_t row = column + 1; row < n; ++row) {
      const double factor = a[row * n + column] / a[column * n + column];
      for (size_t i = column; i < n; ++i) a[row * n + i] -= factor * a[column * n + i];
    }
  }
  return determinant;
}

absl::Status RunDet(const Inputs& inputs, Outputs& outputs) {
  RETURN_IF_ERROR(RequireFloat(inputs, 0));
  const Tensor& x = *inputs[0];
  if (x.rank() < 2 || x.dim(x.rank() - 1) != x.dim(x.rank() - 2)) {
    return BadShape(absl::StrCat("Det needs square matrices, not ", ShapeString(x.shape())));
  }
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, {x.shape().begin(), x.shape().end() - 2}));
  const int64_t n = x.dim(x.rank() - 1);
  for (int64_t i = 0; i < out.size(); ++i) {
    const float* matrix = x.data<float>() + i * n * n;
    out.mutable_data<float>()[i] = static_cast<float>(Determinant({matrix, matrix + n * n}, static_cast<size_t>(n)));
  }
  outputs[0] = std::move(out);
  return absl::OkStatus();
}

Maker MakeDet(const KernelContext&) { return MakeKernelFrom(&RunDet); }

constexpr KernelEntry kEntries[] = {{"Einsum", 12, &MakeEinsum}, {"Det", 11, &MakeDet}};

}  // namespace

std::span<const KernelEntry> EinsumKernels() { return kEntries; }

}  // namespace quantd::cpu
