// Page sizes and tokens of the List methods. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace quantd {

// 0 means 50. INVALID_ARGUMENT, reason INVALID_PAGE, when not in 0 to 1,000.
absl::StatusOr<int> PageSize(int32_t requested);

// The key behind which the next page starts; nothing for the first page. INVALID_ARGUMENT, reason
// INVALID_PAGE, for a token that MakePageToken() did not make.
absl::StatusOr<std::optional<int64_t>> ParsePageToken(const std::string& token);
std::string MakePageToken(int64_t last_key);

}  // namespace quantd
