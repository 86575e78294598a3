// The kernels with AVX2 and FMA: sixteen lanes in two registers. This file alone is compiled for it: nothing here may
// be visible outside but the table.
#include "worker/kernels/kernel_table.h"

#ifdef __AVX2__
#include <immintrin.h>

#include "worker/kernels/lanes/codes.h"

namespace quantd {
namespace {

// The mask of the first n lanes is read from here at 16 - n.
alignas(64) constexpr int32_t kLaneMask[32] = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};

struct Masks {
  __m256i low, high;
};

Masks FirstLanes(size_t n) {
  const int32_t* const at = kLaneMask + 16 - n;
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)),
          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + 8))};
}

struct Lanes {
  __m256 a, b;

  static Lanes Set(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  static Lanes Load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
  static Lanes LoadPartial(const float* p, size_t n) {
    const Masks masks = FirstLanes(n);
    return {_mm256_maskload_ps(p, masks.low), _mm256_maskload_ps(p + 8, masks.high)};
  }
  static Lanes LoadCodes(const uint8_t* p) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return {_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes)),
            _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8)))};
  }
  static Lanes LoadCodes(const int8_t* p) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)),
            _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8)))};
  }
};

void Store(float* p, Lanes x) {
  _mm256_storeu_ps(p, x.a);
  _mm256_storeu_ps(p + 8, x.b);
}
void StorePartial(float* p, size_t n, Lanes x) {
  const Masks masks = FirstLanes(n);
  _mm256_maskstore_ps(p, masks.low, x.a);
  _mm256_maskstore_ps(p + 8, masks.high, x.b);
}
void StoreIntegers(int32_t* p, Lanes x) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_cvtps_epi32(x.a));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p + 8), _mm256_cvtps_epi32(x.b));
}
// The codes fit their type, so saturation never acts. The 16-bit pack interleaves the halves; the permutation undoes it.
__m256i Words(Lanes x) {
  return _mm256_permute4x64_epi64(_mm256_packs_epi32(_mm256_cvtps_epi32(x.a), _mm256_cvtps_epi32(x.b)), 0xd8);
}
void StoreCodes(uint8_t* p, Lanes x) {
  const __m256i words = Words(x);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                   _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
}
void StoreCodes(int8_t* p, Lanes x) {
  const __m256i words = Words(x);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                   _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
}

Lanes Add(Lanes x, Lanes y) { return {_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)}; }
Lanes Sub(Lanes x, Lanes y) { return {_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)}; }
Lanes Mul(Lanes x, Lanes y) { return {_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)}; }
Lanes Div(Lanes x, Lanes y) { return {_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)}; }
Lanes MulAdd(Lanes x, Lanes y, Lanes z) {
  return {_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)};
}
Lanes NegMulAdd(Lanes x, Lanes y, Lanes z) {
  return {_mm256_fnmadd_ps(x.a, y.a, z.a), _mm256_fnmadd_ps(x.b, y.b, z.b)};
}
Lanes Min(Lanes x, Lanes y) { return {_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)}; }
Lanes Max(Lanes x, Lanes y) { return {_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)}; }
Lanes Abs(Lanes x) {
  const __m256 bit = _mm256_set1_ps(-0.0f);
  return {_mm256_andnot_ps(bit, x.a), _mm256_andnot_ps(bit, x.b)};
}
Lanes CopySign(Lanes x, Lanes sign) {
  const __m256 bit = _mm256_set1_ps(-0.0f);
  return {_mm256_or_ps(_mm256_andnot_ps(bit, x.a), _mm256_and_ps(bit, sign.a)),
          _mm256_or_ps(_mm256_andnot_ps(bit, x.b), _mm256_and_ps(bit, sign.b))};
}
Lanes Round(Lanes x) {
  constexpr int kMode = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  return {_mm256_round_ps(x.a, kMode), _mm256_round_ps(x.b, kMode)};
}
Lanes Floor(Lanes x) { return {_mm256_floor_ps(x.a), _mm256_floor_ps(x.b)}; }
__m256 HalfPowerOfTwo(__m256 n) {
  const __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
  return _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23));
}
// 2^n for an integer n in [-126, 127].
Lanes PowerOfTwo(Lanes n) { return {HalfPowerOfTwo(n.a), HalfPowerOfTwo(n.b)}; }
Lanes SelectLess(Lanes s, Lanes t, Lanes x, Lanes y) {
  return {_mm256_blendv_ps(y.a, x.a, _mm256_cmp_ps(s.a, t.a, _CMP_LT_OQ)),
          _mm256_blendv_ps(y.b, x.b, _mm256_cmp_ps(s.b, t.b, _CMP_LT_OQ))};
}
Lanes SelectEqual(Lanes s, Lanes t, Lanes x, Lanes y) {
  return {_mm256_blendv_ps(y.a, x.a, _mm256_cmp_ps(s.a, t.a, _CMP_EQ_OQ)),
          _mm256_blendv_ps(y.b, x.b, _mm256_cmp_ps(s.b, t.b, _CMP_EQ_OQ))};
}
Lanes KeepFirst(Lanes x, size_t n, Lanes other) {
  const Masks masks = FirstLanes(n);
  return {_mm256_blendv_ps(other.a, x.a, _mm256_castsi256_ps(masks.low)),
          _mm256_blendv_ps(other.b, x.b, _mm256_castsi256_ps(masks.high))};
}

constexpr KernelTable kTable = lanes::TableOf<Lanes>("avx2");

}  // namespace

const KernelTable* Avx2Kernels() { return &kTable; }

}  // namespace quantd

#else

namespace quantd {

const KernelTable* Avx2Kernels() { return nullptr; }

}  // namespace quantd

#endif
