#include "server/core/errors.h"

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "server/core/job_codec.h"

namespace quantd::errors {

absl::Status JobNotFound(const JobName& name) {
  return MakeError(absl::StatusCode::kNotFound, "JOB_NOT_FOUND",
                   absl::StrCat("there is no job ", name.ToString()));
}

absl::Status ArtifactNotFound(const ArtifactName& name) {
  return MakeError(absl::StatusCode::kNotFound, "ARTIFACT_NOT_FOUND",
                   absl::StrCat("there is no artifact ", name.ToString()));
}

absl::Status TokenNotFound(const TokenName& name) {
  return MakeError(absl::StatusCode::kNotFound, "TOKEN_NOT_FOUND",
                   absl::StrCat("there is no token ", name.ToString()));
}

absl::Status BlobNotFound(absl::string_view digest) {
  return MakeError(absl::StatusCode::kNotFound, "BLOB_NOT_FOUND",
                   absl::StrCat("there is no blob ", digest));
}

absl::Status StaleLease(const JobName& name, uint64_t token) {
  return MakeError(
      absl::StatusCode::kAborted, "STALE_LEASE",
      absl::StrCat("lease ", token, " of ", name.ToString(), " is over; stop working on it"));
}

absl::Status RequestIdReused(absl::string_view request_id, const JobName& earlier) {
  return InvalidField("REQUEST_ID_REUSED", "request_id",
                      absl::StrCat("'", request_id, "' created ", earlier.ToString(),
                                   " from another request; use a fresh id for a different job"));
}

absl::Status JobNotFinished(const JobName& name) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "JOB_NOT_FINISHED",
                   absl::StrCat(name.ToString(), " has not finished; cancel it first"));
}

absl::Status JobNotDeadLettered(const JobName& name, JobState state) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "JOB_NOT_DEAD_LETTERED",
                   absl::StrCat(name.ToString(), " is ", ToText(state),
                                "; only DEAD_LETTERED jobs can be redriven"));
}

absl::Status TooManyRedrives(const JobName& name, size_t attempts) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "TOO_MANY_REDRIVES",
                   absl::StrCat(name.ToString(), " has had ", attempts,
                                " attempts; create a new job of its spec instead"));
}

absl::Status EtagMismatch(const JobName& name) {
  return MakeError(absl::StatusCode::kAborted, "ETAG_MISMATCH",
                   absl::StrCat(name.ToString(), " has changed; read it again"));
}

absl::Status ArtifactBlobMissing(absl::string_view file, absl::string_view digest) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "BLOB_MISSING",
                   absl::StrCat("file '", file, "' names blob ", digest,
                                " which has not been uploaded in that size"));
}

absl::Status InputMissing(absl::string_view digest) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "MISSING_BLOB",
                   absl::StrCat("input ", digest, " is not there any more; upload it again"));
}

absl::Status LeaseRequired() {
  return MakeError(absl::StatusCode::kFailedPrecondition, "LEASE_REQUIRED",
                   "a worker moves blobs only for a job that is leased to it; send the lease");
}

absl::Status LeaseExpired(absl::string_view worker) {
  return MakeError(absl::StatusCode::kUnavailable, "LEASE_EXPIRED",
                   absl::StrCat("worker '", worker, "' stopped sending heartbeats"));
}

absl::Status QueueTimeout(absl::Duration limit) {
  return MakeError(absl::StatusCode::kDeadlineExceeded, "QUEUE_TIMEOUT",
                   absl::StrCat("no worker started the job within ", absl::FormatDuration(limit)));
}

absl::Status TooManyAttempts(size_t attempts) {
  return MakeError(
      absl::StatusCode::kUnavailable, "TOO_MANY_ATTEMPTS",
      absl::StrCat("no worker has kept the job until its end in ", attempts, " attempts"));
}

absl::Status Cancelled() {
  return MakeError(absl::StatusCode::kCancelled, "CANCELLED", "cancelled on request");
}

absl::Status Unauthenticated() {
  return MakeError(absl::StatusCode::kUnauthenticated, "UNAUTHENTICATED",
                   "a valid bearer token is needed; with quantctl, --token-file FILE");
}

absl::Status PermissionDenied() {
  return MakeError(absl::StatusCode::kPermissionDenied, "PERMISSION_DENIED",
                   "this token's tenant or roles do not allow the call");
}

absl::Status TooManyCalls(absl::string_view tenant, int max) {
  const std::string what = absl::StrCat("it may have ", max, " calls at once");
  return MakeError(absl::StatusCode::kResourceExhausted,
                   absl::StrCat("tenant '", tenant, "' has too many calls open: ", what,
                                "; watchers and waiting calls count"),
                   ErrorDetails{.reason = "TOO_MANY_CALLS",
                                .quotas = {{absl::StrCat("tenants/", tenant), what}},
                                .retry_after = absl::Seconds(1)});
}

absl::Status RateLimited(absl::string_view tenant, double calls_per_second,
                         absl::Duration retry_after) {
  const std::string what = absl::StrCat("calls_per_second is ", calls_per_second);
  return MakeError(absl::StatusCode::kResourceExhausted,
                   absl::StrCat("tenant '", tenant, "' calls too often: ", what),
                   ErrorDetails{.reason = "RATE_LIMITED",
                                .quotas = {{absl::StrCat("tenants/", tenant), what}},
                                .retry_after = retry_after});
}

absl::Status QuotaExceeded(absl::string_view tenant, absl::string_view limit, int64_t max,
                           int64_t used) {
  const std::string what = absl::StrCat(limit, " is ", max, ", and ", used, " are in use");
  return MakeError(absl::StatusCode::kResourceExhausted,
                   absl::StrCat("quota of tenant '", tenant, "': ", what,
                                "; delete what is not needed, wait, "
                                "or ask the operator for more"),
                   ErrorDetails{.reason = "QUOTA_EXCEEDED",
                                .quotas = {{absl::StrCat("tenants/", tenant), what}}});
}

absl::Status AuditUnavailable() {
  return MakeError(absl::StatusCode::kUnavailable,
                   "the server cannot write its audit log, and does nothing that belongs there",
                   ErrorDetails{.reason = "AUDIT_UNAVAILABLE", .retry_after = absl::Seconds(5)});
}

absl::Status ServerPaused() {
  return MakeError(absl::StatusCode::kUnavailable,
                   "the server is paused: it finishes the jobs that it has and takes no new ones",
                   ErrorDetails{.reason = "SERVER_PAUSED", .retry_after = absl::Seconds(30)});
}

absl::Status ShuttingDown() {
  return MakeError(absl::StatusCode::kUnavailable, "the server is shutting down",
                   ErrorDetails{.reason = "SHUTTING_DOWN", .retry_after = absl::Seconds(1)});
}

}  // namespace quantd::errors
