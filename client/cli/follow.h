// Following one job to its end, for the commands that wait.
#pragma once

#include <ostream>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cli/command.h"

namespace quantd {

struct FollowOptions {
  std::string job;  // Resource name.
  absl::Time deadline = absl::InfiniteFuture();
  bool logs = false;
  bool cancel_on_interrupt = false;
  bool events = true;           // False: wait in silence.
  std::ostream* out = nullptr;  // Where events go.
  bool live = false;            // `out` is a terminal.
};

// The job when it has finished. An error, also when the wait ended or was interrupted; then the
// user has been told how to go on.
absl::StatusOr<v1::Job> FollowJob(Invocation& invocation, const FollowOptions& options);

}  // namespace quantd
