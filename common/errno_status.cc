#include "common/errno_status.h"

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/secrets.h"

namespace quantd {

absl::Status ErrnoStatus(absl::string_view action, absl::string_view path) {
  const int error = errno;
  // A path may be a token that was taken for one.
  const std::string message =
      WithoutSecrets(absl::StrCat("cannot ", action, " ", path, ": ", std::strerror(error)));
  if (error == ENOSPC || error == EDQUOT) {
    return MakeError(absl::StatusCode::kResourceExhausted, "DISK_FULL", message);
  }
  if (error == EIO) return MakeError(absl::StatusCode::kInternal, "DISK_FAILED", message);
  return absl::Status(absl::ErrnoToStatus(error, "").code(), message);
}

}  // namespace quantd
