#include "worker/agent/job_attempt.h"

#include <sys/stat.h>

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/digest.h"
#include "common/errno_status.h"
#include "common/error.h"
#include "common/file.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "proto/wire/status_proto.h"
#include "worker/agent/child_events.h"

namespace quantd {
namespace {

// How long a job's process may take to end after SIGTERM before it gets SIGKILL.
constexpr absl::Duration kGrace = absl::Milliseconds(500);
constexpr absl::Duration kDefaultRunTimeout = absl::Hours(6);
// Half of what a message to the server may hold.
constexpr int64_t kReportBytesMax = 32 << 20;
// As many as the server takes of an artifact.
constexpr size_t kOutputFilesMax = 4096;
constexpr int64_t kStatusBytesMax = 1 << 20;

std::vector<v1::FileRef> InputFiles(const v1::JobSpec& spec) {
  std::vector<v1::FileRef> files(spec.model().files().begin(), spec.model().files().end());
  files.insert(files.end(), spec.data().files().begin(), spec.data().files().end());
  files.insert(files.end(), spec.evaluation_data().files().begin(),
               spec.evaluation_data().files().end());
  return files;
}

absl::Duration RunTimeout(const v1::JobSpec& spec) {
  return spec.execution().has_run_timeout() ? absl::Seconds(spec.execution().run_timeout().seconds())
                                            : kDefaultRunTimeout;
}

// What the job wrote is read with the worker's rights: a link could lead to any of the worker's files.
absl::Status CheckRegularFile(const std::string& path) {
  struct stat info;
  if (::lstat(path.c_str(), &info) != 0) return ErrnoStatus("stat", path);
  if (S_ISREG(info.st_mode) && info.st_nlink == 1) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("the job left ", path, ", which is not a file of its own"));
}

// The child's own verdict, or why there is none.
absl::Status Verdict(const JobFolder& folder, const absl::Status& exit) {
  google::rpc::Status status;
  if (CheckRegularFile(folder.StatusFile()).ok()) {
    const absl::StatusOr<std::string> bytes = ReadFile(folder.StatusFile(), kStatusBytesMax);
    if (bytes.ok() && status.ParseFromString(*bytes)) return FromProto(status);
  }
  return exit.ok() ? MakeError(absl::StatusCode::kInternal, "CHILD_FAILED",
                               "the job's process ended without a verdict")
                   : exit;
}

absl::Status Stopped() { return absl::CancelledError("the attempt was told to stop"); }

}  // namespace

absl::Status JobAttempt::Run(const JobFolder& folder, v1::CompleteJobRequest::Success& success) {
  const absl::Status prepared = Prepare(folder);
  if (!prepared.ok()) {
    // The next job on this worker needs the room; checkpoints are of use to the next attempt.
    RemoveAll(folder.InputsFolder()).IgnoreError();
    return Annotate(prepared, "preparing the job");
  }
  RETURN_IF_ERROR(RunProcess(folder));
  return Upload(folder, success);
}

absl::Status JobAttempt::Prepare(const JobFolder& folder) {
  for (const v1::FileRef& file : InputFiles(lease_.spec())) {
    if (stop_()) return Stopped();
    RETURN_IF_ERROR(blobs_->Link(lease_, file, folder.InputFile(file.digest()), stop_));
  }
  RETURN_IF_ERROR(WriteFileAtomically(folder.SpecFile(), lease_.spec().SerializeAsString()));
  return folders_.HandOver(folder);
}

absl::Status JobAttempt::RunProcess(const JobFolder& folder) {
  StartSandbox sandbox = options_.sandbox;
  std::optional<MemoryCgroup> cgroup;
  if (options_.cgroups != nullptr) {
    ASSIGN_OR_RETURN(MemoryCgroup made,
                     options_.cgroups->Create(absl::StrCat(lease_.token()), sandbox.limits.memory_bytes_max));
    cgroup.emplace(std::move(made));
    sandbox.cgroup_procs_fd = cgroup->procs_fd();
  }
  const int threads =
      lease_.spec().execution().threads() > 0 ? lease_.spec().execution().threads() : options_.threads;
  ASSIGN_OR_RETURN(ChildProcess child,
                   ChildProcess::Start({.arguments = {options_.worker_binary, "--run-job", folder.path,
                                                      "--events-fd", "{events}", "--threads",
                                                      absl::StrCat(threads)},
                                        .sandbox = sandbox}));
  const absl::Duration run_timeout = RunTimeout(lease_.spec());
  const absl::Time stop_at = absl::Now() + run_timeout;
  ChildEvents events(relay_, child.sandbox(), options_.require_sandbox);
  bool stopped = false;
  const ExitState exit = child.Wait(
      {.log = [&](absl::string_view text) { relay_->Log(text); },
       .events = [&](absl::string_view bytes) { events.Feed(bytes); }},
      [&] {
        stopped = stopped || stop_();
        return !stopped && absl::Now() < stop_at && events.status().ok();
      },
      kGrace);
  const bool timed_out = absl::Now() >= stop_at;
  relay_->Flush();
  if (stopped) return Stopped();
  if (timed_out) {
    return MakeError(absl::StatusCode::kDeadlineExceeded, "RUN_TIMEOUT",
                     absl::StrCat("the attempt ran longer than its limit of ",
                                  absl::FormatDuration(run_timeout)));
  }
  RETURN_IF_ERROR(events.status());
  return Verdict(folder, ExplainExit(exit, cgroup && cgroup->RanOutOfMemory()));
}

absl::Status JobAttempt::Upload(const JobFolder& folder, v1::CompleteJobRequest::Success& success) {
  RETURN_IF_ERROR(CheckRegularFile(folder.ReportFile()));
  ASSIGN_OR_RETURN(const int64_t report_bytes, FileSize(folder.ReportFile()));
  if (report_bytes > kReportBytesMax) {
    return MakeError(absl::StatusCode::kInvalidArgument, "REPORT_TOO_LARGE",
                     absl::StrCat("the job's report has ", report_bytes, " bytes; at most ", kReportBytesMax,
                                  " are taken: ask for fewer metrics or layers"));
  }
  ASSIGN_OR_RETURN(const std::string report, ReadFile(folder.ReportFile(), kReportBytesMax));
  if (!success.mutable_report()->ParseFromString(report)) {
    return absl::InternalError("the job's report cannot be parsed");
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(folder.OutputFilesFolder()));
  if (names.size() > kOutputFilesMax) {
    return MakeError(absl::StatusCode::kInvalidArgument, "TOO_MANY_FILES",
                     absl::StrCat("the job wrote ", names.size(), " files; at most ", kOutputFilesMax, " are taken"));
  }
  for (const std::string& name : names) {
    const std::string path = folder.OutputFilesFolder() + "/" + name;
    RETURN_IF_ERROR(CheckRegularFile(path));
    v1::FileRef* file = success.add_files();
    file->set_name(name);
    ASSIGN_OR_RETURN(*file->mutable_digest(), Sha256HexOfFile(path));
    ASSIGN_OR_RETURN(const int64_t size, FileSize(path));
    file->set_size_bytes(size);
    RETURN_IF_ERROR(server_->UploadBlob(lease_, *file, path, stop_));
  }
  return absl::OkStatus();
}

}  // namespace quantd
