#include "common/errno_status.h"

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/error.h"

namespace quantd {

absl::Status ErrnoStatus(absl::string_view action, absl::string_view path) {
  const int error = errno;
  const std::string message =
      absl::StrCat("cannot ", action, " ", path, ": ", std::strerror(error));
  if (error == ENOSPC || error == EDQUOT) {
    return MakeError(absl::StatusCode::kResourceExhausted, "DISK_FULL", message);
  }
  if (error == EIO) return MakeError(absl::StatusCode::kInternal, "DISK_FAILED", message);
  return absl::Status(absl::ErrnoToStatus(error, "").code(), message);
}

}  // namespace quantd
