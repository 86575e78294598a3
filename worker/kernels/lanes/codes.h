// Ranges, histograms, and integer codes, on top of lanes/math.h; see there for `L`.
#pragma once

#include <cstddef>
#include <cstdint>

#include "worker/kernels/kernel_table.h"
#include "worker/kernels/lanes/rows.h"

namespace quantd::lanes {

// The range where some values are no finite numbers.
template <typename L>
static ValueRange RangeOfFinite(const float* x, size_t n) {
  const L infinity = L::Set(kInfinity), minus_infinity = L::Set(-kInfinity);
  L lower = infinity, upper = minus_infinity;
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const L v = L::Load(x + i);
    // NaN is not less than infinity either.
    lower = Min(lower, SelectLess(Abs(v), infinity, v, infinity));
    upper = Max(upper, SelectLess(Abs(v), infinity, v, minus_infinity));
  }
  if (i < n) {
    const L v = KeepFirst(L::LoadPartial(x + i, n - i), n - i, infinity);
    lower = Min(lower, SelectLess(Abs(v), infinity, v, infinity));
    upper = Max(upper, SelectLess(Abs(v), infinity, v, minus_infinity));
  }
  return {LowestOfLanes(lower), HighestOfLanes(upper), false};
}

template <typename L>
static ValueRange RangeOf(const float* x, size_t n) {
  const L zero = L::Set(0.0f);
  // Two sets of registers: each step would wait for the one before.
  L lower = L::Set(kInfinity), upper = L::Set(-kInfinity), odd = zero;
  L lower2 = lower, upper2 = upper, odd2 = zero;
  constexpr size_t kAhead = 1024;  // What a processor reads ahead of its own accord ends with a page.
  size_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    __builtin_prefetch(x + i + kAhead);
    __builtin_prefetch(x + i + kAhead + kLanes);
    const L v = L::Load(x + i), w = L::Load(x + i + kLanes);
    lower = Min(v, lower);
    upper = Max(v, upper);
    odd = MulAdd(v, zero, odd);  // NaN from NaN or an infinity on.
    lower2 = Min(w, lower2);
    upper2 = Max(w, upper2);
    odd2 = MulAdd(w, zero, odd2);
  }
  for (; i < n; i += kLanes) {
    const L v = i + kLanes <= n ? L::Load(x + i) : KeepFirst(L::LoadPartial(x + i, n - i), n - i, L::Set(x[0]));
    lower = Min(v, lower);
    upper = Max(v, upper);
    odd = MulAdd(v, zero, odd);
  }
  const L flag = SelectEqual(Add(odd, odd2), zero, zero, L::Set(1.0f));
  if (HighestOfLanes(flag) > 0) return RangeOfFinite<L>(x, n);
  return {LowestOfLanes(Min(lower, lower2)), HighestOfLanes(Max(upper, upper2))};
}

static_assert(kZeroCounters == kLanes);
static constexpr float kLaneNumbers[kLanes] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

template <typename L>
QUANTD_INLINE L BinOf(L x, L scale, float bins) {
  const L zero = L::Set(0.0f), infinity = L::Set(kInfinity);
  L v = Mul(x, scale);
  // A tiny negative number whose product is rounded to zero still lies in the bin below zero.
  v = SelectLess(x, zero, Min(v, L::Set(-1e-30f)), v);
  L bin = Add(Floor(v), L::Set(bins / 2));
  bin = SelectEqual(x, zero, Add(L::Load(kLaneNumbers), L::Set(bins)), bin);
  const L odd = SelectEqual(Abs(x), infinity, L::Set(bins + kZeroCounters + 1), L::Set(bins + kZeroCounters));
  return SelectLess(Abs(x), infinity, bin, odd);
}

template <typename L>
static void HistogramBins(const float* x, size_t n, float scale, int32_t bins, int32_t* bin) {
  const L factor = L::Set(scale);
  const float count = static_cast<float>(bins);
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) StoreIntegers(bin + i, BinOf(L::Load(x + i), factor, count));
  if (i == n) return;
  int32_t tail[kLanes];
  StoreIntegers(tail, BinOf(L::LoadPartial(x + i, n - i), factor, count));
  for (size_t k = 0; i + k < n; ++k) bin[i + k] = tail[k];
}

