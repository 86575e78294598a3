// The form of bearer tokens, so that none gets into a log or an error: whoever types a secret where
// a name or a file belongs would find it quoted there.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace quantd {

// A secret reads "quantd_<id>_<64 hexadecimal digits>": the prefix lets scanners of repositories
// find it.
inline constexpr char kSecretPrefix[] = "quantd_";

// `text` with "[secret]" for the digits of every token in it, also of one that was cut off after 16
// of them. The id stays: it is no secret, and tells which token to revoke.
std::string WithoutSecrets(absl::string_view text);

// Whether a token, or most of one, is in `text`.
bool HoldsSecret(absl::string_view text);

}  // namespace quantd
