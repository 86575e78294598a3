#include "worker/observe/binary_codec.h"

#include <bit>
#include <cstring>

#include "common/status_macros.h"

namespace quantd {
namespace {

absl::Status Truncated() { return absl::InvalidArgumentError("the bytes end too early"); }

}  // namespace

void BinaryWriter::Unsigned(uint64_t value) {
  for (; value >= 0x80; value >>= 7) bytes_.push_back(static_cast<char>(value | 0x80));
  bytes_.push_back(static_cast<char>(value));
}

void BinaryWriter::Signed(int64_t value) {
  Unsigned((static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63));
}

void BinaryWriter::Float(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  for (int shift = 0; shift < 32; shift += 8) bytes_.push_back(static_cast<char>(bits >> shift));
}

void BinaryWriter::Double(double value) {
  const uint64_t bits = std::bit_cast<uint64_t>(value);
  for (int shift = 0; shift < 64; shift += 8) bytes_.push_back(static_cast<char>(bits >> shift));
}

void BinaryWriter::Bytes(absl::string_view bytes) {
  Unsigned(bytes.size());
  bytes_.append(bytes.data(), bytes.size());
}

absl::StatusOr<uint64_t> BinaryReader::Unsigned() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (rest_.empty()) return Truncated();
    const uint64_t byte = static_cast<unsigned char>(rest_[0]);
    rest_.remove_prefix(1);
    if (shift == 63 && byte > 1) break;  // Only one bit is left.
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  return absl::InvalidArgumentError("a number is too long");
}

absl::StatusOr<int64_t> BinaryReader::Signed() {
  ASSIGN_OR_RETURN(const uint64_t value, Unsigned());
  return static_cast<int64_t>((value >> 1) ^ (0 - (value & 1)));
}

absl::StatusOr<float> BinaryReader::Float() {
  if (rest_.size() < 4) return Truncated();
  uint32_t bits;
  std::memcpy(&bits, rest_.data(), 4);
  rest_.remove_prefix(4);
  return std::bit_cast<float>(bits);
}

absl::StatusOr<double> BinaryReader::Double() {
  if (rest_.size() < 8) return Truncated();
  uint64_t bits;
  std::memcpy(&bits, rest_.data(), 8);
  rest_.remove_prefix(8);
  return std::bit_cast<double>(bits);
}

absl::StatusOr<absl::string_view> BinaryReader::Bytes() {
  ASSIGN_OR_RETURN(const uint64_t size, Unsigned());
  if (size > rest_.size()) return Truncated();
  const absl::string_view bytes = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return bytes;
}

}  // namespace quantd
