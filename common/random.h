// A seeded generator with the same sequence on every platform: SplitMix64 (Steele, Lea, Flood, 2014).
// Not for secrets. Not thread-safe; give each task its own, derived by Fork().
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace quantd {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    state_ += 0x9e3779b97f4a7c15u;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  // Uniform in [0, n) without bias (Lemire's rejection). REQUIRES: n > 0.
  uint64_t Below(uint64_t n) {
    const uint64_t threshold = (0 - n) % n;
    while (true) {
      const unsigned __int128 product = static_cast<unsigned __int128>(Next()) * n;
      if (static_cast<uint64_t>(product) >= threshold) return static_cast<uint64_t>(product >> 64);
    }
  }

  // Uniform in [0, 1), a multiple of 2^-53.
  double Uniform() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

  // An independent stream for item `index`.
  Random Fork(uint64_t index) const {
    Random child(state_ ^ (index * 0xd1342543de82ef95u + 0x632be59bd9b4e019u));
    child.Next();
    return child;
  }

  // Fisher-Yates.
  template <typename T>
  void Shuffle(std::vector<T>& items) {
    for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[Below(i)]);
  }

 private:
  uint64_t state_;
};

}  // namespace quantd
