// A compact binary form for checkpoints: varints and little-endian floats. Reading is bounded by the bytes given.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace quantd {

class BinaryWriter {
 public:
  void Unsigned(uint64_t value);
  void Signed(int64_t value);  // Zigzag.
  void Float(float value);
  void Double(double value);
  void Bytes(absl::string_view bytes);  // Length first.
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Every method: INVALID_ARGUMENT when the bytes end too early or are malformed.
class BinaryReader {
 public:
  explicit BinaryReader(absl::string_view bytes) : rest_(bytes) {}
  absl::StatusOr<uint64_t> Unsigned();
  absl::StatusOr<int64_t> Signed();
  absl::StatusOr<float> Float();
  absl::StatusOr<double> Double();
  absl::StatusOr<absl::string_view> Bytes();
  absl::string_view rest() const { return rest_; }

 private:
  absl::string_view rest_;
};

}  // namespace quantd
