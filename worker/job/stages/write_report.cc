#include <google/protobuf/util/json_util.h>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/file.h"
#include "common/process_memory.h"
#include "common/status_macros.h"
#include "worker/backend/backend.h"
#include "worker/job/report_proto.h"
#include "worker/job/stages/stages.h"
#include "worker/methods/catalogue.h"
#include "worker/quality/html_report.h"

namespace quantd {
namespace {

// Above this the table is left out: it would outgrow the model.
constexpr int64_t kCsvRowsMax = 1'000'000;

// Row by row what the metrics were made of: which rows changed their class, and how far they moved.
std::string RowsCsv(const JobState& job) {
  const Dataset& data = job.EvaluationData();
  std::string csv = "row,label,reference_top1,quantized_top1,kl,cosine\n";
  for (size_t i = 0; i < job.rows.size(); ++i) {
    const int64_t row = job.split.evaluation[i];
    const RowScores& scores = job.rows[i];
    absl::StrAppend(&csv, row, ",", data.has_labels() ? absl::StrCat(data.Label(row)) : "", ",",
                    scores.reference_top[0], ",", scores.quantized_top[0], ",",
                    absl::StrFormat("%.9g,%.9g\n", scores.kl, scores.cosine));
  }
  return csv;
}

}  // namespace

// The artifact's files hold nothing that changes from run to run; how long the stages took and what else was measured is
// told only in the report that the server keeps.
absl::Status WriteReport(JobState& job) {
  QualityReport& report = job.report;
  report.engine_version = kEngineVersion;
  report.recipe = job.recipe;
  const std::vector<StageTiming> timings = std::exchange(report.timings, {});
  Measured measured = std::exchange(report.measured, {});

  std::string json;
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;  // Programs find a zero where there is one.
  if (!google::protobuf::util::MessageToJsonString(ToProto(report), &json, options).ok()) {
    return absl::InternalError("the report has no JSON form");
  }
  const std::string files = job.folder.OutputFilesFolder();
  RETURN_IF_ERROR(WriteFileAtomically(absl::StrCat(files, "/", kReportJsonFile), json));
  RETURN_IF_ERROR(WriteFileAtomically(absl::StrCat(files, "/", kReportHtmlFile), RenderHtmlReport(report)));

  if (job.report.data_use.evaluation_rows <= kCsvRowsMax) {
    RETURN_IF_ERROR(WriteFileAtomically(absl::StrCat(files, "/", kRowsCsvFile), RowsCsv(job)));
  }

  report.timings = timings;
  measured.instruction_set = CpuInstructionSet();
  measured.peak_memory_bytes = PeakMemoryBytes();
  report.measured = std::move(measured);
  return WriteFileAtomically(job.folder.ReportFile(), ToProto(report).SerializeAsString());
}

}  // namespace quantd
