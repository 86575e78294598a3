// What the arithmetic operators do with two numbers. Integers wrap as two's complement, whatever their width; floats
// follow IEEE 754. Nothing traps.
#pragma once

#include <type_traits>

namespace quantd::cpu {

// An unsigned type at least as wide as int: what narrower types would be promoted to is signed and may overflow.
template <typename T>
using Modular = std::make_unsigned_t<std::conditional_t<(sizeof(T) < sizeof(int)), int, T>>;

struct AddOp {
  template <typename T>
  static T Of(T a, T b) {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(static_cast<Modular<T>>(a) + static_cast<Modular<T>>(b));
    } else {
      return a + b;
    }
  }
};

struct SubOp {
  template <typename T>
  static T Of(T a, T b) {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(static_cast<Modular<T>>(a) - static_cast<Modular<T>>(b));
    } else {
      return a - b;
    }
  }
};

struct MulOp {
  template <typename T>
  static T Of(T a, T b) {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(static_cast<Modular<T>>(a) * static_cast<Modular<T>>(b));
    } else {
      return a * b;
    }
  }
};

// Integers are cut towards zero. The quotients that the hardware traps on, which ONNX leaves undefined, are 0 for a zero
// divisor and the wrapped negation for the least integer by -1.
struct DivOp {
  template <typename T>
  static T Of(T a, T b) {
    if constexpr (std::is_integral_v<T>) {
      if (b == 0) return 0;
      if constexpr (std::is_signed_v<T>) {
        if (b == T(-1)) return SubOp::Of(T(0), a);
      }
      return static_cast<T>(a / b);
    } else {
      return a / b;
    }
  }
};

// A NaN is the largest and the smallest of all, as in NumPy.
struct MaxOp {
  template <typename T>
  static T Of(T a, T b) {
    return a > b || a != a ? a : b;
  }
};

struct MinOp {
  template <typename T>
  static T Of(T a, T b) {
    return a < b || a != a ? a : b;
  }
};

}  // namespace quantd::cpu
