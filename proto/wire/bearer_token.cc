#include "proto/wire/bearer_token.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/file.h"
#include "common/log.h"
#include "common/secrets.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

constexpr int64_t kTokenBytesMax = 4096;

// Equal: nobody has written to or replaced the file. The inode tells a replaced file whose time is the same.
bool IsSameFile(const struct stat& a, const struct stat& b) {
  return a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec &&
         a.st_size == b.st_size && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

}  // namespace

absl::StatusOr<std::unique_ptr<BearerToken>> BearerToken::Open(const std::string& path) {
  if (HoldsSecret(path)) {
    return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_TOKEN_FILE",
                     "what was given as the token's file is a token itself, and other users of this machine may have "
                     "seen it: write it to a file that only you can read, give that file's name, and rotate the token");
  }
  auto token = absl::WrapUnique(new BearerToken(path));
  RETURN_IF_ERROR(Annotate(token->Reload(), "the token file"));
  return token;
}

absl::Status BearerToken::Reload() {
  struct stat state = {};
  // Taken before the content: a change in between is seen at the next use.
  ::stat(path_.c_str(), &state);
  ASSIGN_OR_RETURN(const std::string content, ReadFile(path_, kTokenBytesMax));
  const absl::string_view secret = absl::StripAsciiWhitespace(content);
  // Whatever else stands in a header would be refused by gRPC, in an error that quotes it.
  if (secret.empty() || !std::all_of(secret.begin(), secret.end(), [](char c) {
        return absl::ascii_isgraph(static_cast<unsigned char>(c));
      })) {
    return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_TOKEN_FILE",
                     absl::StrCat(path_, " does not hold one token of printable characters"));
  }
  secret_ = std::string(secret);
  read_state_ = state;
  return absl::OkStatus();
}

std::string BearerToken::Header() {
  const std::lock_guard lock(mutex_);
  struct stat now = {};
  const bool there = ::stat(path_.c_str(), &now) == 0;
  if (std::exchange(distrusted_, false) || (there && !IsSameFile(now, read_state_))) {
    if (const absl::Status status = Reload(); !status.ok()) {
      LOG_WARNING("cannot read the token again", {{"error", FormatStatus(status)}});
    }
  }
  return absl::StrCat("Bearer ", secret_);
}

void BearerToken::Distrust() {
  const std::lock_guard lock(mutex_);
  distrusted_ = true;
}

}  // namespace quantd
