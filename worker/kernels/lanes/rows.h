// Kernels over spans and rows, on top of lanes/math.h; see there for `L`. The tail of a span is computed in lanes of
// which only the first are real.
#pragma once

#include <cstddef>
#include <cstdint>

#include "worker/kernels/kernel_table.h"
#include "worker/kernels/lanes/math.h"

namespace quantd::lanes {

constexpr size_t kLanes = 16;
// A lane adds up at most 64 floats before its sum goes into a double.
constexpr size_t kSumBlock = 64 * kLanes;
constexpr float kInfinity = __builtin_inff();

template <typename L, L (*kFunction)(L)>
static void MapSpan(const float* x, size_t n, float* y) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) Store(y + i, kFunction(L::Load(x + i)));
  if (i < n) StorePartial(y + i, n - i, kFunction(L::LoadPartial(x + i, n - i)));
}

template <typename L, L (*kFunction)(L, L)>
static void ZipSpan(const float* a, const float* b, size_t n, float* y) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) Store(y + i, kFunction(L::Load(a + i), L::Load(b + i)));
  if (i < n) {
    StorePartial(y + i, n - i, kFunction(L::LoadPartial(a + i, n - i), L::LoadPartial(b + i, n - i)));
  }
}

template <typename L, L (*kFunction)(L, L)>
static void ZipScalarSpan(const float* a, float b, size_t n, float* y) {
  const L second = L::Set(b);
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) Store(y + i, kFunction(L::Load(a + i), second));
  if (i < n) StorePartial(y + i, n - i, kFunction(L::LoadPartial(a + i, n - i), second));
}

// The lanes' own functions are found by their argument's type in calls only; as template arguments they need a name.
template <typename L>
QUANTD_INLINE L Sum(L a, L b) {
  return Add(a, b);
}
template <typename L>
QUANTD_INLINE L Difference(L a, L b) {
  return Sub(a, b);
}
template <typename L>
QUANTD_INLINE L Product(L a, L b) {
  return Mul(a, b);
}
template <typename L>
QUANTD_INLINE L Quotient(L a, L b) {
  return Div(a, b);
}

// A NaN wins, whichever operand it is.
template <typename L>
QUANTD_INLINE L Larger(L a, L b) {
  return SelectEqual(a, a, SelectLess(b, a, a, b), a);
}
template <typename L>
QUANTD_INLINE L Smaller(L a, L b) {
  return SelectEqual(a, a, SelectLess(a, b, a, b), a);
}

// The lanes' sum in double, first lane first.
template <typename L>
QUANTD_INLINE double SumOfLanes(L x) {
  float values[kLanes];
  Store(values, x);
  double sum = 0;
  for (size_t i = 0; i < kLanes; ++i) sum += static_cast<double>(values[i]);
  return sum;
}

template <typename L>
QUANTD_INLINE float HighestOfLanes(L x) {
  float values[kLanes];
  Store(values, x);
  float highest = values[0];
  for (size_t i = 1; i < kLanes; ++i) highest = highest > values[i] ? highest : values[i];
  return highest;
}

template <typename L>
QUANTD_INLINE float LowestOfLanes(L x) {
  float values[kLanes];
  Store(values, x);
  float lowest = values[0];
  for (size_t i = 1; i < kLanes; ++i) lowest = lowest < values[i] ? lowest : values[i];
  return lowest;
}

// y = scale x + mask; returns the highest.
template <typename L>
QUANTD_INLINE float ScaleAndMask(const float* x, size_t n, float scale, const float* mask, float* y) {
  const L factor = L::Set(scale), least = L::Set(-kInfinity);
  L highest = least;
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    L v = Mul(L::Load(x + i), factor);
    if (mask != nullptr) v = Add(v, L::Load(mask + i));
    Store(y + i, v);
    highest = Max(highest, v);
  }
  if (i < n) {
    L v = Mul(L::LoadPartial(x + i, n - i), factor);
    if (mask != nullptr) v = Add(v, L::LoadPartial(mask + i, n - i));
    StorePartial(y + i, n - i, v);
    highest = Max(highest, KeepFirst(v, n - i, least));
  }
  return HighestOfLanes(highest);
}

template <typename L>
static void SoftmaxRow(const float* x, size_t n, float scale, const float* mask, float* y) {
  const L highest = L::Set(ScaleAndMask<L>(x, n, scale, mask, y));
  double total = 0;
  for (size_t begin = 0; begin < n; begin += kSumBlock) {
    const size_t end = n - begin < kSumBlock ? n : begin + kSumBlock;
    L sum = L::Set(0.0f);
    size_t i = begin;
    for (; i + kLanes <= end; i += kLanes) {
      const L e = Exp(Sub(L::Load(y + i), highest));
      Store(y + i, e);
      sum = Add(sum, e);
    }
    if (i < end) {
      const L e = Exp(Sub(L::LoadPartial(y + i, end - i), highest));
      StorePartial(y + i, end - i, e);
      sum = Add(sum, KeepFirst(e, end - i, L::Set(0.0f)));
    }
    total += SumOfLanes(sum);
  }
  ZipScalarSpan<L, &Product<L>>(y, static_cast<float>(1 / total), n, y);
}

