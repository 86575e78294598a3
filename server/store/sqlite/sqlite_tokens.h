// Access tokens as rows.
#pragma once

#include "server/core/job_store.h"
#include "server/store/sqlite/database.h"

namespace quantd {

class SqliteTokenTable final : public TokenTable {
 public:
  // `database` is borrowed, in a transaction.
  explicit SqliteTokenTable(Database& database) : database_(database) {}

  absl::Status Insert(const AccessToken& token) override;
  absl::StatusOr<AccessToken> Get(const TokenName& name) override;
  absl::StatusOr<std::optional<AccessToken>> Find(const std::string& id) override;
  absl::StatusOr<std::vector<AccessToken>> List(const std::string& tenant,
                                                std::optional<int64_t> before_key,
                                                int limit) override;
  absl::Status Update(const AccessToken& token) override;

 private:
  Database& database_;
};

}  // namespace quantd
