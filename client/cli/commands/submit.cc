#include "absl/strings/str_cat.h"
#include "client/cli/artifact_files.h"
#include "client/cli/commands/registry.h"
#include "client/cli/exit_code.h"
#include "client/cli/follow.h"
#include "client/cli/output.h"
#include "client/cli/progress_view.h"
#include "client/cli/report_view.h"
#include "client/cli/spec_flags.h"
#include "client/cli/values.h"
#include "client/lib/transfer.h"
#include "client/lib/uuid.h"
#include "common/error.h"
#include "common/status_macros.h"

namespace quantd::commands::submit {
namespace {

std::vector<FlagSpec> Flags() {
  std::vector<FlagSpec> flags = SpecFlags();
  const std::string job = "Job";
  const std::vector<FlagSpec> more = {
      {"name", Arity::kOne, "TEXT", "A name for people.", job},
      {"label", Arity::kMany, "KEY=VALUE",
       "A label to find the job by: quantctl list --filter labels.KEY=VALUE.", job},
      {"request-id", Arity::kOne, "ID",
       "Submitting twice with one id makes one job: set it where a pipeline may run again. "
       "Default: a fresh UUID.",
       job},
      {"validate-only", Arity::kSwitch, "",
       "Let the server check the job but make none; missing files are uploaded all the same.", job},
      {"wait", Arity::kSwitch, "",
       "Show progress until the job ends, then the report; the exit code tells the outcome.", job},
      {"wait-timeout", Arity::kOne, "DURATION",
       "Wait at most this long (implies --wait); the job goes on, the exit code is 4.", job},
      {"logs", Arity::kSwitch, "", "While waiting, show the job's own output too.", job},
      {"cancel-on-interrupt", Arity::kSwitch, "",
       "Ctrl-C while waiting cancels the job. Default: it goes on.", job},
      {"download", Arity::kOne, "FOLDER",
       "After success (implies --wait), put the artifact's files there.", job},
  };
  flags.insert(flags.end(), more.begin(), more.end());
  return flags;
}

absl::StatusOr<v1::CreateJobRequest> MakeRequest(const Invocation& invocation,
                                                 const v1::JobSpec& spec) {
  v1::CreateJobRequest request;
  request.set_parent(invocation.parent());
  request.set_request_id(invocation.flags.Get("request-id"));
  if (request.request_id().empty()) request.set_request_id(MakeUuid());
  request.mutable_job()->set_display_name(invocation.flags.Get("name"));
  for (const std::string& text : invocation.flags.All("label")) {
    const auto pair = ParsePair(text);
    if (!pair.ok()) return Annotate(pair.status(), "--label");
    (*request.mutable_job()->mutable_labels())[pair->first] = pair->second;
  }
  *request.mutable_job()->mutable_spec() = spec;
  return request;
}

absl::Status Upload(Invocation& invocation, const std::vector<LocalFile>& files) {
  Transfer transfer(&invocation.client, invocation.retry, invocation.env.clock, invocation.sleeper);
  std::ostream& err = invocation.env.err;
  // A folder of images is thousands of small files: name the large ones only.
  constexpr int64_t kWorthALineBytes = 8 << 20;
  ASSIGN_OR_RETURN(const UploadSummary summary,
                   transfer.Upload(files, [&](int index, int missing, const LocalFile& file) {
                     if (invocation.json() || file.ref.size_bytes() < kWorthALineBytes) return;
                     err << "uploading " << index + 1 << "/" << missing << " " << file.ref.name()
                         << " (" << FormatBytes(file.ref.size_bytes()) << ")\n";
                   }));
  if (!invocation.json() && summary.files > 0) {
    err << DescribeUpload(summary) << "\n";
  }
  return absl::OkStatus();
}

absl::StatusOr<int> Validate(Invocation& invocation, const v1::JobSpec& spec) {
  v1::ValidateJobRequest request;
  request.set_parent(invocation.parent());
  *request.mutable_spec() = spec;
  ASSIGN_OR_RETURN(const v1::ValidateJobResponse response, invocation.client.ValidateJob(request));
  if (invocation.json()) {
    RETURN_IF_ERROR(PrintJson(response, invocation.env.out));
    return kExitOk;
  }
  invocation.env.out << "valid\n";
  for (const std::string& warning : response.warnings()) {
    invocation.env.out << "warning: " << Printable(warning) << "\n";
  }
  return kExitOk;
}

absl::StatusOr<int> WaitAndReport(Invocation& invocation, const std::string& name,
                                  absl::Duration wait) {
  const ParsedFlags& flags = invocation.flags;
  ASSIGN_OR_RETURN(const v1::Job job,
                   FollowJob(invocation, {.job = name,
                                          .deadline = invocation.env.clock->Now() + wait,
                                          .logs = flags.Has("logs"),
                                          .cancel_on_interrupt = flags.Has("cancel-on-interrupt"),
                                          .events = !invocation.json(),
                                          .out = &invocation.env.err,
                                          .live = invocation.env.err_is_terminal}));
  std::ostream& out = invocation.env.out;
  if (invocation.json()) {
    RETURN_IF_ERROR(PrintJson(job, out));
  } else {
    PrintOutcome(job, out);
  }
  if (flags.Has("download") && job.state() == v1::Job::SUCCEEDED) {
    ASSIGN_OR_RETURN(const auto paths, DownloadArtifact(invocation, job, flags.Get("download")));
    std::ostream& where = invocation.json() ? invocation.env.err : out;
    for (const std::string& path : paths) where << "downloaded " << path << "\n";
  }
  return ExitCodeOf(job);
}

absl::StatusOr<int> Run(Invocation& invocation) {
  const ParsedFlags& flags = invocation.flags;
  ASSIGN_OR_RETURN(const absl::Duration wait,
                   flags.Duration("wait-timeout", absl::InfiniteDuration()));
  ASSIGN_OR_RETURN(const SpecAndFiles described, BuildSpec(flags));
  ASSIGN_OR_RETURN(const v1::CreateJobRequest request, MakeRequest(invocation, described.spec));
  RETURN_IF_ERROR(Upload(invocation, described.files));
  if (flags.Has("validate-only")) return Validate(invocation, described.spec);
  ASSIGN_OR_RETURN(const v1::Job job, invocation.client.CreateJob(request));
  const bool waits = flags.Has("wait") || flags.Has("wait-timeout") || flags.Has("download");
  std::ostream& out = invocation.env.out;
  if (invocation.json() && !waits) {
    RETURN_IF_ERROR(PrintJson(job, out));
    return kExitOk;
  }
  // With JSON, standard output holds one object: the finished job.
  (invocation.json() ? invocation.env.err : out) << job.name() << std::endl;
  if (waits) return WaitAndReport(invocation, job.name(), wait);
  ProgressView(invocation.env.err, false, false).ShowConditions(job);
  invocation.env.err << "watch it:  quantctl watch " << job.name() << "\n";
  return kExitOk;
}

}  // namespace

const Command& Info() {
  static const Command kCommand = {
      .name = "submit",
      .position = 10,
      .summary = "Quantize a model: upload what is missing and start a job.",
      .description =
          "Prints the job's name. With --wait, also its progress, the report and the gates, and "
          "the exit code says what "
          "came out.\n\n"
          "Give a model, data and a recipe; everything else has a default. The data is split "
          "without overlap: some rows "
          "calibrate, the others are held out to measure the loss of quality.",
      .flags = Flags(),
      .examples =
          {"# The usual: quantize, wait, fail the build below 98 % agreement.",
           "quantctl submit --model vit.onnx --data images.npy --preset w8a8-mse \\",
           "    --wait --gate 'top1_agreement.lower >= 0.98' --download out", "",
           "# MNIST-style files with labels, 128 rows to calibrate, 99 % intervals.",
           "quantctl submit --model cnn.onnx --data t10k-images-idx3-ubyte.gz \\",
           "    --labels t10k-labels-idx1-ubyte.gz --scale 1/255 --preset w8a8-entropy \\",
           "    --calibration-rows 128 --alpha 0.01 --wait", "",
           "# A folder of photos, one sub-folder a class; the last layers stay in full precision.",
           "quantctl submit --model net/ --data photos/ --labels folder --resize-shorter 256 \\",
           "    --crop 224x224 --scale 1/255 --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 \\",
           "    --recipe recipe.yaml --exclude '/head/*' --exclude 'Gemm:*'", "",
           "# recipe.yaml: a preset, and what is to differ from it.", "preset: w8a8-percentile",
           "activation:", "  range: {id: percentile, parameters: {p: 0.9999}}"},
      .run = Run};
  return kCommand;
}

}  // namespace quantd::commands::submit
