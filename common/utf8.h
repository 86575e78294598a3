// Text from outside made safe for protobuf strings and JSON.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace quantd {

// `text` with every byte that is not part of well-formed UTF-8 (RFC 3629) replaced by '?'.
std::string ToValidUtf8(absl::string_view text);

bool IsValidUtf8(absl::string_view text);

// `text` from a file of somebody else, fit to be quoted in a message: valid UTF-8, control characters
// (which can rewrite a terminal) as '?', and cut after `bytes_max` bytes.
std::string ToPlainText(absl::string_view text, size_t bytes_max);

}  // namespace quantd
