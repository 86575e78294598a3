#include "server/rpc/job_service.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/digest.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "proto/wire/work_digest.h"
#include "server/core/errors.h"
#include "server/rpc/convert_catalogue.h"
#include "server/rpc/convert_job.h"
#include "server/rpc/convert_time.h"
#include "server/rpc/job_filter.h"
#include "server/rpc/paging.h"
#include "server/rpc/spec_check.h"
#include "server/rpc/spec_inputs.h"
#include "server/rpc/spec_needs.h"

namespace quantd {
namespace {

constexpr size_t kDisplayNameBytesMax = 256;
constexpr size_t kRequestIdBytesMax = 128;
constexpr int kDefaultAttempts = 3;
constexpr int kEventsPerRead = 256;
constexpr absl::Duration kWaitDefault = absl::Minutes(1);
constexpr absl::Duration kWaitMax = absl::Minutes(10);
// How often a waiting call looks whether its client is still there; changes wake it at once.
constexpr absl::Duration kLookAround = absl::Seconds(1);

void CheckDescription(const v1::CreateJobRequest& request, SpecProblems& problems) {
  if (request.job().display_name().size() > kDisplayNameBytesMax) {
    problems.Add("INVALID_SPEC", "job.display_name", "is longer than 256 bytes");
  }
  if (request.request_id().size() > kRequestIdBytesMax) {
    problems.Add("INVALID_SPEC", "request_id", "is longer than 128 bytes");
  }
  CheckLabels(request.job().labels(), "job.labels", problems);
}

JobTraits TraitsOf(const v1::JobSpec& spec) {
  const v1::ExecutionSpec& execution = spec.execution();
  JobTraits traits{
      .work_digest = WorkDigest(spec),
      .requirements = RequirementsOf(spec),
      .inputs = InputsOf(spec),
      .priority = execution.priority(),
      .max_attempts = execution.max_attempts() > 0 ? execution.max_attempts() : kDefaultAttempts};
  if (execution.has_queue_timeout()) traits.queue_timeout = FromProto(execution.queue_timeout());
  return traits;
}

Submission ToSubmission(const std::string& tenant, const v1::CreateJobRequest& request) {
  v1::CreateJobRequest canonical;
  canonical.set_parent(request.parent());
  canonical.mutable_job()->set_display_name(request.job().display_name());
  *canonical.mutable_job()->mutable_labels() = request.job().labels();
  *canonical.mutable_job()->mutable_spec() = request.job().spec();
  return {.tenant = tenant,
          .display_name = request.job().display_name(),
          .labels = {request.job().labels().begin(), request.job().labels().end()},
          .traits = TraitsOf(request.job().spec()),
          .spec = DeterministicBytes(request.job().spec()),
          .request_id = request.request_id(),
          .request_digest = Sha256Hex(DeterministicBytes(canonical))};
}

// Why nobody may take the job up.
void AddConditions(const std::vector<WorkerCatalogue>& current,
                   const std::vector<std::string>& requirements, v1::Job& job) {
  if (job.state() != v1::Job::QUEUED) return;
  if (current.empty()) {
    job.add_conditions("NO_WORKER_YET");
  } else if (std::none_of(current.begin(), current.end(), [&](const WorkerCatalogue& catalogue) {
               return Covers(catalogue.capabilities, requirements);
             })) {
    job.add_conditions("NO_CAPABLE_WORKER");
  }
}

}  // namespace

absl::StatusOr<bool> JobService::Check(const std::string& tenant, const v1::JobSpec& spec) const {
  SpecProblems problems;
  CheckStructure(spec, problems);
  // A spec of the wrong shape would only repeat itself in the checks below.
  RETURN_IF_ERROR(problems.ToStatus());
  ASSIGN_OR_RETURN(const std::vector<v1::Catalogue> catalogues,
                   CurrentCatalogues(*catalogues_, tenant));
  if (!catalogues.empty()) CheckAgainstCatalogues(spec, catalogues, problems);
  CheckBlobs(spec, *blobs_->Of(tenant), problems);
  RETURN_IF_ERROR(problems.ToStatus());
  return !catalogues.empty();
}

absl::StatusOr<Job> JobService::Create(const v1::CreateJobRequest& request) {
  ASSIGN_OR_RETURN(const std::string tenant, ParseTenant(request.parent()));
  SpecProblems problems;
  CheckDescription(request, problems);
  RETURN_IF_ERROR(problems.ToStatus());
  RETURN_IF_ERROR(Check(tenant, request.job().spec()).status());
  return queue_->Submit(ToSubmission(tenant, request));
}

absl::StatusOr<v1::Job> JobService::Describe(const JobName& name) const {
  ASSIGN_OR_RETURN(const FullJob full, queue_->GetFull(name));
  ASSIGN_OR_RETURN(v1::Job job, ToProto(full));
  ASSIGN_OR_RETURN(const std::vector<WorkerCatalogue> current, catalogues_->Current(name.tenant));
  AddConditions(current, full.job.traits.requirements, job);
  return job;
}

absl::StatusOr<v1::ListJobsResponse> JobService::List(const v1::ListJobsRequest& request) const {
  ASSIGN_OR_RETURN(const std::string tenant, ParseTenant(request.parent()));
  ASSIGN_OR_RETURN(JobQuery query, ParseJobQuery(tenant, request.filter(), request.order_by()));
  ASSIGN_OR_RETURN(const int page_size, PageSize(request.page_size()));
  ASSIGN_OR_RETURN(query.after_key, ParsePageToken(request.page_token()));
  query.limit = page_size + 1;  // One more tells whether there is another page.
  ASSIGN_OR_RETURN(std::vector<Job> jobs, queue_->List(query));
  v1::ListJobsResponse response;
  if (jobs.size() > static_cast<size_t>(page_size)) {
    jobs.pop_back();
    response.set_next_page_token(MakePageToken(jobs.back().key));
  }
  ASSIGN_OR_RETURN(const std::vector<WorkerCatalogue> current, catalogues_->Current(tenant));
  for (const Job& job : jobs) {
    v1::Job& to = *response.add_jobs();
    to = ToProto(job);
    AddConditions(current, job.traits.requirements, to);
  }
  return response;
}

absl::Status JobService::Watch(const v1::WatchJobRequest& request,
                               const std::function<bool()>& gone,
                               const std::function<bool(const v1::JobEvent&)>& send) const {
  ASSIGN_OR_RETURN(const JobName name, ParseJobName(request.name()));
  if (request.after_sequence() < 0) {
    return InvalidField("INVALID_SEQUENCE", "after_sequence", "must not be negative");
  }
  const std::string topic = name.ToString();
  int64_t after = request.after_sequence();
  while (true) {
    const uint64_t generation = signal_->Generation(topic);
    // The job first: what it says of its end holds for the events that are read after it.
    ASSIGN_OR_RETURN(const Job job, queue_->Get(name));
    while (true) {
      ASSIGN_OR_RETURN(const std::vector<JobEvent> events,
                       queue_->Events(name, after, kEventsPerRead));
      for (const JobEvent& event : events) {
        if (!send(ToProto(event))) return absl::CancelledError("the watcher has gone");
        after = event.sequence;
      }
      if (events.size() < kEventsPerRead) break;
    }
    if (IsFinished(job.state)) return absl::OkStatus();
    while (signal_->Generation(topic) == generation) {
      if (signal_->closed()) return errors::ShuttingDown();
      if (gone()) return absl::CancelledError("the watcher has gone");
      signal_->Wait(topic, generation, kLookAround);
    }
  }
}

absl::StatusOr<v1::Job> JobService::WaitUntilFinished(const v1::WaitJobRequest& request,
                                                      const std::function<bool()>& gone) const {
  ASSIGN_OR_RETURN(const JobName name, ParseJobName(request.name()));
  const absl::Duration timeout =
      request.has_timeout() ? FromProto(request.timeout()) : kWaitDefault;
  if (timeout < absl::ZeroDuration() || timeout > kWaitMax) {
    return InvalidField("INVALID_TIMEOUT", "timeout", "is not in 0 to 10 minutes");
  }
  const std::string topic = name.ToString();
  const absl::Time deadline = clock_->Now() + timeout;
  while (true) {
    const uint64_t generation = signal_->Generation(topic);
    ASSIGN_OR_RETURN(const Job job, queue_->Get(name));
    const absl::Duration left = deadline - clock_->Now();
    if (IsFinished(job.state) || left <= absl::ZeroDuration()) return Describe(name);
    if (signal_->closed()) return errors::ShuttingDown();
    if (gone()) return absl::CancelledError("the caller has gone");
    signal_->Wait(topic, generation, std::min(left, kLookAround));
  }
}

grpc::Status JobService::CreateJob(grpc::ServerContext* context,
                                   const v1::CreateJobRequest* request, v1::Job* response) {
  return runner_->Unary(context, "JobService/CreateJob", *request, response,
                        [&]() -> absl::StatusOr<v1::Job> {
                          ASSIGN_OR_RETURN(const Job job, Create(*request));
                          if (!job.cached_from.empty()) metrics_->CountCachedJob();
                          return Describe(job.name);
                        });
}

grpc::Status JobService::GetJob(grpc::ServerContext* context, const v1::GetJobRequest* request,
                                v1::Job* response) {
  return runner_->Unary(context, "JobService/GetJob", *request, response,
                        [&]() -> absl::StatusOr<v1::Job> {
                          ASSIGN_OR_RETURN(const JobName name, ParseJobName(request->name()));
                          return Describe(name);
                        });
}

grpc::Status JobService::ListJobs(grpc::ServerContext* context, const v1::ListJobsRequest* request,
                                  v1::ListJobsResponse* response) {
  return runner_->Unary(context, "JobService/ListJobs", *request, response,
                        [&] { return List(*request); });
}

grpc::Status JobService::CancelJob(grpc::ServerContext* context,
                                   const v1::CancelJobRequest* request, v1::Job* response) {
  return runner_->Unary(context, "JobService/CancelJob", *request, response,
                        [&]() -> absl::StatusOr<v1::Job> {
                          ASSIGN_OR_RETURN(const JobName name, ParseJobName(request->name()));
                          RETURN_IF_ERROR(queue_->Cancel(name).status());
                          return Describe(name);
                        });
}

grpc::Status JobService::RedriveJob(grpc::ServerContext* context,
                                    const v1::RedriveJobRequest* request, v1::Job* response) {
  return runner_->Unary(context, "JobService/RedriveJob", *request, response,
                        [&]() -> absl::StatusOr<v1::Job> {
                          ASSIGN_OR_RETURN(const JobName name, ParseJobName(request->name()));
                          RETURN_IF_ERROR(queue_->Redrive(name).status());
                          return Describe(name);
                        });
}

grpc::Status JobService::DeleteJob(grpc::ServerContext* context,
                                   const v1::DeleteJobRequest* request, v1::DeleteJobResponse*) {
  return runner_->Run(context, "JobService/DeleteJob", *request,
                      [&](const Caller&) -> absl::Status {
                        ASSIGN_OR_RETURN(const JobName name, ParseJobName(request->name()));
                        std::optional<int64_t> version;
                        if (!request->etag().empty()) {
                          int64_t parsed = 0;
                          if (!absl::SimpleAtoi(request->etag(), &parsed))
                            return errors::EtagMismatch(name);
                          version = parsed;
                        }
                        return queue_->Delete(name, version);
                      });
}

grpc::Status JobService::WatchJob(grpc::ServerContext* context, const v1::WatchJobRequest* request,
                                  grpc::ServerWriter<v1::JobEvent>* writer) {
  return runner_->Run(context, "JobService/WatchJob", *request, [&](const Caller&) {
    return Watch(
        *request, [&] { return context->IsCancelled(); },
        [&](const v1::JobEvent& event) { return writer->Write(event); });
  });
}

grpc::Status JobService::WaitJob(grpc::ServerContext* context, const v1::WaitJobRequest* request,
                                 v1::Job* response) {
  return runner_->Unary(context, "JobService/WaitJob", *request, response, [&] {
    return WaitUntilFinished(*request, [&] { return context->IsCancelled(); });
  });
}

grpc::Status JobService::ValidateJob(grpc::ServerContext* context,
                                     const v1::ValidateJobRequest* request,
                                     v1::ValidateJobResponse* response) {
  return runner_->Run(context, "JobService/ValidateJob", *request,
                      [&](const Caller&) -> absl::Status {
                        ASSIGN_OR_RETURN(const std::string tenant, ParseTenant(request->parent()));
                        ASSIGN_OR_RETURN(const bool complete, Check(tenant, request->spec()));
                        if (!complete) {
                          response->add_warnings(
                              "no worker has announced its methods yet: presets, methods and "
                              "metrics were not checked");
                        }
                        return absl::OkStatus();
                      });
}

}  // namespace quantd
