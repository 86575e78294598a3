// SHA-256 (FIPS 180-4) as lower-case hexadecimal: the name of every blob.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace quantd {

// Streams bytes into one digest. Not thread-safe.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void Update(absl::string_view bytes);

  // 64 hexadecimal digits. REQUIRES: called once; no Update() afterwards.
  std::string HexDigest();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// The digest of `bytes`.
std::string Sha256Hex(absl::string_view bytes);

// The digest of a file's content. NOT_FOUND, PERMISSION_DENIED or UNAVAILABLE name the path.
absl::StatusOr<std::string> Sha256HexOfFile(const std::string& path);

// Whether `text` is 64 lower-case hexadecimal digits.
bool IsSha256Hex(absl::string_view text);

}  // namespace quantd
