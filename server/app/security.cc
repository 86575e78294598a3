#include "server/app/security.h"

#include <sys/stat.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/errno_status.h"
#include "common/error.h"
#include "common/file.h"
#include "common/log.h"
#include "common/secrets.h"
#include "common/status_macros.h"
#include "proto/wire/credentials.h"

namespace quantd {
namespace {

constexpr char kOperator[] = "operator";
constexpr char kEmbeddedWorkers[] = "embedded-workers";
constexpr int64_t kTokenFileBytesMax = 4096;

absl::Status Exposed(absl::string_view what) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "EXPOSED", what);
}

absl::StatusOr<std::string> ReadSecret(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return ErrnoStatus("stat", path);
  if ((info.st_mode & 077) != 0) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "TOKEN_FILE_READABLE",
                     absl::StrCat(path, " may be read by others; run: chmod 600 ", path));
  }
  ASSIGN_OR_RETURN(const std::string content, ReadFile(path, kTokenFileBytesMax));
  const std::string secret(absl::StripAsciiWhitespace(content));
  if (IdOfSecret(secret)) return secret;
  return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_TOKEN_FILE",
                   absl::StrCat(path, " holds no token; delete it to have one made"));
}

}  // namespace

absl::Status CheckExposure(const ServerConfig& config) {
  if (config.metrics_listen != "none" && !IsLoopbackTarget(config.metrics_listen) &&
      !config.metrics_insecure) {
    return Exposed(absl::StrCat("--metrics-listen ", config.metrics_listen,
                                " lets other machines read the metrics without TLS and "
                                "authentication; if that is meant, say --metrics-insecure"));
  }
  if (IsLoopbackTarget(config.listen) || config.insecure) return absl::OkStatus();
  std::vector<std::string> missing;
  if (!config.tls.enabled()) missing.push_back("TLS (--tls-cert FILE --tls-key FILE)");
  if (config.auth != AuthMode::kToken) missing.push_back("authentication (--auth token)");
  if (missing.empty()) return absl::OkStatus();
  return Exposed(absl::StrCat("--listen ", config.listen, " lets other machines in without ",
                              absl::StrJoin(missing, " and without "),
                              "; if that is meant, say --insecure"));
}

absl::Status AddAdminToken(const std::string& path, TokenRegistry& tokens) {
  if (HoldsSecret(path)) {
    return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_TOKEN_FILE",
                     "what was given as the file of the operator's token is a token itself, and "
                     "other users of this machine may have seen it: write it to a file, mode 0600, "
                     "and give that file's name");
  }
  if (!FileExists(path)) {
    RETURN_IF_ERROR(WriteFileAtomically(path, MakeSecret(kOperator) + "\n"));
    LOG_INFO("made a token for the operator; keep its file", {{"file", path}});
  }
  ASSIGN_OR_RETURN(const std::string secret, ReadSecret(path));
  tokens.AddFixed(secret, {.name = kOperator, .roles = {Role::kRead, Role::kSubmit, Role::kAdmin}});
  return absl::OkStatus();
}

absl::Status AddWorkerToken(const std::string& path, TokenRegistry& tokens) {
  const std::string secret = MakeSecret(kEmbeddedWorkers);
  RETURN_IF_ERROR(WriteFileAtomically(path, secret + "\n"));
  tokens.AddFixed(secret, {.name = kEmbeddedWorkers, .roles = {Role::kWorker}});
  return absl::OkStatus();
}

}  // namespace quantd
