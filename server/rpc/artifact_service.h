// quantd.v1.ArtifactService: blobs stream in and out, artifacts name them. Thread-safe.
#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "quantd/v1/artifact.grpc.pb.h"
#include "server/core/artifact_registry.h"
#include "server/core/blob_store.h"
#include "server/rpc/call_runner.h"

namespace quantd {

class ArtifactService final : public v1::ArtifactService::Service {
 public:
  // Everything is borrowed.
  ArtifactService(const CallRunner* runner, Metrics* metrics, ArtifactRegistry* artifacts,
                  BlobStores* blobs)
      : runner_(runner), metrics_(metrics), artifacts_(artifacts), blobs_(blobs) {}

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
  absl::StatusOr<v1::WriteBlobResponse> Write(
      const v1::WriteBlobRequest& first, const std::function<bool(v1::WriteBlobRequest*)>& next);
  absl::Status Read(const v1::ReadBlobRequest& request,
                    const std::function<bool(const v1::ReadBlobResponse&)>& send) const;

  const CallRunner* runner_;
  Metrics* metrics_;
  ArtifactRegistry* artifacts_;
  BlobStores* blobs_;
};

}  // namespace quantd
