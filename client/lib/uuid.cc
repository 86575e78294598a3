#include "client/lib/uuid.h"

#include <cstdint>
#include <random>

#include "absl/strings/str_format.h"

namespace quantd {

std::string MakeUuid() {
  std::random_device entropy;
  const auto word = [&entropy] { return static_cast<uint32_t>(entropy()); };
  const uint32_t a = word(), b = word(), c = word(), d = word();
  // Version 4 in the third group, variant 10 in the fourth.
  return absl::StrFormat("%08x-%04x-4%03x-%04x-%04x%08x", a, b >> 16, b & 0xfff,
                         0x8000 | (c >> 16 & 0x3fff), c & 0xffff, d);
}

}  // namespace quantd
