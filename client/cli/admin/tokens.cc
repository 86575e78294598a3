// quantctl admin token ...
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "absl/memory/memory.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/cli/admin/actions.h"
#include "client/cli/exit_code.h"
#include "client/cli/output.h"
#include "common/errno_status.h"
#include "common/error.h"
#include "common/secrets.h"
#include "common/status_macros.h"

namespace quantd::admin {
namespace {

constexpr char kEvery[] = "tenants/-";

std::string Parent(const Invocation& invocation) {
  return invocation.flags.Has("all-tenants") ? kEvery : invocation.parent();
}

// Who has found a token somewhere has its secret at hand rather than its name.
absl::StatusOr<std::string> TokenName(const Invocation& invocation, const std::string& token) {
  if (HoldsSecret(token)) {
    const std::vector<std::string> parts = absl::StrSplit(token, '_');
    return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_USAGE",
                     absl::StrCat("that is a token's secret, which other users of this machine may "
                                  "have seen now; give its id, ",
                                  parts.size() > 1 ? parts[1] : ""));
  }
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

// Where a secret goes: the file of --out, which is made before the server is asked, or standard
// output. The old secret may be gone by the time there is a new one, so that whatever keeps the
// file from being made must come up before. What was not needed is removed.
class SecretOutput {
 public:
  static absl::StatusOr<std::unique_ptr<SecretOutput>> Open(Invocation& invocation) {
    auto output = absl::WrapUnique(new SecretOutput(invocation));
    if (output->path_.empty()) return output;
    // A file that is there may be somebody's only copy of another secret.
    output->fd_ = ::open(output->path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (output->fd_ >= 0) return output;
    if (errno == EEXIST) {
      return InvalidFlag("out", absl::StrCat(output->path_, " exists; remove it first"));
    }
    return ErrnoStatus("create", output->path_);
  }

  ~SecretOutput() {
    if (fd_ < 0) return;
    ::close(fd_);
    if (!written_) ::unlink(path_.c_str());
  }

  absl::StatusOr<int> Print(const v1::CreateTokenResponse& made) {
    if (fd_ >= 0) {
      RETURN_IF_ERROR(Write(made.secret() + "\n"));
      // The secret is in the file alone.
      if (invocation_.json()) {
        RETURN_IF_ERROR(PrintJson(made.token(), invocation_.env.out));
      } else {
        invocation_.env.out << made.token().name() << "\n";
      }
    } else if (invocation_.json()) {
      RETURN_IF_ERROR(PrintJson(made, invocation_.env.out));
    } else {
      // The secret alone goes to standard output, so that it can be put where it belongs.
      invocation_.env.err << "made " << made.token().name() << "; its secret is shown this once:\n";
      invocation_.env.out << made.secret() << "\n";
    }
    return kExitOk;
  }

 private:
  explicit SecretOutput(Invocation& invocation)
      : invocation_(invocation), path_(invocation.flags.Get("out")) {}

  absl::Status Write(const std::string& line) {
    written_ = ::write(fd_, line.data(), line.size()) == static_cast<ssize_t>(line.size()) &&
               ::fsync(fd_) == 0;
    return written_ ? absl::OkStatus() : ErrnoStatus("write", path_);
  }

  Invocation& invocation_;
  const std::string path_;  // Empty: standard output.
  int fd_ = -1;
  bool written_ = false;
};

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
  ASSIGN_OR_RETURN(const auto output, SecretOutput::Open(invocation));
  ASSIGN_OR_RETURN(const v1::CreateTokenResponse made, invocation.client.CreateToken(request));
  return output->Print(made);
}

absl::StatusOr<int> Rotate(Invocation& invocation, const std::vector<std::string>& arguments) {
  v1::RotateTokenRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), TokenName(invocation, arguments[0]));
  ASSIGN_OR_RETURN(const absl::Duration overlap,
                   ParseLongDuration("overlap", invocation.flags.Get("overlap", "0s")));
  SetDuration(overlap, *request.mutable_overlap());
  ASSIGN_OR_RETURN(const auto output, SecretOutput::Open(invocation));
  ASSIGN_OR_RETURN(const v1::CreateTokenResponse made, invocation.client.RotateToken(request));
  return output->Print(made);
}

absl::StatusOr<int> Revoke(Invocation& invocation, const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    ASSIGN_OR_RETURN(const std::string name, TokenName(invocation, argument));
    ASSIGN_OR_RETURN(const v1::Token token, invocation.client.RevokeToken(name));
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
