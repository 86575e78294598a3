// quantd.v1.JobService: parses names, converts, and lets the queue decide. Thread-safe.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "quantd/v1/job.grpc.pb.h"
#include "server/core/blob_store.h"
#include "server/core/catalogue_registry.h"
#include "server/core/change_signal.h"
#include "server/core/job_queue.h"
#include "server/rpc/call_runner.h"

namespace quantd {

class JobService final : public v1::JobService::Service {
 public:
  // Everything is borrowed.
  JobService(const CallRunner* runner, Metrics* metrics, JobQueue* queue,
             const CatalogueRegistry* catalogues, BlobStores* blobs, ChangeSignal* signal,
             const Clock* clock)
      : runner_(runner),
        metrics_(metrics),
        queue_(queue),
        catalogues_(catalogues),
        blobs_(blobs),
        signal_(signal),
        clock_(clock) {}

  grpc::Status CreateJob(grpc::ServerContext* context, const v1::CreateJobRequest* request,
                         v1::Job* response) override;
  grpc::Status GetJob(grpc::ServerContext* context, const v1::GetJobRequest* request,
                      v1::Job* response) override;
  grpc::Status ListJobs(grpc::ServerContext* context, const v1::ListJobsRequest* request,
                        v1::ListJobsResponse* response) override;
  grpc::Status CancelJob(grpc::ServerContext* context, const v1::CancelJobRequest* request,
                         v1::Job* response) override;
  grpc::Status RedriveJob(grpc::ServerContext* context, const v1::RedriveJobRequest* request,
                          v1::Job* response) override;
  grpc::Status DeleteJob(grpc::ServerContext* context, const v1::DeleteJobRequest* request,
                         v1::DeleteJobResponse* response) override;
  grpc::Status WatchJob(grpc::ServerContext* context, const v1::WatchJobRequest* request,
                        grpc::ServerWriter<v1::JobEvent>* writer) override;
  grpc::Status WaitJob(grpc::ServerContext* context, const v1::WaitJobRequest* request,
                       v1::Job* response) override;
  grpc::Status ValidateJob(grpc::ServerContext* context, const v1::ValidateJobRequest* request,
                           v1::ValidateJobResponse* response) override;

 private:
  // Every problem of the spec in one INVALID_ARGUMENT. Returns whether workers have announced what
  // they can do.
  absl::StatusOr<bool> Check(const std::string& tenant, const v1::JobSpec& spec) const;
  absl::StatusOr<Job> Create(const v1::CreateJobRequest& request);
  absl::StatusOr<v1::Job> Describe(const JobName& name) const;
  absl::StatusOr<v1::ListJobsResponse> List(const v1::ListJobsRequest& request) const;
  absl::Status Watch(const v1::WatchJobRequest& request, const std::function<bool()>& gone,
                     const std::function<bool(const v1::JobEvent&)>& send) const;
  absl::StatusOr<v1::Job> WaitUntilFinished(const v1::WaitJobRequest& request,
                                            const std::function<bool()>& gone) const;

  const CallRunner* runner_;
  Metrics* metrics_;
  JobQueue* queue_;
  const CatalogueRegistry* catalogues_;
  BlobStores* blobs_;
  ChangeSignal* signal_;
  const Clock* clock_;
};

}  // namespace quantd
