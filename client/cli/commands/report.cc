#include "absl/strings/str_cat.h"
#include "client/cli/artifact_files.h"
#include "client/cli/commands/registry.h"
#include "client/cli/exit_code.h"
#include "client/cli/layer_view.h"
#include "client/cli/output.h"
#include "client/cli/report_view.h"
#include "common/error.h"
#include "common/status_macros.h"

namespace quantd::commands::report {
namespace {

absl::StatusOr<int> Run(Invocation& invocation) {
  const ParsedFlags& flags = invocation.flags;
  ASSIGN_OR_RETURN(const v1::Job job,
                   invocation.client.GetJob(invocation.JobName(flags.arguments()[0])));
  if (!job.result().has_report()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "NO_REPORT",
                     absl::StrCat(job.name(), " is ", v1::Job::State_Name(job.state()),
                                  " and has no report", IsFinished(job.state()) ? "" : " yet"));
  }
  if (flags.Has("html")) RETURN_IF_ERROR(DownloadHtmlReport(invocation, job, flags.Get("html")));
  if (flags.Has("json") || invocation.json()) {
    RETURN_IF_ERROR(PrintJson(job.result().report(), invocation.env.out));
    return ExitCodeOf(job);
  }
  PrintReport(job.result().report(), invocation.env.out);
  if (flags.Has("layers")) PrintLayers(job.result().report(), invocation.env.out);
  PrintGates(job, invocation.env.out);
  if (flags.Has("html")) invocation.env.out << "HTML report: " << flags.Get("html") << "\n";
  return ExitCodeOf(job);
}

}  // namespace

const Command& Info() {
  static const Command kCommand = {
      .name = "report",
      .position = 90,
      .summary = "Show what quantization cost: metrics with intervals, sizes, gates.",
      .arguments = "JOB",
      .arguments_min = 1,
      .arguments_max = 1,
      .description =
          "Two kinds of intervals: CONFIDENCE INTERVAL is about the expected value, NEW SAMPLE is "
          "where the next "
          "single sample falls. The exit code is that of the gates.",
      .flags = {{"html", Arity::kOne, "FILE",
                 "Download the self-contained HTML report, with its plots, to this file."},
                {"layers", Arity::kSwitch, "", "Also a table of the layers, the noisiest first."},
                {"json", Arity::kSwitch, "",
                 "The whole report as JSON; the same as --output json."}},
      .examples = {"quantctl report 01hx3k", "quantctl report 01hx3k --html report.html --layers",
                   "quantctl report 01hx3k --json | jq '.metrics[] | {id, value}'"},
      .run = Run};
  return kCommand;
}

}  // namespace quantd::commands::report
