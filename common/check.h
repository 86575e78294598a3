// QUANTD_CHECK: a broken invariant ends the process with the place and the condition. Never for bad
// input, which gets an absl::Status.
#pragma once

namespace quantd {
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition);
}  // namespace quantd

#define QUANTD_CHECK(condition) \
  (static_cast<bool>(condition) ? void(0) : ::quantd::CheckFailed(__FILE__, __LINE__, #condition))
