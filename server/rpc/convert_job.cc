#include "server/rpc/convert_job.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/status_macros.h"
#include "proto/wire/status_proto.h"
#include "server/core/job_codec.h"
#include "server/rpc/convert_time.h"
#include "server/rpc/gate_results.h"
#include "server/rpc/spec_needs.h"

namespace quantd {
namespace {

v1::Sandbox SandboxToProto(const SandboxRecord& sandbox) {
  v1::Sandbox proto;
  proto.mutable_applied()->Add(sandbox.applied.begin(), sandbox.applied.end());
  proto.mutable_missing()->Add(sandbox.missing.begin(), sandbox.missing.end());
  return proto;
}

}  // namespace

v1::Job::State StateToProto(JobState state) {
  constexpr v1::Job::State kStates[] = {v1::Job::QUEUED,    v1::Job::RUNNING,
                                        v1::Job::SUCCEEDED, v1::Job::FAILED,
                                        v1::Job::CANCELLED, v1::Job::DEAD_LETTERED};
  return kStates[static_cast<int>(state)];
}

namespace {

v1::Progress ProgressToProto(const JobProgress& progress) {
  v1::Progress proto;
  proto.set_stage(progress.stage);
  proto.set_step(progress.step);
  proto.set_steps(progress.steps);
  if (progress.eta) *proto.mutable_eta() = ToProto(*progress.eta);
  proto.set_fraction(progress.fraction);
  return proto;
}

v1::Attempt AttemptToProto(const Attempt& attempt) {
  v1::Attempt proto;
  proto.set_number(attempt.number);
  proto.set_worker(attempt.worker);
  *proto.mutable_start_time() = ToProto(attempt.start_time);
  if (attempt.end_time) *proto.mutable_end_time() = ToProto(*attempt.end_time);
  proto.set_outcome(std::string(ToText(attempt.outcome)));
  if (!attempt.error.ok()) *proto.mutable_error() = ToProto(attempt.error);
  if (attempt.sandbox) *proto.mutable_sandbox() = SandboxToProto(*attempt.sandbox);
  return proto;
}

}  // namespace

v1::Job ToProto(const Job& job) {
  v1::Job proto;
  proto.set_name(job.name.ToString());
  proto.set_display_name(job.display_name);
  proto.mutable_labels()->insert(job.labels.begin(), job.labels.end());
  proto.mutable_spec()->mutable_recipe()->set_preset(PresetOf(job.traits.requirements));
  proto.set_state(StateToProto(job.state));
  *proto.mutable_create_time() = ToProto(job.create_time);
  *proto.mutable_update_time() = ToProto(job.update_time);
  if (job.start_time) *proto.mutable_start_time() = ToProto(*job.start_time);
  if (job.end_time) *proto.mutable_end_time() = ToProto(*job.end_time);
  proto.set_etag(absl::StrCat(job.version));
  if (!job.progress.stage.empty()) *proto.mutable_progress() = ProgressToProto(job.progress);
  for (const Attempt& attempt : job.attempts) *proto.add_attempts() = AttemptToProto(attempt);
  if (job.state == JobState::kSucceeded) {
    proto.mutable_result()->set_artifact(job.artifact);
    proto.mutable_result()->set_cached_from(job.cached_from);
  }
  if (!job.error.ok()) *proto.mutable_error() = ToProto(job.error);
  return proto;
}

absl::StatusOr<v1::Job> ToProto(const FullJob& full) {
  v1::Job proto = ToProto(full.job);
  proto.clear_spec();
  if (!proto.mutable_spec()->ParseFromString(full.spec)) {
    return absl::DataLossError(absl::StrCat("the stored spec of ", proto.name(), " is damaged"));
  }
  if (full.job.state != JobState::kSucceeded) return proto;
  v1::QualityReport* report = proto.mutable_result()->mutable_report();
  if (!report->ParseFromString(full.report)) {
    return absl::DataLossError(absl::StrCat("the stored report of ", proto.name(), " is damaged"));
  }
  for (const v1::Gate& gate : proto.spec().gates()) {
    *proto.add_gate_results() = DecideGate(gate, *report);
  }
  return proto;
}

v1::JobEvent ToProto(const JobEvent& event) {
  struct Visitor {
    v1::JobEvent& proto;
    void operator()(JobState state) const { proto.set_state(StateToProto(state)); }
    void operator()(const JobProgress& progress) const {
      *proto.mutable_progress() = ProgressToProto(progress);
    }
    void operator()(const LogText& log) const { proto.mutable_log()->set_text(log.text); }
    void operator()(const WarningText& warning) const { proto.set_warning(warning.text); }
    void operator()(const SandboxRecord& sandbox) const {
      *proto.mutable_sandbox() = SandboxToProto(sandbox);
    }
  };
  v1::JobEvent proto;
  proto.set_sequence(event.sequence);
  *proto.mutable_time() = ToProto(event.time);
  std::visit(Visitor{proto}, event.content);
  return proto;
}

JobEvent FromProto(const v1::JobEvent& event) {
  JobEvent result;
  switch (event.event_case()) {
    case v1::JobEvent::kProgress: {
      const v1::Progress& from = event.progress();
      JobProgress progress{.stage = from.stage(),
                           .step = from.step(),
                           .steps = from.steps(),
                           // A worker's arithmetic is not to be trusted with the progress bar.
                           .fraction = from.fraction() > 0 ? std::min(from.fraction(), 1.0) : 0};
      if (from.has_eta()) progress.eta = FromProto(from.eta());
      result.content = progress;
      break;
    }
    case v1::JobEvent::kLog:
      result.content = LogText{event.log().text()};
      break;
    case v1::JobEvent::kWarning:
      result.content = WarningText{event.warning()};
      break;
    case v1::JobEvent::kSandbox:
      result.content = SandboxRecord{
          .applied = {event.sandbox().applied().begin(), event.sandbox().applied().end()},
          .missing = {event.sandbox().missing().begin(), event.sandbox().missing().end()}};
      break;
    default:
      // States are the queue's to tell; it drops those that a worker sends.
      result.content = JobState::kRunning;
  }
  return result;
}

v1::Artifact ToProto(const Artifact& artifact) {
  v1::Artifact proto;
  proto.set_name(artifact.name.ToString());
  for (const StoredFile& file : artifact.files) {
    v1::FileRef* to = proto.add_files();
    to->set_name(file.name);
    to->set_digest(file.digest);
    to->set_size_bytes(file.size_bytes);
  }
  *proto.mutable_create_time() = ToProto(artifact.create_time);
  proto.set_job(artifact.job);
  proto.mutable_labels()->insert(artifact.labels.begin(), artifact.labels.end());
  proto.set_digest(artifact.digest);
  return proto;
}

std::vector<StoredFile> FromProto(const google::protobuf::RepeatedPtrField<v1::FileRef>& files) {
  std::vector<StoredFile> result;
  for (const v1::FileRef& file : files) {
    result.push_back(
        {.name = file.name(), .digest = file.digest(), .size_bytes = file.size_bytes()});
  }
  return result;
}

}  // namespace quantd
