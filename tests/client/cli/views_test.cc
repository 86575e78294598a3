// What people see: golden texts of the report, the job, progress and errors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "client/cli/artifact_files.h"
#include "client/cli/error_output.h"
#include "client/cli/exit_code.h"
#include "client/cli/job_view.h"
#include "client/cli/output.h"
#include "client/cli/progress_view.h"
#include "client/cli/report_view.h"
#include "common/error.h"
#include "proto/wire/status_proto.h"
#include "tests/client/cli/sample_job.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ReportViewTest, ShowsMetricsWithBothKindsOfIntervals) {
  std::ostringstream out;
  PrintOutcome(testing::SampleJob(), out);
  EXPECT_EQ(
      out.str(),
      "vit: int8 weights per channel, uint8 activations, mse\n"
      "METRIC          VALUE   UNIT      N     CONFIDENCE INTERVAL                           NEW "
      "SAMPLE\n"
      "top1_agreement  0.9960  fraction  2000  [0.9922, 0.9983] 95%                          -\n"
      "kl              0.0123  nat       2000  [0.011, 0.014] 95%                            "
      "[-inf, 0.25] 95%\n"
      "accuracy_delta  0.1000  fraction  10    [0.0000, inf] 99.9% (n too small: needs 999)  -\n"
      "accuracy        n/a     fraction  -     the data has no labels\n"
      "size: 1.5 MiB -> 512.0 KiB (0.333x)\n"
      "rows: 256 for calibration, 2000 held out for evaluation, without labels (seed 7)\n"
      "measured on AVX2: peak memory 100.0 MiB; 12 layers in integers at 1.75 [1.50, 2.00] times float32's speed, same class as "
      "simulated on 99.61% of 256 rows (sums of products may saturate here: see reduce_range)\n"
      "warning: one layer is narrow\n"
      "gate PASSED: top1_agreement.lower >= 0.98 (0.9922 >= 0.98)\n");
}

TEST(ReportViewTest, AGateSaysItsOutcomeOnce) {
  v1::Job job = testing::SampleJob();
  job.mutable_gate_results(0)->set_explanation("Passed: the lower end is 0.99.");
  std::ostringstream out;
  PrintGates(job, out);
  EXPECT_EQ(out.str(), "gate PASSED: top1_agreement.lower >= 0.98 (the lower end is 0.99.)\n");
}

TEST(ReportViewTest, AFailedJobTellsItsProblemOnce) {
  v1::Job job;
  job.set_state(v1::Job::FAILED);
  *job.mutable_error() = ToProto(InvalidFields("BAD_LABEL", {{"spec.data.labels", "are text"}}));
  std::ostringstream out;
  PrintOutcome(job, out);
  EXPECT_EQ(out.str(), "job FAILED: spec.data.labels: are text [BAD_LABEL]\n");
}

TEST(UploadTextTest, SaysWhatWasSentAndWhatWasThere) {
  EXPECT_EQ(DescribeUpload({.files = 2, .uploaded_files = 2, .uploaded_bytes = 2048}),
            "uploaded 2 files (2.0 KiB)");
  EXPECT_EQ(DescribeUpload({.files = 3, .uploaded_files = 1, .uploaded_bytes = 5}),
            "uploaded 1 of 3 files (5 B); the server had the rest");
  EXPECT_EQ(DescribeUpload({.files = 1}), "uploaded nothing; the server had 1 file");
}

