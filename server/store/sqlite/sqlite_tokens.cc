#include "server/store/sqlite/sqlite_tokens.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/core/errors.h"
#include "server/core/job_codec.h"

namespace quantd {
namespace {

constexpr char kSelect[] =
    "SELECT key, tenant, id, roles, description, create_time, expire_time, secret_hash, "
    "old_secret_hash, old_secret_until, revoke_time, rotate_time FROM tokens ";

void BindOptional(Statement& statement, const std::optional<absl::Time>& time) {
  time ? statement.Bind(EncodeTime(*time)) : statement.BindNull();
}

std::optional<absl::Time> OptionalTime(const Statement& row, int column) {
  if (row.IsNull(column)) return std::nullopt;
  return DecodeTime(row.Int(column));
}

AccessToken ReadRow(const Statement& row) {
  return {.key = row.Int(0),
          .name = {row.Text(1), row.Text(2)},
          .roles = Roles::FromBits(row.Int(3)),
          .description = row.Text(4),
          .secret_hash = row.Text(7),
          .old_secret_hash = row.Text(8),
          .old_secret_until = DecodeTime(row.Int(9)),
          .create_time = DecodeTime(row.Int(5)),
          .expire_time = OptionalTime(row, 6),
          .revoke_time = OptionalTime(row, 10),
          .rotate_time = OptionalTime(row, 11)};
}

}  // namespace

absl::Status SqliteTokenTable::Insert(const AccessToken& token) {
  ASSIGN_OR_RETURN(const std::optional<AccessToken> existing, Find(token.name.token));
  if (existing) {
    return absl::AlreadyExistsError(absl::StrCat(token.name.ToString(), " exists already"));
  }
  ASSIGN_OR_RETURN(
      Statement statement,
      database_.Prepare("INSERT INTO tokens (tenant, id, roles, description, create_time, "
                        "secret_hash, old_secret_hash, old_secret_until, expire_time, revoke_time, "
                        "rotate_time) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  statement.Bind(token.name.tenant)
      .Bind(token.name.token)
      .Bind(token.roles.bits())
      .Bind(token.description)
      .Bind(EncodeTime(token.create_time))
      .Bind(token.secret_hash)
      .Bind(token.old_secret_hash)
      .Bind(EncodeTime(token.old_secret_until));
  BindOptional(statement, token.expire_time);
  BindOptional(statement, token.revoke_time);
  BindOptional(statement, token.rotate_time);
  return statement.Run();
}

absl::StatusOr<std::optional<AccessToken>> SqliteTokenTable::Find(const std::string& id) {
  ASSIGN_OR_RETURN(Statement statement,
                   database_.Prepare(absl::StrCat(kSelect, "WHERE id = ?")));
  ASSIGN_OR_RETURN(const bool row, statement.Bind(id).Step());
  if (!row) return std::nullopt;
  return ReadRow(statement);
}

absl::StatusOr<AccessToken> SqliteTokenTable::Get(const TokenName& name) {
  ASSIGN_OR_RETURN(std::optional<AccessToken> token, Find(name.token));
  if (!token || token->name != name) return errors::TokenNotFound(name);
  return *std::move(token);
}

absl::StatusOr<std::vector<AccessToken>> SqliteTokenTable::List(const std::string& tenant,
                                                                std::optional<int64_t> before_key,
                                                                int limit) {
  ASSIGN_OR_RETURN(Statement statement,
                   database_.Prepare(absl::StrCat(
                       kSelect, "WHERE tenant = ? AND key < ? ORDER BY key DESC LIMIT ?")));
  statement.Bind(tenant)
      .Bind(before_key.value_or(std::numeric_limits<int64_t>::max()))
      .Bind(static_cast<int64_t>(limit));
  std::vector<AccessToken> tokens;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return tokens;
    tokens.push_back(ReadRow(statement));
  }
}

absl::Status SqliteTokenTable::Update(const AccessToken& token) {
  ASSIGN_OR_RETURN(Statement statement,
                   database_.Prepare("UPDATE tokens SET secret_hash = ?, old_secret_hash = ?, "
                                     "old_secret_until = ?, revoke_time = ?, rotate_time = ? "
                                     "WHERE key = ?"));
  statement.Bind(token.secret_hash)
      .Bind(token.old_secret_hash)
      .Bind(EncodeTime(token.old_secret_until));
  BindOptional(statement, token.revoke_time);
  BindOptional(statement, token.rotate_time);
  return statement.Bind(token.key).Run();
}

}  // namespace quantd
