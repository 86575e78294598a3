// Text from outside made safe for protobuf strings and JSON.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace quantd {

// `text` with every byte that is not part of well-formed UTF-8 (RFC 3629) replaced by '?'.
std::string ToValidUtf8(absl::string_view text);

}  // namespace quantd