TEST(JobViewTest, ShowsAttemptsWithTheirReasons) {
  v1::Job job = testing::SampleJob();
  v1::Attempt* attempt = job.add_attempts();
  attempt->set_number(1);
  attempt->set_worker("w1");
  attempt->mutable_start_time()->set_seconds(1'700'000'000);
  attempt->mutable_end_time()->set_seconds(1'700'000'075);
  attempt->set_outcome("LEASE_EXPIRED");
  *attempt->mutable_error() = ToProto(absl::UnavailableError("the worker fell silent"));
  attempt->mutable_sandbox()->add_applied("seccomp");
  std::ostringstream out;
  PrintJob(job, absl::FromUnixSeconds(1'700'003'600), out);
  EXPECT_THAT(out.str(), HasSubstr("name:         tenants/default/jobs/j1\n"));
  EXPECT_THAT(out.str(), HasSubstr("state:        SUCCEEDED\n"));
  EXPECT_THAT(out.str(), HasSubstr("created:      2023-11-14 22:13:20 UTC (1h0m ago)\n"));
  EXPECT_THAT(out.str(),
              HasSubstr("ATTEMPT  WORKER  STARTED                  TOOK   OUTCOME        REASON\n"
                        "1        w1      2023-11-14 22:13:20 UTC  1m15s  LEASE_EXPIRED  the "
                        "worker fell silent\n"));
  EXPECT_THAT(out.str(), HasSubstr("top1_agreement"));
}

TEST(JobViewTest, SaysOfEachAttemptWhatItsSandboxLacked) {
  v1::Job job = testing::SampleJob();
  v1::Attempt* attempt = job.add_attempts();
  attempt->set_number(1);
  attempt->mutable_sandbox()->add_applied("seccomp");
  std::ostringstream whole;
  PrintJob(job, absl::FromUnixSeconds(1'700'003'600), whole);
  EXPECT_EQ(whole.str().find("sandbox"), std::string::npos);
  attempt->mutable_sandbox()->add_missing("landlock: the kernel has none");
  attempt->mutable_sandbox()->add_missing("user_namespace: Operation not permitted");
  std::ostringstream out;
  PrintJob(job, absl::FromUnixSeconds(1'700'003'600), out);
  EXPECT_THAT(out.str(),
              HasSubstr("attempt 1 ran with less than the whole sandbox: landlock: the kernel has none; "
                        "user_namespace: Operation not permitted\n"));
}

v1::JobEvent ProgressEvent(const std::string& stage, int step, double fraction) {
  v1::JobEvent event;
  event.mutable_time()->set_seconds(1'700'000'000);
  event.mutable_progress()->set_stage(stage);
  event.mutable_progress()->set_step(step);
  event.mutable_progress()->set_steps(100);
  event.mutable_progress()->set_fraction(fraction);
  event.mutable_progress()->mutable_eta()->set_seconds(80);
  return event;
}

v1::JobEvent StateEvent(v1::Job::State state) {
  v1::JobEvent event;
  event.mutable_time()->set_seconds(1'700'000'000);
  event.set_state(state);
  return event;
}

TEST(ProgressViewTest, PlainLinesComeAtStagesAndTwentieths) {
  std::ostringstream out;
  {
    ProgressView view(out, /*live=*/false, /*logs=*/false);
    view.Show(StateEvent(v1::Job::RUNNING));
    for (int i = 0; i <= 10; ++i) view.Show(ProgressEvent("calibrate", i, 0.01 * i));
    view.Show(ProgressEvent("evaluate", 0, 0.11));
  }
  EXPECT_EQ(out.str(),
            "22:13:20  RUNNING\n"
            "22:13:20    0%  calibrate 0/100  ETA 1m20s\n"
            "22:13:20    5%  calibrate 5/100  ETA 1m20s\n"
            "22:13:20   10%  calibrate 10/100  ETA 1m20s\n"
            "22:13:20   11%  evaluate 0/100  ETA 1m20s\n");
}

TEST(ProgressViewTest, ATerminalGetsOneLineThatRedrawsItself) {
  std::ostringstream out;
  {
    ProgressView view(out, /*live=*/true, /*logs=*/true);
    view.Show(StateEvent(v1::Job::RUNNING));
    view.Show(ProgressEvent("calibrate", 50, 0.5));
    view.Show(ProgressEvent("report", 1, 0.99));
    v1::JobEvent log;
    log.mutable_log()->set_text("hello \x1b[31mred\nworld\n");
    view.Show(log);
  }
  EXPECT_EQ(out.str(),
            "22:13:20  RUNNING\n"
            "\r[############............]  50%  calibrate 50/100  ETA 1m20s  RUNNING"
            "\r[#######################.]  99%  report 1/100  ETA 1m20s  RUNNING    \n"
            "  | hello [31mred\n"
            "  | world\n");
}

TEST(ErrorOutputTest, PeopleGetTheFieldsAndAHint) {
  std::ostringstream err;
  PrintError(MakeError(absl::StatusCode::kInvalidArgument, "2 problems",
                       {.reason = "INVALID_SPEC",
                        .violations = {{"spec.evaluation.alpha", "must be below 1"},
                                       {"spec.gates[0]", "no such metric"}}}),
             OutputFormat::kTable, "host:1", err);
  PrintError(absl::UnavailableError("connection refused"), OutputFormat::kTable, "host:1", err);
  EXPECT_EQ(
      err.str(),
      "error: 2 problems [INVALID_SPEC]\n"
      "  spec.evaluation.alpha: must be below 1\n"
      "  spec.gates[0]: no such metric\n"
      "error: connection refused [UNAVAILABLE]\n"
      "hint: is quantd running at host:1? Set --server or QUANTD_SERVER; run 'quantctl doctor'\n");
}

TEST(ErrorOutputTest, NoProblemIsToldTwice) {
  std::ostringstream err;
  PrintError(InvalidFields("INVALID_SPEC", {{"a", "is wrong"}}), OutputFormat::kTable, "h:1", err);
  PrintError(InvalidFields("INVALID_SPEC", {{"a", "is wrong"}, {"b", "is missing"}}),
             OutputFormat::kTable, "h:1", err);
  EXPECT_EQ(err.str(),
            "error: a: is wrong [INVALID_SPEC]\n"
            "error: 2 problems [INVALID_SPEC]\n"
            "  a: is wrong\n"
            "  b: is missing\n");
}

TEST(ErrorOutputTest, ProgramsGetOneObject) {
  std::ostringstream err;
  PrintError(MakeError(absl::StatusCode::kInvalidArgument, "bad \"x\"",
                       {.reason = "INVALID_SPEC", .violations = {{"a.b", "wrong"}}}),
             OutputFormat::kJson, "host:1", err);
  EXPECT_EQ(
      err.str(),
      "{\"code\":\"INVALID_ARGUMENT\",\"reason\":\"INVALID_SPEC\",\"message\":\"bad \\\"x\\\"\","
      "\"violations\":[{\"field\":\"a.b\",\"description\":\"wrong\"}]}\n");
}

TEST(ExitCodeTest, GatesDecideAndAFailedOneOutweighsAnInconclusiveOne) {
  using G = v1::GateResult;
  const struct {
    std::vector<G::Outcome> outcomes;
    ExitCode code;
  } kCases[] = {{{}, kExitOk},
                {{G::PASSED, G::PASSED}, kExitOk},
                {{G::PASSED, G::FAILED}, kExitGateFailed},
                {{G::INCONCLUSIVE, G::PASSED}, kExitInconclusive},
                {{G::INCONCLUSIVE, G::FAILED}, kExitGateFailed},
                {{G::FAILED, G::INCONCLUSIVE}, kExitGateFailed},
                {{G::OUTCOME_UNSPECIFIED}, kExitInconclusive}};
  for (const auto& c : kCases) {
    v1::Job job;
    job.set_state(v1::Job::SUCCEEDED);
    for (const G::Outcome outcome : c.outcomes) job.add_gate_results()->set_outcome(outcome);
    EXPECT_EQ(ExitCodeOf(job), c.code);
  }
}

TEST(ExitCodeTest, FailedJobsAreTheUsersFaultOrNot) {
  const std::pair<absl::StatusCode, ExitCode> kCases[] = {
      {absl::StatusCode::kInvalidArgument, kExitInvalidRequest},
      {absl::StatusCode::kUnimplemented, kExitInvalidRequest},
      {absl::StatusCode::kFailedPrecondition, kExitInvalidRequest},
      {absl::StatusCode::kResourceExhausted, kExitInfrastructure},
      {absl::StatusCode::kInternal, kExitInfrastructure},
      {absl::StatusCode::kUnavailable, kExitInfrastructure}};
  for (const auto& [status, code] : kCases) {
    v1::Job job;
    job.set_state(v1::Job::FAILED);
    job.mutable_error()->set_code(static_cast<int>(status));
    EXPECT_EQ(ExitCodeOf(job), code) << absl::StatusCodeToString(status);
  }
  v1::Job job;
  for (const v1::Job::State state : {v1::Job::CANCELLED, v1::Job::DEAD_LETTERED}) {
    job.set_state(state);
    EXPECT_EQ(ExitCodeOf(job), kExitInfrastructure);
  }
  job.set_state(v1::Job::RUNNING);
  EXPECT_EQ(ExitCodeOf(job), kExitStillRunning);
}

TEST(OutputTest, UnitsAreReadable) {
  EXPECT_EQ(FormatBytes(1023), "1023 B");
  EXPECT_EQ(FormatBytes(1536), "1.5 KiB");
  EXPECT_EQ(FormatBytes(int64_t{3} << 30), "3.0 GiB");
  EXPECT_EQ(FormatSpan(absl::Seconds(59)), "59s");
  EXPECT_EQ(FormatSpan(absl::Seconds(200)), "3m20s");
  EXPECT_EQ(FormatSpan(absl::Minutes(125)), "2h5m");
  EXPECT_EQ(FormatSpan(absl::Hours(99)), "4d3h");
  EXPECT_EQ(FormatSpan(absl::Seconds(-5)), "0s");
}

TEST(OutputTest, JsonKeepsTheApisNamesAndTheZeros) {
  v1::GateResult gate;
  gate.mutable_gate()->set_metric("kl");
  std::ostringstream out;
  ASSERT_OK(PrintJsonLine(gate, out));
  EXPECT_EQ(out.str(),
            "{\"gate\":{\"metric\":\"kl\",\"statistic\":\"STATISTIC_UNSPECIFIED\",\"comparison\":"
            "\"COMPARISON_UNSPECIFIED\",\"threshold\":0},\"outcome\":\"OUTCOME_UNSPECIFIED\","
            "\"explanation\":\"\"}\n");
}

}  // namespace
}  // namespace quantd
