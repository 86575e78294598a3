#include "client/lib/client.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/lib/client_internal.h"
#include "common/error.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

// The server waits at most 10 minutes; shorter polls survive proxies that close idle calls.
constexpr absl::Duration kWaitPerCall = absl::Seconds(20);

// A job outlives restarts of its server, and so does the wait for it.
constexpr absl::Duration kOutageMax = absl::Minutes(3);

RetryPolicy Patient(RetryPolicy policy) {
  policy.attempts_max = std::numeric_limits<int>::max();
  policy.overall = std::max(policy.overall, kOutageMax);
  return policy;
}

absl::Status StillRunning(const std::string& name) {
  return MakeError(absl::StatusCode::kDeadlineExceeded, "STILL_RUNNING",
                   absl::StrCat(name, " had not finished when the wait ended; it goes on"));
}

}  // namespace

bool IsFinished(v1::Job::State state) {
  return state == v1::Job::SUCCEEDED || state == v1::Job::FAILED || state == v1::Job::CANCELLED ||
         state == v1::Job::DEAD_LETTERED;
}

Client::Client(const Connection* connection, ClientOptions options, const Clock* clock,
               Sleeper* sleeper, std::string parent)
    : options_(std::move(options)),
      clock_(clock),
      sleeper_(sleeper),
      parent_(std::move(parent)),
      stubs_(std::make_unique<Stubs>(connection->channel())) {}

Client::~Client() = default;

absl::StatusOr<v1::Job> Client::CreateJob(const v1::CreateJobRequest& request) {
  return Call<v1::Job>(&stubs_->jobs, &v1::JobService::Stub::CreateJob, request,
                       /*idempotent=*/!request.request_id().empty());
}

absl::StatusOr<v1::Job> Client::GetJob(const std::string& name) {
  v1::GetJobRequest request;
  request.set_name(name);
  return Call<v1::Job>(&stubs_->jobs, &v1::JobService::Stub::GetJob, request, true);
}

absl::StatusOr<v1::ListJobsResponse> Client::ListJobs(const v1::ListJobsRequest& request) {
  return Call<v1::ListJobsResponse>(&stubs_->jobs, &v1::JobService::Stub::ListJobs, request, true);
}

absl::StatusOr<v1::Job> Client::CancelJob(const std::string& name) {
  v1::CancelJobRequest request;
  request.set_name(name);
  return Call<v1::Job>(&stubs_->jobs, &v1::JobService::Stub::CancelJob, request, true);
}

absl::StatusOr<v1::Job> Client::RedriveJob(const std::string& name) {
  v1::RedriveJobRequest request;
  request.set_name(name);
  // A second attempt after a lost answer would report that the job is not dead-lettered.
  return Call<v1::Job>(&stubs_->jobs, &v1::JobService::Stub::RedriveJob, request, false);
}

absl::Status Client::DeleteJob(const std::string& name) {
  v1::DeleteJobRequest request;
  request.set_name(name);
  // A second attempt after a lost answer would report NOT_FOUND for a job that this call deleted.
  return Call<v1::DeleteJobResponse>(&stubs_->jobs, &v1::JobService::Stub::DeleteJob, request,
                                     false)
      .status();
}

absl::StatusOr<v1::ValidateJobResponse> Client::ValidateJob(const v1::ValidateJobRequest& request) {
  return Call<v1::ValidateJobResponse>(&stubs_->jobs, &v1::JobService::Stub::ValidateJob, request,
                                       true);
}

absl::Status Client::StreamEvents(const std::string& name, absl::Time deadline,
                                  int64_t& last_sequence, Backoff& backoff,
                                  const EventCallback& callback) {
  v1::WatchJobRequest request;
  request.set_name(name);
  request.set_after_sequence(last_sequence);
  Attempt attempt(options_.stop, deadline);
  const auto stream = stubs_->jobs.WatchJob(attempt.context(), request);
  v1::JobEvent event;
  while (stream->Read(&event)) {
    backoff.Reset();
    if (event.sequence() <= last_sequence) continue;  // Sent twice around a break.
    last_sequence = event.sequence();
    callback(event);
  }
  return FromGrpc(stream->Finish());
}

