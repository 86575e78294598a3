// Zip and gzip files, byte by byte: honest ones, and such as no archiver writes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace quantd::hostile {

// Little-endian.
std::string Le16(uint64_t value);
std::string Le32(uint64_t value);
std::string Le64(uint64_t value);
// Big-endian.
std::string Be32(uint64_t value);

// What comes before and after the content of a compressed stream.
enum class Wrapper { kNone, kGzip, kZlib };

// `begin`, then `zeros` bytes of zero, compressed as well as zlib can. Memory O(result).
std::string Deflated(absl::string_view begin, int64_t zeros, Wrapper wrapper);

// One entry of a zip file, and what its headers claim (APPNOTE.TXT 4.3.7, 4.3.12, 4.5.3).
struct ZipMember {
  std::string name;
  std::string packed;
  uint16_t method = 0;  // 0 stored, 8 deflated.
  uint16_t flags = 0;
  uint32_t crc = 0;
  uint32_t packed_bytes = 0;
  uint32_t bytes = 0;
  int64_t offset = -1;  // Of its local header; -1: where it is.
  std::string extra;    // Of the central header.
};

// An honest stored member.
ZipMember Stored(const std::string& name, const std::string& content);
// An honest deflated member that holds `begin` and then zeros.
ZipMember DeflatedMember(const std::string& name, const std::string& begin, int64_t zeros);

std::string Zip(const std::vector<ZipMember>& members);

}  // namespace quantd::hostile
