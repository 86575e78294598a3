// Numbers out of bytes that may lie at any address and come in either byte order.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/strings/string_view.h"

namespace quantd {

static_assert(std::endian::native == std::endian::little, "array readers copy little-endian data");

// REQUIRES: offset + sizeof(T) <= bytes.size().
template <typename T>
T LittleEndianAt(absl::string_view bytes, size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

// REQUIRES: offset + 4 <= bytes.size().
inline uint32_t BigEndian32At(absl::string_view bytes, size_t offset) {
  return __builtin_bswap32(LittleEndianAt<uint32_t>(bytes, offset));
}

// Reverses each of `count` elements of `width` bytes in place.
inline void SwapByteOrder(void* elements, size_t count, size_t width) {
  auto* byte = static_cast<unsigned char*>(elements);
  for (size_t i = 0; i < count; ++i, byte += width) {
    for (size_t k = 0; k < width / 2; ++k) {
      const unsigned char low = byte[k];
      byte[k] = byte[width - 1 - k];
      byte[width - 1 - k] = low;
    }
  }
}

}  // namespace quantd
