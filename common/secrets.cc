#include "common/secrets.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"

namespace quantd {
namespace {

constexpr size_t kPrefixBytes = sizeof(kSecretPrefix) - 1;
constexpr size_t kDigitsMin = 16;  // Of 64: fewer leave 192 bits to guess.
constexpr char kReplacement[] = "[secret]";

size_t EndOf(absl::string_view text, size_t begin, bool (*belongs)(char)) {
  return static_cast<size_t>(
      std::find_if_not(text.begin() + static_cast<ptrdiff_t>(begin), text.end(), belongs) -
      text.begin());
}

bool IsOfId(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-'; }
bool IsDigit(char c) { return absl::ascii_isxdigit(static_cast<unsigned char>(c)); }

}  // namespace

std::string WithoutSecrets(absl::string_view text) {
  std::string kept;
  size_t from = 0;  // What is before is in `kept`.
  for (size_t found = text.find(kSecretPrefix); found != absl::string_view::npos;
       found = text.find(kSecretPrefix, found + 1)) {
    const size_t id_end = EndOf(text, found + kPrefixBytes, IsOfId);
    if (found < from || id_end == text.size() || text[id_end] != '_') continue;
    const size_t end = EndOf(text, id_end + 1, IsDigit);
    if (end - id_end - 1 < kDigitsMin) continue;
    kept.append(text.data() + from, id_end + 1 - from);
    kept.append(kReplacement);
    from = end;
  }
  kept.append(text.data() + from, text.size() - from);
  return kept;
}

bool HoldsSecret(absl::string_view text) { return WithoutSecrets(text) != text; }

}  // namespace quantd
