// Reductions along axes.
//
// Floats are summed in double precision; integers wrap, as their arithmetic does. The order of the summands is fixed by
// the shape alone. Over nothing a reduction gives its neutral element: 0, 1, or the least and the largest number.
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include "common/status_macros.h"
#include "worker/backend/cpu/arithmetic.h"
#include "worker/backend/cpu/element_types.h"
#include "worker/backend/cpu/kernel_support.h"
#include "worker/backend/cpu/strided_walk.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;

// What sums of T are kept in.
template <typename T>
using Wide = std::conditional_t<std::is_floating_point_v<T>, double,
                                std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>>;

template <typename T>
T FromReal(double x) {
  if constexpr (std::is_integral_v<T>) {
    return Saturated<T>(x);
  } else {
    return static_cast<T>(x);
  }
}

// A reduction says what it accumulates in (Acc), what it starts from, how a value is prepared, how two partial results
// become one, and how the last one becomes the result.
struct Sum {
  template <typename T> using Acc = Wide<T>;
  template <typename T> static Acc<T> Start() { return 0; }
  template <typename T> static Acc<T> Prepare(T x) { return static_cast<Acc<T>>(x); }
  template <typename A> static A Join(A a, A b) { return AddOp::Of(a, b); }
  template <typename T> static T Finish(Acc<T> acc, int64_t) { return static_cast<T>(acc); }
};

struct Mean : Sum {
  template <typename T> static T Finish(Acc<T> acc, int64_t count) {
    if constexpr (std::is_integral_v<T>) {
      return count == 0 ? T(0) : static_cast<T>(acc / static_cast<Acc<T>>(count));
    } else {
      return static_cast<T>(acc / static_cast<double>(count));
    }
  }
};

struct L1 : Sum {
  template <typename T> static Acc<T> Prepare(T x) {
    const Acc<T> wide = static_cast<Acc<T>>(x);
    return wide < 0 ? SubOp::Of(Acc<T>(0), wide) : wide;
  }
};

struct SumSquare : Sum {
  template <typename T> static Acc<T> Prepare(T x) {
    return MulOp::Of(static_cast<Acc<T>>(x), static_cast<Acc<T>>(x));
  }
};

struct L2 {
  template <typename T> using Acc = double;
  template <typename T> static double Start() { return 0; }
  template <typename T> static double Prepare(T x) { return static_cast<double>(x) * static_cast<double>(x); }
  static double Join(double a, double b) { return a + b; }
  template <typename T> static T Finish(double acc, int64_t) { return FromReal<T>(std::sqrt(acc)); }
};

struct LogSum : L2 {
  template <typename T> static double Prepare(T x) { return static_cast<double>(x); }
  template <typename T> static T Finish(double acc, int64_t) { return FromReal<T>(std::log(acc)); }
};

struct Prod {
  template <typename T> using Acc = Wide<T>;
  template <typename T> static Acc<T> Start() { return 1; }
  template <typename T> static Acc<T> Prepare(T x) { return static_cast<Acc<T>>(x); }
  template <typename A> static A Join(A a, A b) { return MulOp::Of(a, b); }
  template <typename T> static T Finish(Acc<T> acc, int64_t) { return static_cast<T>(acc); }
};

template <bool kMax>
struct Extreme {
  // Not bool: a vector of it has no elements to point at.
  template <typename T> using Acc = std::conditional_t<std::is_same_v<T, bool>, uint8_t, T>;
  template <typename T> static Acc<T> Start() {
    using Limits = std::numeric_limits<T>;
    if constexpr (Limits::has_infinity) return kMax ? -Limits::infinity() : Limits::infinity();
    return kMax ? Limits::lowest() : Limits::max();
  }
  template <typename T> static Acc<T> Prepare(T x) { return x; }
  template <typename A> static A Join(A a, A b) { return kMax ? MaxOp::Of(a, b) : MinOp::Of(a, b); }
  template <typename T> static T Finish(Acc<T> acc, int64_t) { return static_cast<T>(acc); }
};

// Of one run. Eight partial results at a time: a single one would wait for each addition before the next.
template <typename R, typename T>
typename R::template Acc<T> FoldRun(const T* x, int64_t n) {
  using Acc = typename R::template Acc<T>;
  constexpr int64_t kLanes = 8;
  Acc lanes[kLanes];
  std::fill(lanes, lanes + kLanes, R::template Start<T>());
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int64_t k = 0; k < kLanes; ++k) lanes[k] = R::Join(lanes[k], Acc(R::template Prepare<T>(x[i + k])));
  }
  for (int64_t k = 0; i < n; ++i, ++k) lanes[k] = R::Join(lanes[k], Acc(R::template Prepare<T>(x[i])));
  Acc acc = lanes[0];
  for (int64_t k = 1; k < kLanes; ++k) acc = R::Join(acc, lanes[k]);
  return acc;
}

// What is reduced: x's shape and, with strides of 0 along reduced axes, the result's.
struct Plan {
  StridedShape<2> walk;
  Shape shape;        // Of the result.
  int64_t count = 1;  // Elements that each of its elements is made of.
};

