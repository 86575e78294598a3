// Decompression with a bound on the output that holds before anything is allocated.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace quantd {

// DEFLATE cannot expand beyond 1032:1 (a match of 258 bytes takes at least two bits), so a declared
// size above this many times the compressed size is a lie.
inline constexpr int64_t kDeflateRatioMax = 1032;

// Whether `bytes` start like a gzip member (RFC 1952).
bool IsGzip(absl::string_view bytes);

// The first `bytes_max` bytes of the content, or all of it when shorter. INVALID_ARGUMENT with a
// plain message for damaged data.
absl::StatusOr<std::string> GunzipPrefix(absl::string_view gzip, int64_t bytes_max);

// The whole content of one gzip member, at most `bytes_max` long, checksum verified.
// INVALID_ARGUMENT for damaged or truncated data, more content, or bytes after the member.
absl::StatusOr<std::string> Gunzip(absl::string_view gzip, int64_t bytes_max);

// Raw DEFLATE (as in zip files) of exactly `size` bytes. INVALID_ARGUMENT otherwise.
absl::StatusOr<std::string> InflateRaw(absl::string_view deflated, int64_t size);

}  // namespace quantd
