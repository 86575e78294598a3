#include "server/rpc/paging.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/error.h"

namespace quantd {
namespace {

constexpr int kPageSizeDefault = 50;
constexpr int kPageSizeMax = 1000;
constexpr char kTokenPrefix[] = "k";

}  // namespace

absl::StatusOr<int> PageSize(int32_t requested) {
  if (requested < 0 || requested > kPageSizeMax) {
    return InvalidField("INVALID_PAGE", "page_size",
                        absl::StrCat(requested, " is not in 0 to ", kPageSizeMax));
  }
  return requested == 0 ? kPageSizeDefault : requested;
}

absl::StatusOr<std::optional<int64_t>> ParsePageToken(const std::string& token) {
  if (token.empty()) return std::nullopt;
  int64_t key = 0;
  // Written again and compared, because numbers are read from more texts than they are written as.
  const bool number = absl::SimpleAtoi(absl::string_view(token).substr(1), &key);
  if (!number || key < 1 || MakePageToken(key) != token) {
    return InvalidField("INVALID_PAGE", "page_token",
                        "is not the next_page_token of an earlier answer");
  }
  return key;
}

std::string MakePageToken(int64_t last_key) { return absl::StrCat(kTokenPrefix, last_key); }

}  // namespace quantd
