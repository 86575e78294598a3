// What a job's process says over its event pipe, checked and passed on to the server.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "worker/agent/event_relay.h"
#include "worker/job/protocol/event_pipe.h"
#include "worker/sandbox/sandbox_report.h"

namespace quantd {

v1::Sandbox ToProto(const SandboxReport& report);
SandboxReport FromProto(const v1::Sandbox& sandbox);

// Not thread-safe.
class ChildEvents {
 public:
  // `relay` is borrowed. `start` is what the process took from itself before its program ran.
  ChildEvents(EventRelay* relay, SandboxReport start, bool require_sandbox)
      : relay_(relay), start_(std::move(start)), require_sandbox_(require_sandbox) {}

  void Feed(absl::string_view bytes);

  // Not OK: the process must end. UNAVAILABLE (another worker may do), reason SANDBOX_INCOMPLETE, when the whole
  // sandbox is required; otherwise bytes that are no events.
  const absl::Status& status() const { return status_; }

 private:
  // The process says it once, before it reads any input; what it says later may be its input's words.
  void TakeSandbox(const v1::Sandbox& sandbox);

  EventRelay* relay_;
  SandboxReport start_;
  bool require_sandbox_;
  bool sandbox_told_ = false;
  EventParser parser_;
  absl::Status status_;
};

}  // namespace quantd
