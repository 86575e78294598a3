#include "server/core/token_registry.h"

#include <openssl/crypto.h>
#include <sys/random.h>

#include <algorithm>
#include <array>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/check.h"
#include "common/digest.h"
#include "common/error.h"
#include "common/secrets.h"
#include "common/status_macros.h"
#include "server/core/errors.h"

namespace quantd {
namespace {

constexpr size_t kSecretBytes = 32;
constexpr size_t kIdBytesMax = 64;

// Takes the same time wherever the texts differ.
bool SameHash(const std::string& a, const std::string& b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

absl::Status NotUsable(const AccessToken& token, absl::Time now) {
  if (token.revoke_time) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "TOKEN_REVOKED",
                     absl::StrCat(token.name.ToString(), " is revoked; create a new token"));
  }
  if (token.expire_time && *token.expire_time <= now) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "TOKEN_EXPIRED",
                     absl::StrCat(token.name.ToString(), " has expired; create a new token"));
  }
  return absl::OkStatus();
}

}  // namespace

std::string MakeSecret(const std::string& id) {
  std::array<char, kSecretBytes> random;
  QUANTD_CHECK(::getrandom(random.data(), random.size(), 0) == ssize_t{kSecretBytes});
  return absl::StrCat(kSecretPrefix, id, "_",
                      absl::BytesToHexString({random.data(), random.size()}));
}

std::optional<std::string> IdOfSecret(absl::string_view secret) {
  if (!absl::ConsumePrefix(&secret, kSecretPrefix)) return std::nullopt;
  const std::vector<absl::string_view> parts = absl::StrSplit(secret, '_');
  if (parts.size() != 2 || parts[0].empty() || parts[0].size() > kIdBytesMax ||
      !IsSha256Hex(parts[1])) {
    return std::nullopt;
  }
  return std::string(parts[0]);
}

absl::StatusOr<NewToken> TokenRegistry::Create(const std::string& tenant, Roles roles,
                                               const std::string& description,
                                               std::optional<absl::Time> expire_time) {
  if (roles.empty()) {
    return InvalidField("INVALID_ROLES", "token.roles",
                        "is empty; give at least one of READ, SUBMIT, WORKER, ADMIN");
  }
  const absl::Time now = clock_->Now();
  if (expire_time && *expire_time <= now) {
    return InvalidField("INVALID_EXPIRY", "token.expire_time", "is not in the future");
  }
  NewToken made;
  made.token = {.name = {tenant, ids_->Next()},
                .roles = roles,
                .description = description,
                .create_time = now,
                .expire_time = expire_time};
  made.secret = MakeSecret(made.token.name.token);
  made.token.secret_hash = Sha256Hex(made.secret);
  RETURN_IF_ERROR(store_->Write([&](Transaction& t) { return t.tokens().Insert(made.token); }));
  return made;
}

absl::StatusOr<NewToken> TokenRegistry::Rotate(const TokenName& name, absl::Duration overlap) {
  if (overlap < absl::ZeroDuration() || overlap > kOverlapMax) {
    return InvalidField("INVALID_OVERLAP", "overlap", "is not in 0 to 7 days");
  }
  NewToken made;
  RETURN_IF_ERROR(store_->Write([&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(made.token, transaction.tokens().Get(name));
    const absl::Time now = clock_->Now();
    RETURN_IF_ERROR(NotUsable(made.token, now));
    made.secret = MakeSecret(name.token);
    made.token.old_secret_hash = made.token.secret_hash;
    made.token.old_secret_until = now + overlap;
    made.token.secret_hash = Sha256Hex(made.secret);
    made.token.rotate_time = now;
    return transaction.tokens().Update(made.token);
  }));
  return made;
}

absl::StatusOr<AccessToken> TokenRegistry::Revoke(const TokenName& name) {
  AccessToken token;
  RETURN_IF_ERROR(store_->Write([&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(token, transaction.tokens().Get(name));
    if (token.revoke_time) return absl::OkStatus();
    token.revoke_time = clock_->Now();
    return transaction.tokens().Update(token);
  }));
  return token;
}

absl::StatusOr<std::vector<AccessToken>> TokenRegistry::List(const std::string& tenant,
                                                             std::optional<int64_t> before_key,
                                                             int limit) const {
  std::vector<AccessToken> tokens;
  RETURN_IF_ERROR(store_->Read([&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(tokens, transaction.tokens().List(tenant, before_key, limit));
    return absl::OkStatus();
  }));
  return tokens;
}

void TokenRegistry::AddFixed(const std::string& secret, const Caller& caller) {
  QUANTD_CHECK(IdOfSecret(secret).has_value());
  fixed_.push_back({Sha256Hex(secret), caller});
}

absl::StatusOr<Caller> TokenRegistry::Authenticate(const std::string& secret) const {
  const std::optional<std::string> id = IdOfSecret(secret);
  if (!id) return errors::Unauthenticated();
  const std::string hash = Sha256Hex(secret);
  for (const Fixed& fixed : fixed_) {
    if (SameHash(hash, fixed.secret_hash)) return fixed.caller;
  }
  std::optional<AccessToken> token;
  RETURN_IF_ERROR(store_->Read([&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(token, transaction.tokens().Find(*id));
    return absl::OkStatus();
  }));
  const absl::Time now = clock_->Now();
  if (!token || !NotUsable(*token, now).ok()) return errors::Unauthenticated();
  const bool current = SameHash(hash, token->secret_hash);
  const bool old = SameHash(hash, token->old_secret_hash) && now < token->old_secret_until;
  if (!current && !old) return errors::Unauthenticated();
  return Caller{
      .name = token->name.ToString(), .tenant = token->name.tenant, .roles = token->roles};
}

}  // namespace quantd
