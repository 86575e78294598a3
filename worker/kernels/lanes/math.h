// Elementary functions over sixteen lanes. `L` is the lane type of one instruction set; it lives in an unnamed
// namespace of that instruction set's file, so that no instance of these templates can be shared with code
// that must run elsewhere. Polynomials are minimax fits (weighted least squares with Lawson's reweighting).
#pragma once

#define QUANTD_INLINE [[gnu::always_inline]] static inline

namespace quantd::lanes {

template <typename L>
struct Reduced {
  L n;  // round(x / ln 2)
  L r;  // x - n ln 2, in [-ln(2)/2, ln(2)/2]
};

template <typename L>
QUANTD_INLINE Reduced<L> ReduceByLn2(L x) {
  const L n = Round(Mul(x, L::Set(1.44269504f)));
  // ln 2 in two floats; the first product is subtracted without rounding.
  const L r = NegMulAdd(n, L::Set(0.693147182f), x);
  return {n, NegMulAdd(n, L::Set(-1.90465421e-9f), r)};
}

// (e^r - 1 - r) / r^2 on [-ln(2)/2, ln(2)/2]; e^r to 3e-9.
template <typename L>
QUANTD_INLINE L ExpTail(L r) {
  L q = MulAdd(L::Set(0.0013814596f), r, L::Set(0.0083687175f));
  q = MulAdd(q, r, L::Set(0.04166839f));
  q = MulAdd(q, r, L::Set(0.16666521f));
  return MulAdd(q, r, L::Set(0.49999994f));
}

template <typename L>
QUANTD_INLINE L Exp(L x) {
  // Beyond these ends the result is 0 or infinity. The order of the operands lets NaN through.
  x = Min(L::Set(88.8f), Max(L::Set(-104.0f), x));
  const Reduced<L> reduced = ReduceByLn2(x);
  const L r = reduced.r;
  const L p = Add(MulAdd(Mul(r, r), ExpTail(r), r), L::Set(1.0f));
  // 2^n in two factors: n reaches from -150 to 128, and the second product rounds once into the subnormals.
  const L half = Round(Mul(reduced.n, L::Set(0.5f)));
  return Mul(Mul(p, PowerOfTwo(half)), PowerOfTwo(Sub(reduced.n, half)));
}

// e^x - 1 for x in [-88, 0].
template <typename L>
QUANTD_INLINE L ExpMinusOne(L x) {
  const Reduced<L> reduced = ReduceByLn2(x);
  const L r = reduced.r;
  const L m = MulAdd(Mul(r, r), ExpTail(r), r);
  const L power = PowerOfTwo(reduced.n);
  return MulAdd(power, m, Sub(power, L::Set(1.0f)));
}

template <typename L>
QUANTD_INLINE L Tanh(L x) {
  // tanh|x| = -e / (2 + e) with e = exp(-2|x|) - 1; from 10 on it is 1. The small ones keep their precision in e.
  const L magnitude = Min(L::Set(10.0f), Abs(x));
  const L e = ExpMinusOne(Mul(magnitude, L::Set(-2.0f)));
  return CopySign(Div(e, Add(L::Set(2.0f), e)), x);
}

template <typename L>
QUANTD_INLINE L Sigmoid(L x) {
  const L e = Exp(Sub(L::Set(0.0f), x));
  return Div(L::Set(1.0f), Add(L::Set(1.0f), e));
}

template <typename L>
QUANTD_INLINE L Erf(L x) {
  // erf(x) = x P(x^2) / Q(x^2) to 2.1e-8 up to 3.95, and to more than 1 from there to 4.
  const L z = Min(L::Set(4.0f), Max(L::Set(-4.0f), x));
  const L t = Mul(z, z);
  L p = MulAdd(L::Set(2.025923e-06f), t, L::Set(0.0002846859f));
  p = MulAdd(p, t, L::Set(0.0038080802f));
  p = MulAdd(p, t, L::Set(0.0528752f));
  p = MulAdd(p, t, L::Set(0.19154842f));
  p = MulAdd(p, t, L::Set(1.1283791f));
  L q = MulAdd(L::Set(3.7831862e-05f), t, L::Set(0.001170706f));
  q = MulAdd(q, t, L::Set(0.015054928f));
  q = MulAdd(q, t, L::Set(0.114558846f));
  q = MulAdd(q, t, L::Set(0.50308806f));
  q = MulAdd(q, t, L::Set(1.0f));
  return Min(L::Set(1.0f), Max(L::Set(-1.0f), Div(Mul(z, p), q)));
}

template <typename L>
QUANTD_INLINE L Relu(L x) {
  return Max(L::Set(0.0f), x);
}

// x/2 (1 + erf(x / sqrt 2))
template <typename L>
QUANTD_INLINE L GeluErf(L x) {
  const L half = Mul(L::Set(0.5f), x);
  return MulAdd(half, Erf(Mul(x, L::Set(0.707106769f))), half);
}

// x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
template <typename L>
QUANTD_INLINE L GeluTanh(L x) {
  const L half = Mul(L::Set(0.5f), x);
  const L cube = Mul(Mul(x, x), x);
  const L inner = Mul(L::Set(0.797884583f), MulAdd(L::Set(0.044715f), cube, x));
  return MulAdd(half, Tanh(inner), half);
}

template <typename L>
QUANTD_INLINE L Silu(L x) {
  return Mul(x, Sigmoid(x));
}

// x max(0, min(1, x/6 + 1/2))
template <typename L>
QUANTD_INLINE L HardSwish(L x) {
  const L gate = Add(Mul(x, L::Set(1.0f / 6.0f)), L::Set(0.5f));
  return Mul(x, Max(L::Set(0.0f), Min(L::Set(1.0f), gate)));
}

}  // namespace quantd::lanes
