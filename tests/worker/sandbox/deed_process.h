// Runs the test program again as a process that tries one deed, inside a sandbox or outside.
#pragma once

#include <string>

#include "worker/agent/child_process.h"
#include "worker/sandbox/sandbox_report.h"

namespace quantd::testing {

struct DeedOutcome {
  ExitState exit;        // `code` is TryDeed()'s result unless signalled.
  SandboxReport report;  // Of the whole sandbox.
};

// In a process with both halves of the sandbox, whose job folder is `folder` (job_folder.h).
DeedOutcome TryInSandbox(const std::string& deed, const std::string& argument, const std::string& folder,
                         const StartSandbox& sandbox = {});

// With the first half alone.
DeedOutcome TryAfterStart(const std::string& deed, const std::string& argument, const StartSandbox& sandbox);

// In a process like any other.
ExitState TryFreely(const std::string& deed, const std::string& argument);

// This program's file.
std::string OwnProgram();

}  // namespace quantd::testing
