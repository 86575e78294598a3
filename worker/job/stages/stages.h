// The stages of a job, in order. Each reads what earlier ones left in JobState and adds its own. An error ends the
// job's attempt.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "worker/job/job_state.h"

namespace quantd {

absl::Status ImportModel(JobState& job);     // model
absl::Status PlanJob(JobState& job);         // recipe, layers, data, split
absl::Status Calibrate(JobState& job);       // statistics; checkpointed
absl::Status TransformModel(JobState& job);  // function-preserving rewrites of the recipe
absl::Status QuantizeModel(JobState& job);   // quantization, quantized; checkpointed
absl::Status EvaluateModel(JobState& job);   // rows, report: metrics and layers
absl::Status ExportModel(JobState& job);     // output/files: the model
absl::Status WriteReport(JobState& job);     // output/files: the report; output/report.pb

// Files of the report, in output/files beside the exports.
inline constexpr char kReportJsonFile[] = "report.json";
inline constexpr char kReportHtmlFile[] = "report.html";
inline constexpr char kRowsCsvFile[] = "rows.csv";

// The model's main file: the one that the spec names, or the only one.
std::string MainFile(const v1::ModelInput& model);

// The exports that the spec asks for; where it leaves the format open, the first that fits the recipe.
std::vector<v1::ExportSpec> ExportsOf(const v1::JobSpec& spec);

// The name that the spec gives an export of ExportsOf(), else "<model>.<format>.onnx".
std::string ExportFileName(const v1::JobSpec& spec, const v1::ExportSpec& one);

}  // namespace quantd
