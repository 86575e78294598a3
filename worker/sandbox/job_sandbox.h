// The second half of a job's sandbox: what its process takes from itself once it runs, before it starts a thread or reads
// a byte of what a stranger sent: the file system but for the job's folder (Landlock) and the system calls that
// it does not need (seccomp). The first half is start_sandbox.h.
#pragma once

#include <string>
#include <vector>

#include "worker/sandbox/sandbox_report.h"

namespace quantd {

struct JobSandbox {
  std::string readable_folder;
  std::vector<std::string> writable_folders;  // They exist.
};

// Cannot be undone. What cannot be applied is in the report; the rest is applied all the same.
SandboxReport EnterJobSandbox(const JobSandbox& sandbox);

}  // namespace quantd
