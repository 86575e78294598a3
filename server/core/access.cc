#include "server/core/access.h"

namespace quantd {

absl::string_view ToText(Role role) {
  constexpr absl::string_view kTexts[] = {"READ", "SUBMIT", "WORKER", "ADMIN"};
  return kTexts[static_cast<int>(role)];
}

}  // namespace quantd
