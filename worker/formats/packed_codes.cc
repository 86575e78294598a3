#include "worker/formats/packed_codes.h"

#include <cstring>

#include "common/check.h"

namespace quantd {

void UnpackCodes(DataType type, const void* bytes, int64_t begin, int64_t count, int8_t* codes) {
  QUANTD_CHECK(IsPacked(type));
  const int bits = BitsOf(type);
  const bool is_signed = type == DataType::kInt4 || type == DataType::kInt2;
  const auto* from = static_cast<const uint8_t*>(bytes);
  // Moving a code to the top of its byte and back copies its sign.
  const int top = 8 - bits;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t bit = (begin + i) * bits;
    const auto lifted = static_cast<uint8_t>(from[bit / 8] >> (bit % 8) << top);
    codes[i] = is_signed ? static_cast<int8_t>(static_cast<int8_t>(lifted) >> top)
                         : static_cast<int8_t>(lifted >> top);
  }
}

void PackCodes(DataType type, const int8_t* codes, int64_t count, void* bytes) {
  QUANTD_CHECK(IsPacked(type));
  const int bits = BitsOf(type);
  const int mask = (1 << bits) - 1;
  auto* to = static_cast<uint8_t*>(bytes);
  std::memset(to, 0, BytesFor(type, count));
  for (int64_t i = 0; i < count; ++i) {
    const int64_t bit = i * bits;
    to[bit / 8] = static_cast<uint8_t>(to[bit / 8] | ((codes[i] & mask) << (bit % 8)));
  }
}

}  // namespace quantd
