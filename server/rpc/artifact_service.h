// quantd.v1.ArtifactService: blobs stream in and out, artifacts name them. Thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "quantd/v1/artifact.grpc.pb.h"
#include "server/core/artifact_registry.h"
#include "server/core/blob_store.h"
#include "server/core/job_queue.h"
#include "server/core/tenant_registry.h"
#include "server/rpc/call_runner.h"
#include "server/rpc/stream_watchdog.h"

namespace quantd {

class ArtifactService final : public v1::ArtifactService::Service {
 public:
  // Everything is borrowed.
  struct Parts {
    const CallRunner* runner;
    Metrics* metrics;
    ArtifactRegistry* artifacts;
    BlobStores* blobs;
    const JobQueue* queue;
    TenantRegistry* tenants;
    StreamWatchdog* watchdog;
  };

  explicit ArtifactService(Parts parts) : parts_(std::move(parts)), runner_(parts_.runner) {}

  grpc::Status FindMissingBlobs(grpc::ServerContext* context,
                                const v1::FindMissingBlobsRequest* request,
                                v1::FindMissingBlobsResponse* response) override;
  grpc::Status WriteBlob(grpc::ServerContext* context,
                         grpc::ServerReader<v1::WriteBlobRequest>* reader,
                         v1::WriteBlobResponse* response) override;
  grpc::Status QueryWriteStatus(grpc::ServerContext* context,
                                const v1::QueryWriteStatusRequest* request,
                                v1::QueryWriteStatusResponse* response) override;
  grpc::Status ReadBlob(grpc::ServerContext* context, const v1::ReadBlobRequest* request,
                        grpc::ServerWriter<v1::ReadBlobResponse>* writer) override;
  grpc::Status CreateArtifact(grpc::ServerContext* context,
                              const v1::CreateArtifactRequest* request,
                              v1::Artifact* response) override;
  grpc::Status GetArtifact(grpc::ServerContext* context, const v1::GetArtifactRequest* request,
                           v1::Artifact* response) override;
  grpc::Status ListArtifacts(grpc::ServerContext* context, const v1::ListArtifactsRequest* request,
                             v1::ListArtifactsResponse* response) override;
  grpc::Status DeleteArtifact(grpc::ServerContext* context,
                              const v1::DeleteArtifactRequest* request,
                              v1::DeleteArtifactResponse*) override;

 private:
  struct Lease {
    JobName job;
    uint64_t token;
  };

  // What the request says of a lease; nothing when it says nothing and need not. A caller with none
  // of the roles `without`, a worker, moves blobs only for a job that is leased to it.
  static absl::StatusOr<std::optional<Lease>> LeaseOf(const Caller& caller, Roles without,
                                                      const std::string& tenant,
                                                      const v1::LeaseRef* lease);
  absl::Status CheckLease(const std::optional<Lease>& lease) const;
  absl::StatusOr<v1::WriteBlobResponse> Write(
      const Caller& caller, v1::WriteBlobRequest& first,
      const std::function<bool(v1::WriteBlobRequest*)>& next);
  absl::StatusOr<v1::WriteBlobResponse> Receive(
      BlobWriter& writer, const std::optional<Lease>& lease, v1::WriteBlobRequest& message,
      const std::function<bool(v1::WriteBlobRequest*)>& next);
  absl::Status Read(const Caller& caller, const v1::ReadBlobRequest& request,
                    const std::function<bool(const v1::ReadBlobResponse&)>& send) const;
  absl::Status FindMissing(const v1::FindMissingBlobsRequest& request,
                           v1::FindMissingBlobsResponse& response) const;

  const Parts parts_;
  const CallRunner* const runner_;
};

}  // namespace quantd
