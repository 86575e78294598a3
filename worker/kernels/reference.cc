// The kernels in plain C++: what runs where there is no AVX2, and what the other tables must equal bit for bit.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "worker/kernels/kernel_table.h"
#include "worker/kernels/lanes/codes.h"

namespace quantd {
namespace {

constexpr size_t kCount = 16;

struct Lanes {
  float v[kCount];

  static Lanes Set(float x) {
    Lanes lanes;
    for (float& lane : lanes.v) lane = x;
    return lanes;
  }
  static Lanes Load(const float* p) { return LoadPartial(p, kCount); }
  static Lanes LoadPartial(const float* p, size_t n) {
    Lanes lanes = {};
    std::memcpy(lanes.v, p, n * sizeof(float));
    return lanes;
  }
  template <typename Code>
  static Lanes LoadCodes(const Code* p) {
    Lanes lanes;
    for (size_t i = 0; i < kCount; ++i) lanes.v[i] = static_cast<float>(p[i]);
    return lanes;
  }
};

template <typename Function>
Lanes Each(Function f) {
  Lanes lanes;
  for (size_t i = 0; i < kCount; ++i) lanes.v[i] = f(i);
  return lanes;
}

void StorePartial(float* p, size_t n, Lanes a) { std::memcpy(p, a.v, n * sizeof(float)); }
void Store(float* p, Lanes a) { StorePartial(p, kCount, a); }
template <typename Code>
void StoreCodes(Code* p, Lanes a) {
  for (size_t i = 0; i < kCount; ++i) p[i] = static_cast<Code>(static_cast<int32_t>(a.v[i]));
}
void StoreIntegers(int32_t* p, Lanes a) { StoreCodes(p, a); }

Lanes Add(Lanes a, Lanes b) { return Each([&](size_t i) { return a.v[i] + b.v[i]; }); }
Lanes Sub(Lanes a, Lanes b) { return Each([&](size_t i) { return a.v[i] - b.v[i]; }); }
Lanes Mul(Lanes a, Lanes b) { return Each([&](size_t i) { return a.v[i] * b.v[i]; }); }
Lanes Div(Lanes a, Lanes b) { return Each([&](size_t i) { return a.v[i] / b.v[i]; }); }
Lanes MulAdd(Lanes a, Lanes b, Lanes c) {
  return Each([&](size_t i) { return std::fma(a.v[i], b.v[i], c.v[i]); });
}
Lanes NegMulAdd(Lanes a, Lanes b, Lanes c) {
  return Each([&](size_t i) { return std::fma(-a.v[i], b.v[i], c.v[i]); });
}
// As the processor's: the second one where they are equal or one is NaN.
Lanes Min(Lanes a, Lanes b) { return Each([&](size_t i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; }); }
Lanes Max(Lanes a, Lanes b) { return Each([&](size_t i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; }); }
Lanes Abs(Lanes a) { return Each([&](size_t i) { return std::fabs(a.v[i]); }); }
Lanes CopySign(Lanes a, Lanes sign) { return Each([&](size_t i) { return std::copysign(a.v[i], sign.v[i]); }); }
Lanes Round(Lanes a) { return Each([&](size_t i) { return std::nearbyint(a.v[i]); }); }
Lanes Floor(Lanes a) { return Each([&](size_t i) { return std::floor(a.v[i]); }); }
// 2^n for an integer n in [-126, 127]. NaN gives some number, which NaN elsewhere overrules.
Lanes PowerOfTwo(Lanes n) {
  return Each([&](size_t i) { return std::isnan(n.v[i]) ? 1.0f : std::ldexp(1.0f, static_cast<int>(n.v[i])); });
}
Lanes SelectLess(Lanes a, Lanes b, Lanes x, Lanes y) {
  return Each([&](size_t i) { return a.v[i] < b.v[i] ? x.v[i] : y.v[i]; });
}
Lanes SelectEqual(Lanes a, Lanes b, Lanes x, Lanes y) {
  return Each([&](size_t i) { return a.v[i] == b.v[i] ? x.v[i] : y.v[i]; });
}
Lanes KeepFirst(Lanes a, size_t n, Lanes other) {
  return Each([&](size_t i) { return i < n ? a.v[i] : other.v[i]; });
}

constexpr KernelTable kTable = lanes::TableOf<Lanes>("reference");

}  // namespace

const KernelTable* ReferenceKernels() { return &kTable; }

}  // namespace quantd
