#include "server/rpc/worker_service.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "proto/wire/status_proto.h"
#include "server/core/errors.h"
#include "server/rpc/convert_job.h"
#include "server/rpc/convert_time.h"
#include "server/rpc/spec_check.h"
#include "server/rpc/spec_needs.h"

namespace quantd {
namespace {

constexpr size_t kWorkerNameBytesMax = 128;
constexpr size_t kCatalogueBytesMax = 1 << 20;
constexpr size_t kKnownWorkersMax = 10'000;
constexpr size_t kKnownBytesMax = 256 << 20;
constexpr int kEventsPerCallMax = 256;
constexpr size_t kEventTextBytesMax = 64 << 10;
constexpr size_t kStageBytesMax = 128;
// A failure is kept in its job's record, once an attempt.
constexpr size_t kFailureBytesMax = 64 << 10;
constexpr size_t kFailureMessageBytesMax = 16 << 10;
constexpr absl::Duration kWaitMax = absl::Seconds(60);
// New work wakes a waiting worker at once; this is for jobs whose backoff ends and for workers that
// have gone.
constexpr absl::Duration kLookAround = absl::Milliseconds(250);

absl::StatusOr<v1::Lease> LeaseToProto(const LeasedJob& leased) {
  v1::Lease lease;
  lease.set_job(leased.job.name.ToString());
  lease.set_token(leased.job.lease.token);
  *lease.mutable_expire_time() = ToProto(leased.job.lease.expire_time);
  lease.set_attempt(leased.job.attempts.back().number);
  if (!lease.mutable_spec()->ParseFromString(leased.spec)) {
    return absl::DataLossError(absl::StrCat("the stored spec of ", lease.job(), " is damaged"));
  }
  return lease;
}

// Refusing a failure for its length would leave the job with its worker.
google::rpc::Status Shortened(const google::rpc::Status& failure) {
  if (failure.ByteSizeLong() <= kFailureBytesMax) return failure;
  google::rpc::Status shorter;
  shorter.set_code(failure.code());
  shorter.set_message(ToValidUtf8(failure.message().substr(0, kFailureMessageBytesMax)));
  return shorter;
}

absl::StatusOr<AttemptResult> ResultOf(const v1::CompleteJobRequest& request) {
  switch (request.outcome_case()) {
    case v1::CompleteJobRequest::kSuccess: {
      // What a worker names ends up on its clients' disks, and the worker's child has read a model
      // that nobody vouches for.
      SpecProblems problems;
      CheckFiles(request.success().files(), "success.files", problems);
      RETURN_IF_ERROR(problems.ToStatus());
      return AttemptSucceeded{.files = FromProto(request.success().files()),
                              .report = request.success().report().SerializeAsString()};
    }
    case v1::CompleteJobRequest::kFailure: {
      const absl::Status error = FromProto(Shortened(request.failure()));
      if (error.ok())
        return InvalidField("INVALID_OUTCOME", "failure.code", "is OK, which is no failure");
      return AttemptFailed{error};
    }
    case v1::CompleteJobRequest::kCancelled:
      return AttemptCancelled{};
    case v1::CompleteJobRequest::kHandedBack:
      return AttemptHandedBack{};
    default:
      return InvalidField("INVALID_OUTCOME", "outcome", "is missing");
  }
}

absl::string_view OutcomeText(const AttemptResult& result) {
  constexpr absl::string_view kTexts[] = {"SUCCEEDED", "FAILED", "CANCELLED", "HANDED_BACK"};
  return kTexts[result.index()];
}

}  // namespace

absl::StatusOr<WorkerCatalogue> WorkerService::CatalogueOf(const Caller& caller,
                                                           const v1::LeaseJobRequest& request) {
  if (request.worker().empty() || request.worker().size() > kWorkerNameBytesMax) {
    return InvalidField("INVALID_WORKER", "worker", "is missing or longer than 128 bytes");
  }
  if (request.catalogue().ByteSizeLong() > kCatalogueBytesMax) {
    return InvalidField("CATALOGUE_TOO_LARGE", "catalogue", "is larger than 1 MiB");
  }
  const std::pair key(caller.tenant, request.worker());
  const std::lock_guard lock(mutex_);
  if (!request.has_catalogue()) {
    const auto known = known_.find(key);
    if (known != known_.end()) return known->second;
    return MakeError(absl::StatusCode::kFailedPrecondition, "CATALOGUE_NEEDED",
                     "this worker has not told its catalogue yet; send it");
  }
  // Workers send their catalogue again when they are not known, so forgetting all is safe.
  if (known_.size() >= kKnownWorkersMax || known_bytes_ >= kKnownBytesMax) {
    known_.clear();
    known_bytes_ = 0;
  }
  WorkerCatalogue& known = known_[key];
  known_bytes_ -= known.content.size();
  known = ToCore(request.catalogue());
  known.tenant = caller.tenant;
  known_bytes_ += known.content.size();
  return known;
}

absl::StatusOr<v1::LeaseJobResponse> WorkerService::Lease(const Caller& caller,
                                                          const v1::LeaseJobRequest& request,
                                                          const std::function<bool()>& gone) {
  std::optional<std::string> tenant;
  if (caller.tenant != kEveryTenant) tenant = caller.tenant;
  ASSIGN_OR_RETURN(const WorkerCatalogue catalogue, CatalogueOf(caller, request));
  RETURN_IF_ERROR(catalogues_->Announce(catalogue));
  const absl::Duration wait = FromProto(request.wait());
  if (wait < absl::ZeroDuration() || wait > kWaitMax) {
    return InvalidField("INVALID_TIMEOUT", "wait", "is not in 0 to 60 seconds");
  }
  const absl::Time deadline = clock_->Now() + wait;
  v1::LeaseJobResponse response;
  while (true) {
    const uint64_t generation = signal_->Generation(JobQueue::kWorkTopic);
    if (signal_->closed()) return errors::ShuttingDown();
    // A job leased to a caller that has gone would only wait for its lease to end.
    if (gone()) return absl::CancelledError("the worker has gone");
    ASSIGN_OR_RETURN(const std::optional<LeasedJob> leased,
                     queue_->Lease(request.worker(), catalogue, tenant));
    if (leased) {
      metrics_->CountLease();
      LOG_INFO("job leased", {{"job", leased->job.name.ToString()}, {"worker", request.worker()}});
      ASSIGN_OR_RETURN(*response.mutable_lease(), LeaseToProto(*leased));
      return response;
    }
    const absl::Duration left = deadline - clock_->Now();
    if (left <= absl::ZeroDuration()) return response;
    signal_->Wait(JobQueue::kWorkTopic, generation, std::min(left, kLookAround));
  }
}

absl::StatusOr<v1::CompleteJobResponse> WorkerService::Complete(
    const v1::CompleteJobRequest& request) {
  ASSIGN_OR_RETURN(const JobName name, ParseJobName(request.job(), "job"));
  ASSIGN_OR_RETURN(const AttemptResult result, ResultOf(request));
  ASSIGN_OR_RETURN(const JobState state, queue_->Complete(name, request.token(), result));
  metrics_->CountAttempt(OutcomeText(result));
  for (const v1::StageTiming& timing : request.success().report().timings()) {
    metrics_->ObserveStage(timing.stage(), timing.seconds());
  }
  LOG_INFO("attempt ended",
           {{"job", request.job()}, {"outcome", std::string(OutcomeText(result))}});
  v1::CompleteJobResponse response;
  response.set_state(StateToProto(state));
  return response;
}

grpc::Status WorkerService::LeaseJob(grpc::ServerContext* context,
                                     const v1::LeaseJobRequest* request,
                                     v1::LeaseJobResponse* response) {
  return runner_->Unary(context, "WorkerService/LeaseJob", *request, response,
                        [&](const Caller& caller) {
                          return Lease(caller, *request, [&] { return context->IsCancelled(); });
                        });
}

grpc::Status WorkerService::Heartbeat(grpc::ServerContext* context,
                                      const v1::HeartbeatRequest* request,
                                      v1::HeartbeatResponse* response) {
  return runner_->Run(
      context, "WorkerService/Heartbeat", *request, [&](const Caller&) -> absl::Status {
        ASSIGN_OR_RETURN(const JobName name, ParseJobName(request->job(), "job"));
        ASSIGN_OR_RETURN(const HeartbeatAnswer answer, queue_->Heartbeat(name, request->token()));
        *response->mutable_expire_time() = ToProto(answer.expire_time);
        response->set_cancel_requested(answer.cancel_requested);
        return absl::OkStatus();
      });
}

grpc::Status WorkerService::ReportEvents(grpc::ServerContext* context,
                                         const v1::ReportEventsRequest* request,
                                         v1::ReportEventsResponse*) {
  return runner_->Run(
      context, "WorkerService/ReportEvents", *request, [&](const Caller&) -> absl::Status {
        ASSIGN_OR_RETURN(const JobName name, ParseJobName(request->job(), "job"));
        if (request->events_size() > kEventsPerCallMax) {
          return InvalidField("TOO_MANY_EVENTS", "events", "has more than 256 entries");
        }
        std::vector<JobEvent> events;
        for (const v1::JobEvent& event : request->events()) {
          if (event.log().text().size() > kEventTextBytesMax ||
              event.warning().size() > kEventTextBytesMax ||
              event.sandbox().ByteSizeLong() > kEventTextBytesMax ||
              event.progress().stage().size() > kStageBytesMax) {
            return InvalidField("EVENT_TOO_LONG", absl::StrCat("events[", events.size(), "]"),
                                "has more than 64 KiB of text, or a stage of more than 128 bytes");
          }
          events.push_back(FromProto(event));
        }
        return queue_->Report(name, request->token(), events);
      });
}

grpc::Status WorkerService::CompleteJob(grpc::ServerContext* context,
                                        const v1::CompleteJobRequest* request,
                                        v1::CompleteJobResponse* response) {
  return runner_->Unary(context, "WorkerService/CompleteJob", *request, response,
                        [&] { return Complete(*request); });
}

}  // namespace quantd
