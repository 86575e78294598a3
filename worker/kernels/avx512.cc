// The kernels with AVX-512 (F, DQ, BW, VL). This file alone is compiled for it: nothing here may be visible outside
// but the table.
#include "worker/kernels/kernel_table.h"

#ifdef __AVX512F__
#include <immintrin.h>

#include "worker/kernels/lanes/codes.h"

namespace quantd {
namespace {

__mmask16 FirstLanes(size_t n) { return static_cast<__mmask16>((1u << n) - 1u); }

struct Lanes {
  __m512 v;

  static Lanes Set(float x) { return {_mm512_set1_ps(x)}; }
  static Lanes Load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static Lanes LoadPartial(const float* p, size_t n) { return {_mm512_maskz_loadu_ps(FirstLanes(n), p)}; }
  static Lanes LoadCodes(const uint8_t* p) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return {_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes))};
  }
  static Lanes LoadCodes(const int8_t* p) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes))};
  }
};

void Store(float* p, Lanes a) { _mm512_storeu_ps(p, a.v); }
void StorePartial(float* p, size_t n, Lanes a) { _mm512_mask_storeu_ps(p, FirstLanes(n), a.v); }
void StoreIntegers(int32_t* p, Lanes a) { _mm512_storeu_si512(p, _mm512_cvtps_epi32(a.v)); }
void StoreCodes(uint8_t* p, Lanes a) {
  const __m512i codes = _mm512_cvtps_epi32(a.v);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(codes));
}
void StoreCodes(int8_t* p, Lanes a) { StoreCodes(reinterpret_cast<uint8_t*>(p), a); }

Lanes Add(Lanes a, Lanes b) { return {_mm512_add_ps(a.v, b.v)}; }
Lanes Sub(Lanes a, Lanes b) { return {_mm512_sub_ps(a.v, b.v)}; }
Lanes Mul(Lanes a, Lanes b) { return {_mm512_mul_ps(a.v, b.v)}; }
Lanes Div(Lanes a, Lanes b) { return {_mm512_div_ps(a.v, b.v)}; }
Lanes MulAdd(Lanes a, Lanes b, Lanes c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
Lanes NegMulAdd(Lanes a, Lanes b, Lanes c) { return {_mm512_fnmadd_ps(a.v, b.v, c.v)}; }
Lanes Min(Lanes a, Lanes b) { return {_mm512_min_ps(a.v, b.v)}; }
Lanes Max(Lanes a, Lanes b) { return {_mm512_max_ps(a.v, b.v)}; }
Lanes Abs(Lanes a) { return {_mm512_abs_ps(a.v)}; }
Lanes CopySign(Lanes a, Lanes sign) {
  const __m512 bit = _mm512_set1_ps(-0.0f);
  return {_mm512_or_ps(_mm512_andnot_ps(bit, a.v), _mm512_and_ps(bit, sign.v))};
}
Lanes Round(Lanes a) {
  return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
Lanes Floor(Lanes a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)}; }
// 2^n for an integer n in [-126, 127].
Lanes PowerOfTwo(Lanes n) {
  const __m512i exponent = _mm512_add_epi32(_mm512_cvtps_epi32(n.v), _mm512_set1_epi32(127));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(exponent, 23))};
}
Lanes SelectLess(Lanes a, Lanes b, Lanes x, Lanes y) {
  return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ), y.v, x.v)};
}
Lanes SelectEqual(Lanes a, Lanes b, Lanes x, Lanes y) {
  return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ), y.v, x.v)};
}
Lanes KeepFirst(Lanes a, size_t n, Lanes other) {
  return {_mm512_mask_blend_ps(FirstLanes(n), other.v, a.v)};
}

constexpr KernelTable kTable = lanes::TableOf<Lanes>("avx512");

}  // namespace

const KernelTable* Avx512Kernels() { return &kTable; }

}  // namespace quantd

#else

namespace quantd {

const KernelTable* Avx512Kernels() { return nullptr; }

}  // namespace quantd

#endif
