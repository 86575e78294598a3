// quantctl admin state, pause, resume, gc.
#include "client/cli/admin/actions.h"
#include "client/cli/exit_code.h"
#include "client/cli/output.h"
#include "common/status_macros.h"

namespace quantd::admin {
namespace {

absl::StatusOr<int> Print(Invocation& invocation, const v1::ServerState& state) {
  if (invocation.json()) {
    RETURN_IF_ERROR(PrintJson(state, invocation.env.out));
  } else {
    invocation.env.out << "quantd " << state.version() << ", "
                       << (state.paused() ? "paused: it finishes its jobs and takes no new ones"
                                          : "takes jobs")
                       << "\n";
  }
  return kExitOk;
}

absl::StatusOr<int> State(Invocation& invocation, const std::vector<std::string>&) {
  ASSIGN_OR_RETURN(const v1::ServerState state, invocation.client.GetServerState());
  return Print(invocation, state);
}

absl::StatusOr<int> Pause(Invocation& invocation, const std::vector<std::string>&) {
  ASSIGN_OR_RETURN(const v1::ServerState state, invocation.client.SetPaused(true));
  return Print(invocation, state);
}

absl::StatusOr<int> Resume(Invocation& invocation, const std::vector<std::string>&) {
  ASSIGN_OR_RETURN(const v1::ServerState state, invocation.client.SetPaused(false));
  return Print(invocation, state);
}

absl::StatusOr<int> CollectGarbage(Invocation& invocation, const std::vector<std::string>&) {
  v1::CollectGarbageRequest request;
  if (invocation.flags.Has("grace")) {
    ASSIGN_OR_RETURN(const absl::Duration grace,
                     ParseLongDuration("grace", invocation.flags.Get("grace")));
    request.mutable_grace()->set_seconds(absl::ToInt64Seconds(grace));
  }
  ASSIGN_OR_RETURN(const v1::CollectGarbageResponse removed,
                   invocation.client.CollectGarbage(request));
  if (invocation.json()) {
    RETURN_IF_ERROR(PrintJson(removed, invocation.env.out));
    return kExitOk;
  }
  invocation.env.out << "removed " << removed.removed_jobs() << " jobs, "
                     << removed.removed_artifacts() << " artifacts, " << removed.removed_blobs()
                     << " blobs (" << FormatBytes(removed.removed_bytes()) << "), "
                     << removed.removed_uploads() << " unfinished uploads\n";
  return kExitOk;
}

const Action kActions[] = {
    {.words = "state", .summary = "Whether the server takes jobs.", .run = State},
    {.words = "pause", .summary = "Take no new jobs; finish those that are there.", .run = Pause},
    {.words = "resume", .summary = "Take jobs again.", .run = Resume},
    {.words = "gc",
     .summary = "Remove expired jobs and artifacts, and blobs that nothing refers to, now.",
     .flags = {"grace"},
     .run = CollectGarbage},
};

}  // namespace

std::span<const Action> ServerActions() { return kActions; }

}  // namespace quantd::admin
