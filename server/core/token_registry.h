// Bearer tokens: made, rotated, revoked and recognized. Of a secret the store has the SHA-256 only:
// secrets are 256 random bits, so that there is nothing to guess and no need for a slow hash.
// Thread-safe.
//
// Their form is that of common/secrets.h; the id in it leads to the token without a search.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "server/core/access.h"
#include "server/core/ids.h"
#include "server/core/job_store.h"

namespace quantd {

struct NewToken {
  AccessToken token;
  std::string secret;
};

class TokenRegistry {
 public:
  // Everything is borrowed.
  TokenRegistry(JobStore* store, const Clock* clock, IdSource* ids)
      : store_(store), clock_(clock), ids_(ids) {}

  static constexpr absl::Duration kOverlapMax = absl::Hours(7 * 24);

  // `tenant` may be kEveryTenant. INVALID_ARGUMENT: no role (INVALID_ROLES), or an expiry that is
  // not in the future (INVALID_EXPIRY).
  absl::StatusOr<NewToken> Create(const std::string& tenant, Roles roles,
                                  const std::string& description,
                                  std::optional<absl::Time> expire_time);
  // A new secret; the present one is taken until `overlap` has passed. NOT_FOUND, reason
  // TOKEN_NOT_FOUND; FAILED_PRECONDITION, reason TOKEN_REVOKED or TOKEN_EXPIRED; INVALID_ARGUMENT,
  // reason INVALID_OVERLAP.
  absl::StatusOr<NewToken> Rotate(const TokenName& name, absl::Duration overlap);
  // Revoking twice changes nothing. NOT_FOUND as above.
  absl::StatusOr<AccessToken> Revoke(const TokenName& name);
  absl::StatusOr<std::vector<AccessToken>> List(const std::string& tenant,
                                                std::optional<int64_t> before_key, int limit) const;

  // Takes a secret that is in no store: the operator's own, or that of embedded workers. Called
  // before other threads ask. REQUIRES: `secret` is MakeSecret()'s form.
  void AddFixed(const std::string& secret, const Caller& caller);

  // Whose secret this is. UNAUTHENTICATED, with one and the same answer for whatever is wrong:
  // unknown, revoked, expired, malformed.
  absl::StatusOr<Caller> Authenticate(const std::string& secret) const;

 private:
  struct Fixed {
    std::string secret_hash;
    Caller caller;
  };

  JobStore* store_;
  const Clock* clock_;
  IdSource* ids_;
  std::vector<Fixed> fixed_;
};

// A fresh secret of the token `id`.
std::string MakeSecret(const std::string& id);

// The id inside; nothing for text of another form.
std::optional<std::string> IdOfSecret(absl::string_view secret);

}  // namespace quantd
