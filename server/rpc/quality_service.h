// quantd.v1.QualityService: what the workers offer, and what finished jobs say about each other.
// Thread-safe.
#pragma once

#include "absl/status/statusor.h"
#include "quantd/v1/quality.grpc.pb.h"
#include "server/core/artifact_registry.h"
#include "server/core/blob_store.h"
#include "server/core/catalogue_registry.h"
#include "server/core/job_queue.h"
#include "server/core/row_comparison.h"
#include "server/rpc/call_runner.h"

namespace quantd {

class QualityService final : public v1::QualityService::Service {
 public:
  // Everything is borrowed.
  QualityService(const CallRunner* runner, const CatalogueRegistry* catalogues,
                 const JobQueue* queue, const ArtifactRegistry* artifacts, BlobStores* blobs)
      : runner_(runner),
        catalogues_(catalogues),
        queue_(queue),
        artifacts_(artifacts),
        blobs_(blobs) {}

  grpc::Status EstimateQuality(grpc::ServerContext* context,
                               const v1::EstimateQualityRequest* request,
                               v1::EstimateQualityResponse* response) override;
  grpc::Status CompareJobs(grpc::ServerContext* context, const v1::CompareJobsRequest* request,
                           v1::CompareJobsResponse* response) override;
  grpc::Status ListMethods(grpc::ServerContext* context, const v1::ListMethodsRequest* request,
                           v1::ListMethodsResponse* response) override;
  grpc::Status ListPresets(grpc::ServerContext* context, const v1::ListPresetsRequest*,
                           v1::ListPresetsResponse* response) override;
  grpc::Status DescribeMethod(grpc::ServerContext* context,
                              const v1::DescribeMethodRequest* request,
                              v1::Method* response) override;

 private:
  // The rows.csv of a finished job's artifact.
  absl::StatusOr<std::vector<EvaluatedRow>> RowsOf(const Job& job) const;
  absl::StatusOr<v1::CompareJobsResponse> Compare(const v1::CompareJobsRequest& request) const;

  const CallRunner* runner_;
  const CatalogueRegistry* catalogues_;
  const JobQueue* queue_;
  const ArtifactRegistry* artifacts_;
  BlobStores* blobs_;
};

}  // namespace quantd
