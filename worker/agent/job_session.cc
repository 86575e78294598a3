#include "worker/agent/job_session.h"

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/digest.h"
#include "common/error.h"
#include "common/file.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "proto/wire/status_proto.h"
#include "worker/agent/child_process.h"
#include "worker/agent/event_relay.h"
#include "worker/agent/lease_keeper.h"
#include "worker/job/protocol/event_pipe.h"
#include "worker/job/protocol/job_folder.h"

namespace quantd {
namespace {

// How long a job's process may take to end after SIGTERM before it gets SIGKILL.
constexpr absl::Duration kGrace = absl::Seconds(1);
constexpr absl::Duration kDefaultRunTimeout = absl::Hours(6);
constexpr int64_t kReportBytesMax = 256 << 20;

// "tenants/t/jobs/j" -> {"t", "j"}.
absl::StatusOr<std::pair<std::string, std::string>> SplitJobName(const std::string& name) {
  const std::vector<std::string> parts = absl::StrSplit(name, '/');
  if (parts.size() != 4 || parts[0] != "tenants" || parts[2] != "jobs" || parts[1].empty() ||
      parts[3].empty() || parts[3].find("..") != std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat("'", name, "' is not a job's name"));
  }
  return std::make_pair(parts[1], parts[3]);
}

std::vector<v1::FileRef> InputFiles(const v1::JobSpec& spec) {
  std::vector<v1::FileRef> files(spec.model().files().begin(), spec.model().files().end());
  files.insert(files.end(), spec.data().files().begin(), spec.data().files().end());
  files.insert(files.end(), spec.evaluation_data().files().begin(),
               spec.evaluation_data().files().end());
  return files;
}

// The child's own verdict, or why there is none.
absl::Status Verdict(const JobFolder& folder, const ExitState& exit) {
  const absl::StatusOr<std::string> bytes = ReadFile(folder.StatusFile(), 1 << 20);
  google::rpc::Status status;
  if (bytes.ok() && status.ParseFromString(*bytes)) return FromProto(status);
  const absl::Status explained = ExplainExit(exit);
  return explained.ok() ? MakeError(absl::StatusCode::kInternal, "CHILD_FAILED",
                                    "the job's process ended without a verdict")
                        : explained;
}

}  // namespace

absl::Status JobSession::Run(const v1::Lease& lease) {
  ASSIGN_OR_RETURN(const auto tenant_and_job, SplitJobName(lease.job()));
  const auto& [tenant, job] = tenant_and_job;
  const JobFolder folder{absl::StrCat(options_.jobs_folder, "/", tenant, ".", job)};
  LOG_INFO("job starts", {{"job", lease.job()}, {"attempt", absl::StrCat(lease.attempt())}});

  LeaseKeeper keeper(server_, lease);
  EventRelay relay(server_, lease);
  v1::CompleteJobRequest complete;
  complete.set_job(lease.job());
  complete.set_token(lease.token());

  const absl::Status outcome = [&]() -> absl::Status {
    RETURN_IF_ERROR(RemoveAll(folder.OutputFolder()));
    RETURN_IF_ERROR(CreateFolders(folder.InputsFolder()));
    RETURN_IF_ERROR(CreateFolders(folder.CheckpointFolder()));
    RETURN_IF_ERROR(CreateFolders(folder.OutputFilesFolder()));
    for (const v1::FileRef& file : InputFiles(lease.spec())) {
      RETURN_IF_ERROR(blobs_->Link(tenant, file, folder.InputFile(file.digest())));
    }
    RETURN_IF_ERROR(WriteFileAtomically(folder.SpecFile(), lease.spec().SerializeAsString()));

    const int threads =
        lease.spec().execution().threads() > 0 ? lease.spec().execution().threads() : options_.threads;
    ASSIGN_OR_RETURN(ChildProcess child,
                     ChildProcess::Start({.arguments = {options_.worker_binary, "--run-job",
                                                        folder.path, "--events-fd", "{events}",
                                                        "--threads", absl::StrCat(threads)},
                                          .limits = options_.limits}));
    if (!child.network_isolated()) relay.Warn("this machine does not let a job run without a network");
    const absl::Duration run_timeout =
        lease.spec().execution().has_run_timeout()
            ? absl::Seconds(lease.spec().execution().run_timeout().seconds())
            : kDefaultRunTimeout;
    const absl::Time stop_at = absl::Now() + run_timeout;
    EventParser parser;
    absl::Status protocol;
    const ExitState exit = child.Wait(
        {.log = [&](absl::string_view text) { relay.Log(text); },
         .events =
             [&](absl::string_view bytes) {
               auto events = parser.Feed(bytes);
               if (!events.ok()) {
                 protocol = events.status();
                 return;
               }
               for (v1::JobEvent& event : *events) relay.Add(std::move(event));
             }},
        [&] {
          return !draining_->load() && !keeper.lost() && !keeper.cancel_requested() &&
                 absl::Now() < stop_at && protocol.ok();
        },
        kGrace);
    relay.Flush();
    if (keeper.cancel_requested()) return absl::CancelledError("cancelled on request");
    if (absl::Now() >= stop_at) {
      return MakeError(absl::StatusCode::kDeadlineExceeded, "RUN_TIMEOUT",
                       absl::StrCat("the attempt ran longer than its limit of ",
                                    absl::FormatDuration(run_timeout)));
    }
    RETURN_IF_ERROR(protocol);
    return Verdict(folder, exit);
  }();

  if (keeper.lost()) {
    LOG_WARNING("lease lost, job abandoned", {{"job", lease.job()}});
    return absl::OkStatus();
  }
  absl::Status prepared = outcome;
  if (outcome.ok()) {
    // Uploads count as part of the attempt: when they fail, the attempt fails.
    prepared = [&]() -> absl::Status {
      ASSIGN_OR_RETURN(const std::string report, ReadFile(folder.ReportFile(), kReportBytesMax));
      if (!complete.mutable_success()->mutable_report()->ParseFromString(report)) {
        return absl::InternalError("the job's report cannot be parsed");
      }
      ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(folder.OutputFilesFolder()));
      for (const std::string& name : names) {
        const std::string path = folder.OutputFilesFolder() + "/" + name;
        v1::FileRef* file = complete.mutable_success()->add_files();
        file->set_name(name);
        ASSIGN_OR_RETURN(*file->mutable_digest(), Sha256HexOfFile(path));
        ASSIGN_OR_RETURN(const int64_t size, FileSize(path));
        file->set_size_bytes(size);
        RETURN_IF_ERROR(server_->UploadBlob(tenant, *file, path));
      }
      return absl::OkStatus();
    }();
  }
  if (draining_->load() && !prepared.ok()) {
    complete.set_handed_back(true);
  } else if (absl::IsCancelled(prepared)) {
    complete.set_cancelled(true);
  } else if (!prepared.ok()) {
    *complete.mutable_failure() = ToProto(prepared);
  }
  const absl::Status told = server_->CompleteJob(complete);
  LOG_INFO(
      "job ended",
      {{"job", lease.job()},
       {"outcome", draining_->load() && !prepared.ok() ? "handed back" : FormatStatus(prepared)}});
  // A job that is handed back or will be retried resumes from its checkpoints; a finished one leaves nothing behind.
  if (told.ok() && prepared.ok()) return RemoveAll(folder.path);
  if (GetErrorDetails(told).reason == "STALE_LEASE") return absl::OkStatus();
  return told;
}

}  // namespace quantd
