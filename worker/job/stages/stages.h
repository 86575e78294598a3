// The stages of a job, in order. Each reads what earlier ones left in JobState and adds its own. An error ends the
// job's attempt.
#pragma once

#include "absl/status/status.h"
#include "worker/job/job_state.h"

namespace quantd {

absl::Status ImportModel(JobState& job);     // model
absl::Status PlanJob(JobState& job);         // recipe, layers, data, split
absl::Status Calibrate(JobState& job);       // statistics; checkpointed
absl::Status TransformModel(JobState& job);  // function-preserving rewrites of the recipe
absl::Status QuantizeModel(JobState& job);   // quantization, quantized; checkpointed
absl::Status EvaluateModel(JobState& job);   // report: metrics and layers; checkpointed
absl::Status ExportModel(JobState& job);     // output/files: the model
absl::Status WriteReport(JobState& job);     // output/files: the report; output/report.pb

}  // namespace quantd
