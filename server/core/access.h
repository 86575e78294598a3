// Who calls, and what they may do. Plain data and pure functions.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/core/names.h"

namespace quantd {

// The API's roles (proto/quantd/v1/access.proto) in its order.
enum class Role { kRead, kSubmit, kWorker, kAdmin };
inline constexpr int kRoleCount = 4;

// "READ", "SUBMIT", "WORKER", "ADMIN".
absl::string_view ToText(Role role);

class Roles {
 public:
  constexpr Roles() = default;
  constexpr Roles(std::initializer_list<Role> roles) {
    for (const Role role : roles) Add(role);
  }
  static constexpr Roles FromBits(int64_t bits) {
    Roles roles;
    roles.bits_ = static_cast<uint32_t>(bits) & ((1u << kRoleCount) - 1);
    return roles;
  }
  static constexpr Roles All() { return FromBits((1 << kRoleCount) - 1); }

  constexpr void Add(Role role) { bits_ |= 1u << static_cast<int>(role); }
  constexpr bool Has(Role role) const { return (bits_ >> static_cast<int>(role) & 1) != 0; }
  constexpr bool HasAnyOf(Roles other) const { return (bits_ & other.bits_) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr int64_t bits() const { return bits_; }

  friend bool operator==(const Roles&, const Roles&) = default;

 private:
  uint32_t bits_ = 0;
};

// A bearer token as the store keeps it: of its secrets there are hashes only.
struct AccessToken {
  int64_t key = 0;  // Chosen by the store, ascending.
  TokenName name;
  Roles roles;
  std::string description;
  std::string secret_hash;      // SHA-256, hexadecimal.
  std::string old_secret_hash;  // Of the secret before the latest rotation; empty: none.
  absl::Time old_secret_until = absl::InfinitePast();
  absl::Time create_time;
  std::optional<absl::Time> expire_time;
  std::optional<absl::Time> revoke_time;
  std::optional<absl::Time> rotate_time;

  friend bool operator==(const AccessToken&, const AccessToken&) = default;
};

// Whoever made a call, as far as it is known.
struct Caller {
  std::string name;  // The token's name; "anonymous" where nobody is asked.
  std::string tenant = kEveryTenant;
  Roles roles;

  bool MayActFor(absl::string_view a_tenant) const {
    return tenant == kEveryTenant || tenant == a_tenant;
  }
};

}  // namespace quantd
