// What keeps a job's process apart from the machine, in the words of docs/sandbox.md, and what should but does not.
#pragma once

#include <string>
#include <vector>

namespace quantd {

struct SandboxReport {
  std::vector<std::string> applied;  // "seccomp"
  std::vector<std::string> missing;  // "landlock: the kernel has none"

  friend bool operator==(const SandboxReport&, const SandboxReport&) = default;
};

// The two phases of the sandbox as one report, `start` first. A process that may make no socket has no network,
// whether or not it also stands in a network namespace of its own.
SandboxReport MergeReports(const SandboxReport& start, const SandboxReport& job);

}  // namespace quantd
