#include "server/core/ids.h"

#include <sys/random.h>

#include "common/check.h"

namespace quantd {

std::string FormatUlid(absl::Time time, unsigned __int128 random) {
  // No i, l, o and u: nobody reads one for another.
  constexpr char kDigits[] = "0123456789abcdefghjkmnpqrstvwxyz";
  constexpr int kCharacters = 26;
  const auto milliseconds = static_cast<unsigned __int128>(absl::ToUnixMillis(time));
  unsigned __int128 value =
      (milliseconds << 80) | (random & ((static_cast<unsigned __int128>(1) << 80) - 1));
  std::string text(kCharacters, '0');
  for (int i = kCharacters - 1; i >= 0; --i) {
    text[static_cast<size_t>(i)] = kDigits[static_cast<size_t>(value & 31)];
    value >>= 5;
  }
  return text;
}

std::string UlidSource::Next() {
  unsigned __int128 random = 0;
  QUANTD_CHECK(::getrandom(&random, sizeof(random), 0) == sizeof(random));
  return FormatUlid(clock_->Now(), random);
}

}  // namespace quantd
