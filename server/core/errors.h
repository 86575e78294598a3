// Every error of the job service that a user can see, so that wording, code and reason are chosen
// once.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/core/job.h"

namespace quantd::errors {

absl::Status JobNotFound(const JobName& name);
absl::Status ArtifactNotFound(const ArtifactName& name);
absl::Status TokenNotFound(const TokenName& name);
absl::Status BlobNotFound(absl::string_view digest);

// The worker's lease is not the job's latest, or has ended: whatever it wanted to write is refused.
absl::Status StaleLease(const JobName& name, uint64_t token);

absl::Status RequestIdReused(absl::string_view request_id, const JobName& earlier);
absl::Status JobNotFinished(const JobName& name);
absl::Status JobNotDeadLettered(const JobName& name, JobState state);
// Its record has no room for another budget of attempts.
absl::Status TooManyRedrives(const JobName& name, size_t attempts);
absl::Status EtagMismatch(const JobName& name);
absl::Status ArtifactBlobMissing(absl::string_view file, absl::string_view digest);
// The same of a job's input that went between the look at it and the job's creation.
absl::Status InputMissing(absl::string_view digest);
// The caller may act only for a job that is leased to it.
absl::Status LeaseRequired();

// Why attempts and jobs ended.
absl::Status LeaseExpired(absl::string_view worker);
absl::Status QueueTimeout(absl::Duration limit);
absl::Status TooManyAttempts(size_t attempts);
absl::Status Cancelled();

// One answer for every caller whom the server does not know, and one for every call that a known
// one may not make: neither tells what exists.
absl::Status Unauthenticated();
absl::Status PermissionDenied();

// RESOURCE_EXHAUSTED, reason TOO_MANY_CALLS, with RetryInfo and QuotaFailure.
absl::Status TooManyCalls(absl::string_view tenant, int max);
// RESOURCE_EXHAUSTED, reason RATE_LIMITED, with RetryInfo and QuotaFailure.
absl::Status RateLimited(absl::string_view tenant, double calls_per_second,
                         absl::Duration retry_after);

// RESOURCE_EXHAUSTED, reason QUOTA_EXCEEDED, with a QuotaFailure: `limit` ("queued_jobs_max") of
// the tenant is `max`, and `used` is there already.
absl::Status QuotaExceeded(absl::string_view tenant, absl::string_view limit, int64_t max,
                           int64_t used);

// What a call does must be recorded, and cannot be.
absl::Status AuditUnavailable();

// Nothing new is taken until an operator says so.
absl::Status ServerPaused();

// The server is draining: come back soon.
absl::Status ShuttingDown();

}  // namespace quantd::errors