template <typename R, typename T>
absl::Status Reduce(const Tensor& x, const Plan& plan, Outputs& outputs) {
  using Acc = typename R::template Acc<T>;
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(x.dtype(), plan.shape));
  std::vector<Acc> partial(static_cast<size_t>(out.size()), R::template Start<T>());
  const T* from = x.data<T>();
  ForEachRun(plan.walk, [&](const auto& at, const auto& steps, int64_t n) {
    Acc* acc = partial.data() + at[1];
    const T* run = from + at[0];
    if (steps[1] == 0) {
      *acc = R::Join(*acc, FoldRun<R>(run, n));
      return;
    }
    for (int64_t i = 0; i < n; ++i) acc[i] = R::Join(acc[i], Acc(R::template Prepare<T>(run[i])));
  });
  T* y = out.mutable_data<T>();
  for (size_t i = 0; i < partial.size(); ++i) y[i] = R::template Finish<T>(partial[i], plan.count);
  outputs[0] = std::move(out);
  return absl::OkStatus();
}

// log(sum(exp(x))) = m + log(sum(exp(x - m))) for the largest x, m: no exponential overflows.
template <typename T>
absl::Status ReduceLogSumExp(const Tensor& x, const Plan& plan, Outputs& outputs) {
  RETURN_IF_ERROR((Reduce<Extreme<true>, T>(x, plan, outputs)));
  const Tensor most = outputs[0];
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(x.dtype(), plan.shape));
  std::vector<double> sums(static_cast<size_t>(out.size()), 0);
  const T* from = x.data<T>();
  const T* m = most.data<T>();
  // Of nothing but infinities the difference would be NaN.
  const auto shift = [](T value) { return std::isfinite(static_cast<double>(value)) ? static_cast<double>(value) : 0.0; };
  ForEachRun(plan.walk, [&](const auto& at, const auto& steps, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
      const int64_t to = at[1] + i * steps[1];
      sums[static_cast<size_t>(to)] += std::exp(static_cast<double>(from[at[0] + i]) - shift(m[to]));
    }
  });
  T* y = out.mutable_data<T>();
  for (size_t i = 0; i < sums.size(); ++i) {
    y[i] = FromReal<T>(plan.count == 0 ? std::log(0.0) : std::log(sums[i]) + shift(m[i]));
  }
  outputs[0] = std::move(out);
  return absl::OkStatus();
}

absl::StatusOr<Plan> MakePlan(const Tensor& x, const std::vector<int64_t>& axes, bool keep_axes) {
  std::vector<bool> reduced(x.rank(), axes.empty());
  for (const int64_t axis : axes) {
    ASSIGN_OR_RETURN(const size_t normal, NormalizeAxis(axis, x.rank()));
    reduced[normal] = true;
  }
  Plan plan;
  Shape kept;
  for (size_t i = 0; i < x.rank(); ++i) {
    kept.push_back(reduced[i] ? 1 : x.dim(i));
    if (!reduced[i] || keep_axes) plan.shape.push_back(kept.back());
    if (reduced[i]) plan.count *= x.dim(i);
  }
  plan.walk = JoinAxes<2>(x.shape(), {RowMajorStrides(x.shape()), BroadcastStrides(kept, x.shape())});
  return plan;
}

// `run` reduces a tensor by a plan.
Maker MakeReduction(const KernelContext& context, absl::Status (*run)(const Tensor&, const Plan&, Outputs&)) {
  const std::vector<int64_t> attribute = context.node.Ints("axes");
  const bool keep_axes = context.node.Int("keepdims", 1) != 0;
  const bool noop_when_empty = context.node.Int("noop_with_empty_axes", 0) != 0;
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    std::vector<int64_t> axes = attribute;
    if (inputs.size() > 1 && inputs[1] != nullptr) {
      ASSIGN_OR_RETURN(axes, Integers(*inputs[1]));
    }
    if (axes.empty() && noop_when_empty) {
      outputs[0] = *inputs[0];
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const Plan plan, MakePlan(*inputs[0], axes, keep_axes));
    return run(*inputs[0], plan, outputs);
  });
}

template <typename R, typename Types>
Maker Make(const KernelContext& context) {
  return MakeReduction(context, +[](const Tensor& x, const Plan& plan, Outputs& outputs) {
    return ForType(x, Types(), [&]<typename T>(Type<T>) { return Reduce<R, T>(x, plan, outputs); });
  });
}

Maker MakeLogSumExp(const KernelContext& context) {
  return MakeReduction(context, +[](const Tensor& x, const Plan& plan, Outputs& outputs) {
    return ForType(x, NumericTypes(), [&]<typename T>(Type<T>) { return ReduceLogSumExp<T>(x, plan, outputs); });
  });
}

constexpr KernelEntry kEntries[] = {
    {"ReduceL1", 1, &Make<L1, NumericTypes>, "", Takes::kFloats},
    {"ReduceL2", 1, &Make<L2, NumericTypes>, "", Takes::kFloats},
    {"ReduceLogSum", 1, &Make<LogSum, NumericTypes>, "", Takes::kFloats},
    {"ReduceLogSumExp", 1, &MakeLogSumExp, "", Takes::kFloats},
    {"ReduceMax", 1, &Make<Extreme<true>, AllTypes>, "", Takes::kFloats},
    {"ReduceMean", 1, &Make<Mean, NumericTypes>, "", Takes::kFloats},
    {"ReduceMin", 1, &Make<Extreme<false>, AllTypes>, "", Takes::kFloats},
    {"ReduceProd", 1, &Make<Prod, NumericTypes>, "", Takes::kFloats},
    {"ReduceSum", 1, &Make<Sum, NumericTypes>, "", Takes::kFloats},
    {"ReduceSumSquare", 1, &Make<SumSquare, NumericTypes>, "", Takes::kFloats},
};

}  // namespace

std::span<const KernelEntry> ReduceKernels() { return kEntries; }

}  // namespace quantd::cpu
