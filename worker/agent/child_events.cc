#include "worker/agent/child_events.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/error.h"

namespace quantd {

v1::Sandbox ToProto(const SandboxReport& report) {
  v1::Sandbox proto;
  proto.mutable_applied()->Add(report.applied.begin(), report.applied.end());
  proto.mutable_missing()->Add(report.missing.begin(), report.missing.end());
  return proto;
}

SandboxReport FromProto(const v1::Sandbox& sandbox) {
  return {.applied = {sandbox.applied().begin(), sandbox.applied().end()},
          .missing = {sandbox.missing().begin(), sandbox.missing().end()}};
}

void ChildEvents::Feed(absl::string_view bytes) {
  if (!status_.ok()) return;
  auto events = parser_.Feed(bytes);
  if (!events.ok()) {
    status_ = events.status();
    return;
  }
  for (v1::JobEvent& event : *events) {
    if (event.has_sandbox()) {
      TakeSandbox(event.sandbox());
    } else {
      relay_->Add(std::move(event));
    }
  }
}

void ChildEvents::TakeSandbox(const v1::Sandbox& sandbox) {
  if (std::exchange(sandbox_told_, true)) return;
  const SandboxReport whole = MergeReports(start_, FromProto(sandbox));
  v1::JobEvent event;
  *event.mutable_sandbox() = ToProto(whole);
  relay_->Add(std::move(event));
  if (require_sandbox_ && !whole.missing.empty()) {
    status_ = MakeError(absl::StatusCode::kUnavailable, "SANDBOX_INCOMPLETE",
                        absl::StrCat("the worker requires a whole sandbox, and this one lacks ",
                                     absl::StrJoin(whole.missing, "; ")));
  }
}

}  // namespace quantd
