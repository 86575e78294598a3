#include "common/git_lfs.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/match.h"

namespace quantd {

bool IsGitLfsPointer(absl::string_view content) {
  // github.com/git-lfs/git-lfs/blob/main/docs/spec.md: "version" comes first.
  static constexpr absl::string_view kBeginnings[] = {"version https://git-lfs",
                                                      "version http://git-media.io/v/2",
                                                      "version https://hawser.github.com"};
  return std::any_of(std::begin(kBeginnings), std::end(kBeginnings),
                     [&](absl::string_view beginning) { return absl::StartsWith(content, beginning); });
}

}  // namespace quantd
