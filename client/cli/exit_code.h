// What the exit code of quantctl says. CI pipelines branch on it, so the numbers never change.
#pragma once

#include "absl/status/status.h"
#include "quantd/v1/job.pb.h"

namespace quantd {

enum ExitCode : int {
  kExitOk = 0,  // Done, and every gate passed.
  kExitGateFailed = 1,
  kExitInvalidRequest =
      2,  // Wrong usage, a refused request, or a job that failed because of its input.
  kExitInfrastructure = 3,  // Server not reachable, a job that failed for another reason, was
                            // dead-lettered or cancelled.
  kExitStillRunning = 4,   // The wait ended before the job did.
  kExitInconclusive = 5,   // A gate cannot be decided on so few rows, and none failed.
  kExitInterrupted = 130,  // 128 + SIGINT, as shells have it.
};

// The table of exit codes for help texts.
inline constexpr char kExitCodeHelp[] =
    "Exit codes:\n"
    "  0    done, and every gate passed\n"
    "  1    a gate failed\n"
    "  2    invalid request: wrong usage, refused by the server, or the job failed because\n"
    "       of its model, data or recipe\n"
    "  3    infrastructure: server not reachable, job cancelled, dead-lettered, or failed for\n"
    "       another reason\n"
    "  4    the job was still running when the wait ended\n"
    "  5    inconclusive: a gate needs more evaluation rows, and no gate failed\n"
    "  130  interrupted (Ctrl-C); the job goes on\n";

// For a call or local step that failed.
ExitCode ExitCodeOf(const absl::Status& status);

// For a job: a failed gate outweighs an inconclusive one. kExitStillRunning when it has not
// finished.
ExitCode ExitCodeOf(const v1::Job& job);

}  // namespace quantd