// The code less the zero point, as a float.
template <typename L>
QUANTD_INLINE L Centred(L x, L scale, L lowest, L highest) {
  // The order of the operands sends NaN to the lower limit.
  return Min(Max(Round(Div(x, scale)), lowest), highest);
}

template <typename L>
static void FakeQuantize(const float* x, size_t n, float scale, float lowest, float highest, float* y) {
  const L step = L::Set(scale), lo = L::Set(lowest), hi = L::Set(highest), zero = L::Set(0.0f);
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    // An integer has no negative zero: adding +0 takes the sign away.
    Store(y + i, Mul(Add(Centred(L::Load(x + i), step, lo, hi), zero), step));
  }
  if (i < n) {
    const L v = Centred(L::LoadPartial(x + i, n - i), step, lo, hi);
    StorePartial(y + i, n - i, Mul(Add(v, zero), step));
  }
}

template <typename L, typename Code, int kLowest, int kHighest>
static void Quantize(const float* x, size_t n, float scale, int32_t zero_point, Code* codes) {
  const L step = L::Set(scale), zero = L::Set(static_cast<float>(zero_point));
  const L lo = L::Set(static_cast<float>(kLowest - zero_point)), hi = L::Set(static_cast<float>(kHighest - zero_point));
  size_t i = 0;
  // Numbers of this size are exact in float, the zero point added.
  for (; i + kLanes <= n; i += kLanes) {
    StoreCodes(codes + i, Add(Centred(L::Load(x + i), step, lo, hi), zero));
  }
  if (i == n) return;
  Code tail[kLanes];
  StoreCodes(tail, Add(Centred(L::LoadPartial(x + i, n - i), step, lo, hi), zero));
  for (size_t k = 0; i + k < n; ++k) codes[i + k] = tail[k];
}

template <typename L, typename Code>
static void Dequantize(const Code* codes, size_t n, float scale, int32_t zero_point, float* y) {
  const L step = L::Set(scale), zero = L::Set(static_cast<float>(zero_point));
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) Store(y + i, Mul(Sub(L::LoadCodes(codes + i), zero), step));
  if (i == n) return;
  Code tail[kLanes] = {};
  for (size_t k = 0; i + k < n; ++k) tail[k] = codes[i + k];
  StorePartial(y + i, n - i, Mul(Sub(L::LoadCodes(tail), zero), step));
}

// Every kernel over lanes of type `L`.
template <typename L>
static constexpr KernelTable TableOf(const char* isa) {
  return {
      .isa = isa,
      .exp = &MapSpan<L, &Exp<L>>,
      .erf = &MapSpan<L, &Erf<L>>,
      .tanh = &MapSpan<L, &Tanh<L>>,
      .sigmoid = &MapSpan<L, &Sigmoid<L>>,
      .relu = &MapSpan<L, &Relu<L>>,
      .gelu_erf = &MapSpan<L, &GeluErf<L>>,
      .gelu_tanh = &MapSpan<L, &GeluTanh<L>>,
      .silu = &MapSpan<L, &Silu<L>>,
      .hard_swish = &MapSpan<L, &HardSwish<L>>,
      .add = &ZipSpan<L, &Sum<L>>,
      .sub = &ZipSpan<L, &Difference<L>>,
      .mul = &ZipSpan<L, &Product<L>>,
      .div = &ZipSpan<L, &Quotient<L>>,
      .max = &ZipSpan<L, &Larger<L>>,
      .min = &ZipSpan<L, &Smaller<L>>,
      .add_scalar = &ZipScalarSpan<L, &Sum<L>>,
      .mul_scalar = &ZipScalarSpan<L, &Product<L>>,
      .div_scalar = &ZipScalarSpan<L, &Quotient<L>>,
      .softmax_row = &SoftmaxRow<L>,
      .layer_norm_row = &LayerNormalizeRow<L>,
      .epilogue_row = &EpilogueRow<L>,
      .range = &RangeOf<L>,
      .histogram_bins = &HistogramBins<L>,
      .fake_quantize = &FakeQuantize<L>,
      .quantize_u8 = &Quantize<L, uint8_t, 0, 255>,
      .quantize_s8 = &Quantize<L, int8_t, -128, 127>,
      .dequantize_u8 = &Dequantize<L, uint8_t>,
      .dequantize_s8 = &Dequantize<L, int8_t>,
  };
}

}  // namespace quantd::lanes
