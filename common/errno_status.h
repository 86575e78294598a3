// errno becomes a Status here and nowhere else.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace quantd {

// "cannot <action> <path>: <reason>" from the current errno. A full disk is RESOURCE_EXHAUSTED with
// reason DISK_FULL, one that cannot be read or written INTERNAL with reason DISK_FAILED.
absl::Status ErrnoStatus(absl::string_view action, absl::string_view path);

}  // namespace quantd
