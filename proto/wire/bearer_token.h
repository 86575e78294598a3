// The secret with which a client or worker says who it is. It lives in a file, never on a command line, and goes into
// no log and no error. Whoever replaces the file changes the secret of a running process.
#pragma once

#include <sys/stat.h>

#include <memory>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"

namespace quantd {

// Thread-safe.
class BearerToken {
 public:
  // Reads the file, whose content is the secret; blanks and line ends around it do not count.
  //
  // Errors: those of reading; INVALID_ARGUMENT, reason INVALID_TOKEN_FILE, when the content is no token, or `path` is
  // one.
  static absl::StatusOr<std::unique_ptr<BearerToken>> Open(const std::string& path);

  // The value of the header "authorization". Costs a stat(); reads the file anew when it has changed. While the file
  // cannot be read the last secret stays.
  std::string Header();

  // The server did not accept the secret: it is read again at its next use, even if the file seems unchanged.
  void Distrust();

 private:
  explicit BearerToken(std::string path) : path_(std::move(path)) {}
  absl::Status Reload();

  const std::string path_;
  std::mutex mutex_;
  std::string secret_;
  struct stat read_state_ = {};  // Of the file as it was when `secret_` was read.
  bool distrusted_ = false;
};

}  // namespace quantd
