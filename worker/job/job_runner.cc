#include "worker/job/job_runner.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/clock.h"
#include "common/digest.h"
#include "common/error.h"
#include "common/file.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "proto/wire/status_proto.h"
#include "proto/wire/work_digest.h"
#include "common/without_exceptions.h"
#include "worker/job/checkpoint.h"
#include "worker/job/job_state.h"
#include "worker/job/progress.h"
#include "worker/job/stages/stages.h"
#include "worker/methods/catalogue.h"

namespace quantd {
namespace {

constexpr int64_t kSpecBytesMax = 64 << 20;

struct Stage {
  const char* name;
  absl::Status (*run)(JobState&);
  double share;  // Of the whole job's time, roughly; only the progress bar reads it.
};

constexpr Stage kStages[] = {
    {"import", &ImportModel, 0.02},    {"plan", &PlanJob, 0.03},
    {"calibrate", &Calibrate, 0.20},   {"transform", &TransformModel, 0.01},
    {"quantize", &QuantizeModel, 0.24}, {"evaluate", &EvaluateModel, 0.45},
    {"export", &ExportModel, 0.02},    {"report", &WriteReport, 0.03},
};

// The work that a checkpoint belongs to.
std::string CheckpointKey(const v1::JobSpec& spec) {
  return Sha256Hex(absl::StrCat(kEngineVersion, "\n", WorkDigest(spec)));
}

absl::Status RunStages(const v1::JobSpec& spec, const RunJobOptions& options) {
  const SystemClock clock;
  EventWriter events(options.events_fd);
  Progress progress(&clock, &events);
  const Checkpoint checkpoint(options.folder.CheckpointFolder(), CheckpointKey(spec));
  JobState job{.spec = spec,
               .folder = options.folder,
               .threads = options.threads,
               .checkpoint = checkpoint,
               .progress = progress};
  double share = 0;
  for (const Stage& stage : kStages) {
    const absl::Time started = clock.Now();
    progress.StartStage(stage.name, share, share + stage.share);
    RETURN_IF_ERROR(stage.run(job));
    share += stage.share;
    const double seconds = absl::ToDoubleSeconds(clock.Now() - started);
    job.report.timings.push_back({stage.name, seconds});
    LOG_INFO("stage done", {{"stage", stage.name}, {"seconds", absl::StrCat(seconds)}});
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RunJob(const RunJobOptions& options) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(options.folder.SpecFile(), kSpecBytesMax));
  v1::JobSpec spec;
  if (!spec.ParseFromString(bytes)) {
    return absl::InternalError(absl::StrCat(options.folder.SpecFile(), " is not a JobSpec"));
  }
  const absl::Status verdict = WithoutExceptions([&] { return RunStages(spec, options); });
  if (!verdict.ok()) LOG_ERROR("job failed", {{"error", FormatStatus(verdict)}});
  return WriteFileAtomically(options.folder.StatusFile(), ToProto(verdict).SerializeAsString());
}

}  // namespace quantd