absl::StatusOr<v1::Job> Client::WatchJob(const std::string& name, int64_t after_sequence,
                                         absl::Time deadline, const EventCallback& callback) {
  // A wrong name or address is told soon; only then is the loop below patient.
  RETURN_IF_ERROR(GetJob(name).status());
  Backoff backoff(Patient(options_.retry), clock_, absl::GetCurrentTimeNanos());
  while (true) {
    absl::Status status = StreamEvents(name, deadline, after_sequence, backoff, callback);
    if (status.ok()) {
      const absl::StatusOr<v1::Job> job = GetJob(name);
      if (job.ok() && IsFinished(job->state())) return job;
      // A server that is shutting down may end the stream early without an error.
      status = job.ok() ? absl::UnavailableError("the stream of events ended before the job did")
                        : job.status();
    }
    if (clock_->Now() >= deadline) return StillRunning(name);
    const std::optional<absl::Duration> delay = backoff.Next(status);
    if (!delay) return status;
    RETURN_IF_ERROR(sleeper_->Sleep(std::min(*delay, deadline - clock_->Now())));
  }
}

absl::StatusOr<v1::Job> Client::WaitJob(const std::string& name, absl::Time deadline) {
  RETURN_IF_ERROR(GetJob(name).status());
  Backoff backoff(Patient(options_.retry), clock_, absl::GetCurrentTimeNanos());
  while (true) {
    const absl::Duration left = deadline - clock_->Now();
    if (left <= absl::ZeroDuration()) return StillRunning(name);
    // The call's own deadline must lie beyond the wait.
    const absl::Duration wait = std::min({left, kWaitPerCall, options_.retry.overall / 2});
    v1::WaitJobRequest request;
    request.set_name(name);
    request.mutable_timeout()->set_seconds(absl::ToInt64Seconds(wait));
    request.mutable_timeout()->set_nanos(
        static_cast<int32_t>(absl::ToInt64Nanoseconds(wait) % 1'000'000'000));
    const absl::StatusOr<v1::Job> job =
        Call<v1::Job>(&stubs_->jobs, &v1::JobService::Stub::WaitJob, request, true);
    if (job.ok()) {
      if (IsFinished(job->state())) return job;
      backoff.Reset();
      continue;
    }
    const std::optional<absl::Duration> delay = backoff.Next(job.status());
    if (!delay) return job.status();
    RETURN_IF_ERROR(sleeper_->Sleep(*delay));
  }
}

absl::StatusOr<v1::CompareJobsResponse> Client::CompareJobs(const v1::CompareJobsRequest& request) {
  return Call<v1::CompareJobsResponse>(&stubs_->quality, &v1::QualityService::Stub::CompareJobs,
                                       request, true);
}

absl::StatusOr<v1::ListMethodsResponse> Client::ListMethods(const std::string& axis) {
  v1::ListMethodsRequest request;
  request.set_axis(axis);
  return Call<v1::ListMethodsResponse>(&stubs_->quality, &v1::QualityService::Stub::ListMethods,
                                       request, true);
}

absl::StatusOr<v1::ListPresetsResponse> Client::ListPresets() {
  return Call<v1::ListPresetsResponse>(&stubs_->quality, &v1::QualityService::Stub::ListPresets,
                                       v1::ListPresetsRequest(), true);
}

absl::StatusOr<v1::Method> Client::DescribeMethod(const std::string& axis, const std::string& id) {
  v1::DescribeMethodRequest request;
  request.set_axis(axis);
  request.set_id(id);
  return Call<v1::Method>(&stubs_->quality, &v1::QualityService::Stub::DescribeMethod, request,
                          true);
}

absl::Status Client::CheckHealth() {
  const auto answer = Call<grpc::health::v1::HealthCheckResponse>(
      &stubs_->health, &grpc::health::v1::Health::Stub::Check,
      grpc::health::v1::HealthCheckRequest(), true);
  RETURN_IF_ERROR(answer.status());
  if (answer->status() == grpc::health::v1::HealthCheckResponse::SERVING) return absl::OkStatus();
  return absl::UnavailableError("the server is up but says that it is not serving");
}

}  // namespace quantd
