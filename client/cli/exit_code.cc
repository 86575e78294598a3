#include "client/cli/exit_code.h"

#include "common/error.h"

namespace quantd {
namespace {

ExitCode ExitCodeOfFailure(int code) {
  switch (static_cast<absl::StatusCode>(code)) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kFailedPrecondition:
      return kExitInvalidRequest;
    default:
      return kExitInfrastructure;
  }
}

ExitCode ExitCodeOfGates(const v1::Job& job) {
  ExitCode code = kExitOk;
  for (const v1::GateResult& gate : job.gate_results()) {
    if (gate.outcome() == v1::GateResult::FAILED) return kExitGateFailed;
    if (gate.outcome() != v1::GateResult::PASSED) code = kExitInconclusive;
  }
  return code;
}

}  // namespace

ExitCode ExitCodeOf(const absl::Status& status) {
  if (status.ok()) return kExitOk;
  if (GetErrorDetails(status).reason == "STILL_RUNNING") return kExitStillRunning;
  return IsRequestsFault(status.code()) ? kExitInvalidRequest : kExitInfrastructure;
}

ExitCode ExitCodeOf(const v1::Job& job) {
  switch (job.state()) {
    case v1::Job::SUCCEEDED:
      return ExitCodeOfGates(job);
    case v1::Job::FAILED:
      return ExitCodeOfFailure(job.error().code());
    case v1::Job::DEAD_LETTERED:
    case v1::Job::CANCELLED:
      return kExitInfrastructure;
    default:
      return kExitStillRunning;
  }
}

}  // namespace quantd
