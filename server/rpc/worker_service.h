// quantd.v1.WorkerService: leases jobs to workers and takes in what they report. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"
#include "quantd/v1/worker.grpc.pb.h"
#include "server/core/catalogue_registry.h"
#include "server/core/change_signal.h"
#include "server/core/job_queue.h"
#include "server/rpc/call_runner.h"

namespace quantd {

class WorkerService final : public v1::WorkerService::Service {
 public:
  // Everything is borrowed.
  WorkerService(const CallRunner* runner, Metrics* metrics, JobQueue* queue,
                CatalogueRegistry* catalogues, ChangeSignal* signal, const Clock* clock)
      : runner_(runner),
        metrics_(metrics),
        queue_(queue),
        catalogues_(catalogues),
        signal_(signal),
        clock_(clock) {}

  grpc::Status LeaseJob(grpc::ServerContext* context, const v1::LeaseJobRequest* request,
                        v1::LeaseJobResponse* response) override;
  grpc::Status Heartbeat(grpc::ServerContext* context, const v1::HeartbeatRequest* request,
                         v1::HeartbeatResponse* response) override;
  grpc::Status ReportEvents(grpc::ServerContext* context, const v1::ReportEventsRequest* request,
                            v1::ReportEventsResponse*) override;
  grpc::Status CompleteJob(grpc::ServerContext* context, const v1::CompleteJobRequest* request,
                           v1::CompleteJobResponse* response) override;

 private:
  // What this worker can do, by this request or by an earlier one.
  absl::StatusOr<WorkerCatalogue> CatalogueOf(const Caller& caller,
                                              const v1::LeaseJobRequest& request);
  absl::StatusOr<v1::LeaseJobResponse> Lease(const Caller& caller,
                                             const v1::LeaseJobRequest& request,
                                             const std::function<bool()>& gone);
  absl::StatusOr<v1::CompleteJobResponse> Complete(const v1::CompleteJobRequest& request);

  const CallRunner* runner_;
  Metrics* metrics_;
  JobQueue* queue_;
  CatalogueRegistry* catalogues_;
  ChangeSignal* signal_;
  const Clock* clock_;
  std::mutex mutex_;
  // By tenant and worker. Guarded by mutex_, as is the size of their contents.
  std::map<std::pair<std::string, std::string>, WorkerCatalogue> known_;
  size_t known_bytes_ = 0;
};

}  // namespace quantd