// The sum of f(x) with f(x) = x, or (x - mean)^2.
template <typename L, bool kSquares>
QUANTD_INLINE double SumOver(const float* x, size_t n, float mean) {
  const L centre = L::Set(mean);
  double total = 0;
  for (size_t begin = 0; begin < n; begin += kSumBlock) {
    const size_t end = n - begin < kSumBlock ? n : begin + kSumBlock;
    L sum = L::Set(0.0f);
    size_t i = begin;
    for (; i + kLanes <= end; i += kLanes) {
      const L v = Sub(L::Load(x + i), centre);
      sum = kSquares ? MulAdd(v, v, sum) : Add(sum, v);
    }
    if (i < end) {
      const L v = KeepFirst(Sub(L::LoadPartial(x + i, end - i), centre), end - i, L::Set(0.0f));
      sum = kSquares ? MulAdd(v, v, sum) : Add(sum, v);
    }
    total += SumOfLanes(sum);
  }
  return total;
}

template <typename L>
QUANTD_INLINE L Normalized(L x, L mean, L factor, const float* gamma, const float* beta, size_t count) {
  L v = Mul(Sub(x, mean), factor);
  if (gamma != nullptr) v = Mul(v, count == kLanes ? L::Load(gamma) : L::LoadPartial(gamma, count));
  if (beta != nullptr) v = Add(v, count == kLanes ? L::Load(beta) : L::LoadPartial(beta, count));
  return v;
}

template <typename L>
static void LayerNormalizeRow(const LayerNormRow& row) {
  const float* x = row.x;
  const size_t n = row.n;
  if (row.residual != nullptr) {
    float* const sum = row.sum != nullptr ? row.sum : row.y;
    ZipSpan<L, &Sum<L>>(row.x, row.residual, n, sum);
    x = sum;
  }
  const double count = static_cast<double>(n);
  const float mean = static_cast<float>(SumOver<L, false>(x, n, 0) / count);
  const double variance = SumOver<L, true>(x, n, mean) / count + static_cast<double>(row.epsilon);
  const L centre = L::Set(mean);
  const L factor = L::Set(static_cast<float>(1 / __builtin_sqrt(variance)));
  for (size_t i = 0; i < n; i += kLanes) {
    const size_t left = n - i < kLanes ? n - i : kLanes;
    const float* const gamma = row.gamma == nullptr ? nullptr : row.gamma + i;
    const float* const beta = row.beta == nullptr ? nullptr : row.beta + i;
    if (left == kLanes) {
      Store(row.y + i, Normalized(L::Load(x + i), centre, factor, gamma, beta, kLanes));
    } else {
      StorePartial(row.y + i, left, Normalized(L::LoadPartial(x + i, left), centre, factor, gamma, beta, left));
    }
  }
}

template <typename L>
QUANTD_INLINE L Unchanged(L x) {
  return x;
}

template <typename L, L (*kFunction)(L)>
QUANTD_INLINE void FinishRow(float* y, size_t n, const float* bias, const float* residual) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    L v = L::Load(y + i);
    if (bias != nullptr) v = Add(v, L::Load(bias + i));
    v = kFunction(v);
    if (residual != nullptr) v = Add(v, L::Load(residual + i));
    Store(y + i, v);
  }
  if (i == n) return;
  L v = L::LoadPartial(y + i, n - i);
  if (bias != nullptr) v = Add(v, L::LoadPartial(bias + i, n - i));
  v = kFunction(v);
  if (residual != nullptr) v = Add(v, L::LoadPartial(residual + i, n - i));
  StorePartial(y + i, n - i, v);
}

template <typename L>
static void EpilogueRow(float* y, size_t n, const RowEpilogue& epilogue) {
  const float* const bias = epilogue.bias;
  const float* const residual = epilogue.residual;
  switch (epilogue.activation) {
    case Activation::kNone: return FinishRow<L, &Unchanged<L>>(y, n, bias, residual);
    case Activation::kRelu: return FinishRow<L, &Relu<L>>(y, n, bias, residual);
    case Activation::kGeluErf: return FinishRow<L, &GeluErf<L>>(y, n, bias, residual);
    case Activation::kGeluTanh: return FinishRow<L, &GeluTanh<L>>(y, n, bias, residual);
    case Activation::kSilu: return FinishRow<L, &Silu<L>>(y, n, bias, residual);
    case Activation::kSigmoid: return FinishRow<L, &Sigmoid<L>>(y, n, bias, residual);
    case Activation::kTanh: return FinishRow<L, &Tanh<L>>(y, n, bias, residual);
    case Activation::kHardSwish: return FinishRow<L, &HardSwish<L>>(y, n, bias, residual);
  }
}

}  // namespace quantd::lanes
