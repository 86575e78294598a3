#include "worker/agent/job_session.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/error.h"
#include "common/file.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "proto/wire/status_proto.h"
#include "worker/agent/event_relay.h"
#include "worker/agent/lease_keeper.h"

namespace quantd {
namespace {

// "tenants/t/jobs/j" -> "t.j", the name of its folder.
absl::StatusOr<std::string> FolderName(const std::string& job) {
  const std::vector<std::string> parts = absl::StrSplit(job, '/');
  if (parts.size() != 4 || parts[0] != "tenants" || parts[2] != "jobs" || parts[1].empty() ||
      parts[3].empty() || parts[3].find("..") != std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat("'", job, "' is not a job's name"));
  }
  return absl::StrCat(parts[1], ".", parts[3]);
}

// Whether a further attempt may want this one's checkpoints. A server that says no state is older than this worker:
// it tries again what has failed.
bool MayRunAgain(v1::Job::State state, const v1::CompleteJobRequest& told) {
  if (state == v1::Job::STATE_UNSPECIFIED) return !told.has_success();
  return state == v1::Job::QUEUED || state == v1::Job::RUNNING;
}

}  // namespace

absl::Status JobSession::Run(const v1::Lease& lease) {
  ASSIGN_OR_RETURN(const std::string folder_name, FolderName(lease.job()));
  LOG_INFO("job starts", {{"job", lease.job()}, {"attempt", absl::StrCat(lease.attempt())}});
  LeaseKeeper keeper(server_, lease);
  EventRelay relay(server_, lease);
  v1::CompleteJobRequest complete;
  complete.set_job(lease.job());
  complete.set_token(lease.token());

  const absl::StatusOr<HeldJobFolder> held = folders_->Open(folder_name);
  absl::Status outcome = held.status();
  if (held.ok()) {
    JobAttempt attempt(options_, *folders_, server_, blobs_, &relay, lease, [&] {
      return draining_->load() || keeper.lost() || keeper.cancel_requested();
    });
    outcome = attempt.Run(held->folder(), *complete.mutable_success());
  }
  if (keeper.lost()) {
    // The folder stays: the job may come back to this worker. If not, it is swept.
    LOG_WARNING("lease lost, job abandoned", {{"job", lease.job()}});
    return absl::OkStatus();
  }
  if (!outcome.ok() && keeper.cancel_requested()) {
    complete.set_cancelled(true);
  } else if (!outcome.ok() && draining_->load()) {
    complete.set_handed_back(true);
  } else if (!outcome.ok()) {
    *complete.mutable_failure() = ToProto(outcome);
  }
  const absl::StatusOr<v1::Job::State> told = server_->CompleteJob(complete);
  LOG_INFO("job ended",
           {{"job", lease.job()},
            {"outcome", complete.handed_back() ? "handed back" : FormatStatus(outcome)}});
  if (!told.ok()) {
    return GetErrorDetails(told.status()).reason == "STALE_LEASE" ? absl::OkStatus() : told.status();
  }
  if (!held.ok() || MayRunAgain(*told, complete)) return absl::OkStatus();
  return RemoveAll(held->folder().path);
}

}  // namespace quantd
