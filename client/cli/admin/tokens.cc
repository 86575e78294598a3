// quantctl admin token ...
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/cli/admin/actions.h"
#include "client/cli/exit_code.h"
#include "client/cli/output.h"
#include "common/errno_status.h"
#include "common/error.h"
#include "common/status_macros.h"

namespace quantd::admin {
namespace {

constexpr char kEvery[] = "tenants/-";

std::string Parent(const Invocation& invocation) {
  return invocation.flags.Has("all-tenants") ? kEvery : invocation.parent();
}

std::string TokenName(const Invocation& invocation, const std::string& token) {
  return token.find('/') != std::string::npos ? token
                                              : absl::StrCat(Parent(invocation), "/tokens/", token);
}

void SetDuration(absl::Duration duration, google::protobuf::Duration& proto) {
  proto.set_seconds(absl::ToInt64Seconds(duration));
}

absl::Status ReadRoles(const ParsedFlags& flags, v1::Token& token) {
  for (const absl::string_view word : absl::StrSplit(flags.Get("roles"), ',', absl::SkipEmpty())) {
    v1::Role role = v1::ROLE_UNSPECIFIED;
    if (!v1::Role_Parse(absl::AsciiStrToUpper(word), &role) || role == v1::ROLE_UNSPECIFIED) {
      return InvalidFlag("roles",
                         absl::StrCat("'", word, "' is none of read, submit, worker, admin"));
    }
    token.add_roles(role);
  }
  if (token.roles().empty()) {
    return InvalidFlag("roles", "is needed: read, submit, worker, admin, or several with commas");
  }
  return absl::OkStatus();
}

// A file that is there may be somebody's only copy of another secret.
absl::Status WriteSecret(const std::string& path, const std::string& secret) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return ErrnoStatus("create", path);
  const std::string line = secret + "\n";
  const bool written = ::write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size()) &&
                       ::fsync(fd) == 0;
  const absl::Status status = written ? absl::OkStatus() : ErrnoStatus("write", path);
  ::close(fd);
  return status;
}

// The secret alone goes to standard output, so that it can be put where it belongs.
absl::StatusOr<int> PrintSecret(Invocation& invocation, const v1::CreateTokenResponse& made) {
  if (invocation.flags.Has("out")) {
    RETURN_IF_ERROR(WriteSecret(invocation.flags.Get("out"), made.secret()));
    invocation.env.out << made.token().name() << "\n";
    return kExitOk;
  }
  if (invocation.json()) {
    RETURN_IF_ERROR(PrintJson(made, invocation.env.out));
    return kExitOk;
  }
  invocation.env.err << "made " << made.token().name() << "; its secret is shown this once:\n";
  invocation.env.out << made.secret() << "\n";
  return kExitOk;
}

absl::StatusOr<int> Create(Invocation& invocation, const std::vector<std::string>&) {
  v1::CreateTokenRequest request;
  request.set_parent(Parent(invocation));
  RETURN_IF_ERROR(ReadRoles(invocation.flags, *request.mutable_token()));
  request.mutable_token()->set_description(invocation.flags.Get("description"));
  if (invocation.flags.Has("expires")) {
    ASSIGN_OR_RETURN(const absl::Duration lifetime,
                     ParseLongDuration("expires", invocation.flags.Get("expires")));
    request.mutable_token()->mutable_expire_time()->set_seconds(
        absl::ToUnixSeconds(invocation.env.clock->Now() + lifetime));
  }
  // Before a token exists that nobody would have the secret of.
  const std::string out = invocation.flags.Get("out");
  if (!out.empty() && ::access(out.c_str(), F_OK) == 0) {
    return InvalidFlag("out", absl::StrCat(out, " exists; remove it first"));
  }
  ASSIGN_OR_RETURN(const v1::CreateTokenResponse made, invocation.client.CreateToken(request));
  return PrintSecret(invocation, made);
}

absl::StatusOr<int> Rotate(Invocation& invocation, const std::vector<std::string>& arguments) {
  v1::RotateTokenRequest request;
  request.set_name(TokenName(invocation, arguments[0]));
  ASSIGN_OR_RETURN(const absl::Duration overlap,
                   ParseLongDuration("overlap", invocation.flags.Get("overlap", "0s")));
  SetDuration(overlap, *request.mutable_overlap());
  ASSIGN_OR_RETURN(const v1::CreateTokenResponse made, invocation.client.RotateToken(request));
  return PrintSecret(invocation, made);
}

absl::StatusOr<int> Revoke(Invocation& invocation, const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    ASSIGN_OR_RETURN(const v1::Token token,
                     invocation.client.RevokeToken(TokenName(invocation, argument)));
    if (invocation.json()) {
      RETURN_IF_ERROR(PrintJsonLine(token, invocation.env.out));
    } else {
      invocation.env.out << token.name() << "  revoked " << FormatTime(token.revoke_time()) << "\n";
    }
  }
  return kExitOk;
}

std::string StateOf(const v1::Token& token, absl::Time now) {
  if (token.has_revoke_time()) return "revoked";
  const bool expired = token.has_expire_time() && ToTime(token.expire_time()) <= now;
  return expired ? "expired" : "active";
}

absl::StatusOr<int> List(Invocation& invocation, const std::vector<std::string>&) {
  v1::ListTokensRequest request;
  request.set_parent(Parent(invocation));
  Table table({"TOKEN", "ROLES", "STATE", "CREATED", "EXPIRES", "DESCRIPTION"});
  do {
    ASSIGN_OR_RETURN(const v1::ListTokensResponse page, invocation.client.ListTokens(request));
    request.set_page_token(page.next_page_token());
    for (const v1::Token& token : page.tokens()) {
      if (invocation.json()) {
        RETURN_IF_ERROR(PrintJsonLine(token, invocation.env.out));
        continue;
      }
      const std::string roles = absl::StrJoin(token.roles(), ",", [](std::string* out, int role) {
        absl::StrAppend(out, absl::AsciiStrToLower(v1::Role_Name(static_cast<v1::Role>(role))));
      });
      table.Add({token.name().substr(token.name().rfind('/') + 1), roles,
                 StateOf(token, invocation.env.clock->Now()), FormatTime(token.create_time()),
                 TimeOrDash(token.has_expire_time(), token.expire_time()),
                 Printable(token.description())});
    }
  } while (!request.page_token().empty());
  if (!invocation.json()) table.Print(invocation.env.out);
  return kExitOk;
}

const Action kActions[] = {
    {.words = "token create",
     .summary = "Make a bearer token; prints its secret, which the server does not keep.",
     .flags = {"roles", "expires", "description", "out", "all-tenants"},
     .run = Create},
    {.words = "token list",
     .summary = "The tenant's tokens, newest first.",
     .flags = {"all-tenants"},
     .run = List},
    {.words = "token rotate",
     .arguments = "TOKEN",
     .arguments_min = 1,
     .arguments_max = 1,
     .summary = "A new secret; the old one is taken until --overlap has passed.",
     .flags = {"overlap", "out", "all-tenants"},
     .run = Rotate},
    {.words = "token revoke",
     .arguments = "TOKEN...",
     .arguments_min = 1,
     .arguments_max = 1000,
     .summary = "Refuse the token from now on.",
     .flags = {"all-tenants"},
     .run = Revoke},
};

}  // namespace

std::span<const Action> TokenActions() { return kActions; }

}  // namespace quantd::admin
