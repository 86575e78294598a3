#include "worker/sandbox/sandbox_report.h"

#include <algorithm>

#include "absl/strings/match.h"

namespace quantd {

SandboxReport MergeReports(const SandboxReport& start, const SandboxReport& job) {
  SandboxReport merged = start;
  const auto applied = [&](const char* word) {
    return std::find(merged.applied.begin(), merged.applied.end(), word) != merged.applied.end();
  };
  merged.applied.insert(merged.applied.end(), job.applied.begin(), job.applied.end());
  merged.missing.insert(merged.missing.end(), job.missing.begin(), job.missing.end());
  if (applied("seccomp") && !applied("no_network")) {
    std::erase_if(merged.missing,
                  [](const std::string& text) { return absl::StartsWith(text, "no_network:"); });
    merged.applied.push_back("no_network");
  }
  return merged;
}

}  // namespace quantd
