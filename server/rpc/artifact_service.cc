#include "server/rpc/artifact_service.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/digest.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "server/core/errors.h"
#include "server/rpc/convert_job.h"
#include "server/rpc/paging.h"
#include "server/rpc/spec_check.h"

namespace quantd {
namespace {

constexpr int kDigestsMax = 10'000;
constexpr int64_t kReadChunkBytes = 1 << 20;
constexpr size_t kWriteChunkBytesMax = 2 << 20;
constexpr size_t kUploadIdBytesMax = 128;

absl::Status CheckUpload(const std::string& upload_id, const std::string& digest) {
  if (upload_id.empty() || upload_id.size() > kUploadIdBytesMax) {
    return InvalidField("INVALID_UPLOAD_ID", "upload_id", "is missing or longer than 128 bytes");
  }
  if (!IsSha256Hex(digest)) {
    return InvalidField("INVALID_DIGEST", "digest",
                        "must be a SHA-256: 64 lower-case hexadecimal digits");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::WriteBlobResponse> ArtifactService::Write(
    const v1::WriteBlobRequest& first, const std::function<bool(v1::WriteBlobRequest*)>& next) {
  v1::WriteBlobRequest message = first;
  ASSIGN_OR_RETURN(const std::string tenant, ParseTenant(message.parent()));
  RETURN_IF_ERROR(CheckUpload(message.upload_id(), message.digest()));
  const std::shared_ptr<BlobStore> blobs = blobs_->Of(tenant);
  ASSIGN_OR_RETURN(const std::unique_ptr<BlobWriter> writer,
                   blobs->OpenUpload(message.upload_id(), message.digest(), message.size_bytes()));
  do {
    if (message.data().size() > kWriteChunkBytesMax) {
      return InvalidField("CHUNK_TOO_LONG", "data", "has more than 2 MiB");
    }
    RETURN_IF_ERROR(writer->Append(message.offset(), message.data()));
    metrics_->CountBlobBytes(Metrics::Direction::kIn, static_cast<int64_t>(message.data().size()));
    if (!message.finish()) continue;
    RETURN_IF_ERROR(writer->Finish());
    v1::WriteBlobResponse response;
    response.set_committed_bytes(writer->committed());
    return response;
  } while (next(&message));
  return MakeError(absl::StatusCode::kAborted, "UPLOAD_INCOMPLETE",
                   absl::StrCat("the stream ended after ", writer->committed(),
                                " bytes, before its last message; resume there"));
}

absl::Status ArtifactService::Read(
    const v1::ReadBlobRequest& request,
    const std::function<bool(const v1::ReadBlobResponse&)>& send) const {
  ASSIGN_OR_RETURN(const std::string tenant, ParseTenant(request.parent()));
  ASSIGN_OR_RETURN(const std::unique_ptr<BlobReader> blob,
                   blobs_->Of(tenant)->Open(request.digest()));
  const int64_t size = blob->size_bytes();
  if (request.offset() < 0 || request.offset() > size) {
    return MakeError(
        absl::StatusCode::kOutOfRange,
        absl::StrCat("offset ", request.offset(), " is not in 0 to ", size),
        {.reason = "OFFSET_OUT_OF_RANGE", .violations = {{"offset", "lies outside of the blob"}}});
  }
  if (request.limit() < 0) return InvalidField("INVALID_LIMIT", "limit", "must not be negative");
  const int64_t left = size - request.offset();
  const int64_t end =
      request.offset() + (request.limit() == 0 ? left : std::min(request.limit(), left));
  v1::ReadBlobResponse chunk;
  for (int64_t offset = request.offset(); offset < end;) {
    RETURN_IF_ERROR(
        blob->Read(offset, std::min(kReadChunkBytes, end - offset), *chunk.mutable_data()));
    if (!send(chunk)) return absl::CancelledError("the reader has gone");
    offset += static_cast<int64_t>(chunk.data().size());
    metrics_->CountBlobBytes(Metrics::Direction::kOut, static_cast<int64_t>(chunk.data().size()));
  }
  return absl::OkStatus();
}

grpc::Status ArtifactService::FindMissingBlobs(grpc::ServerContext* context,
                                               const v1::FindMissingBlobsRequest* request,
                                               v1::FindMissingBlobsResponse* response) {
  return runner_->Run(
      context, "ArtifactService/FindMissingBlobs", *request, [&](const Caller&) -> absl::Status {
        ASSIGN_OR_RETURN(const std::string tenant, ParseTenant(request->parent()));
        const std::shared_ptr<BlobStore> blobs = blobs_->Of(tenant);
        if (request->digests_size() > kDigestsMax) {
          return InvalidField("TOO_MANY_DIGESTS", "digests", "has more than 10,000 entries");
        }
        for (int i = 0; i < request->digests_size(); ++i) {
          if (!IsSha256Hex(request->digests(i))) {
            return InvalidField("INVALID_DIGEST", absl::StrCat("digests[", i, "]"),
                                "must be a SHA-256: 64 lower-case hexadecimal digits");
          }
          const absl::StatusOr<int64_t> size = blobs->Use(request->digests(i));
          if (!size.ok() && !absl::IsNotFound(size.status())) return size.status();
          if (!size.ok()) response->add_missing_digests(request->digests(i));
        }
        return absl::OkStatus();
      });
}

grpc::Status ArtifactService::WriteBlob(grpc::ServerContext* context,
                                        grpc::ServerReader<v1::WriteBlobRequest>* reader,
                                        v1::WriteBlobResponse* response) {
  v1::WriteBlobRequest first;
  return runner_->RunStream(
      context, "ArtifactService/WriteBlob", first, [&] { reader->Read(&first); },
      [&](const Caller&) -> absl::Status {
        ASSIGN_OR_RETURN(*response, Write(first, [&](v1::WriteBlobRequest* message) {
          return reader->Read(message);
        }));
        return absl::OkStatus();
      });
}

grpc::Status ArtifactService::QueryWriteStatus(grpc::ServerContext* context,
                                               const v1::QueryWriteStatusRequest* request,
                                               v1::QueryWriteStatusResponse* response) {
  return runner_->Run(
      context, "ArtifactService/QueryWriteStatus", *request, [&](const Caller&) -> absl::Status {
        ASSIGN_OR_RETURN(const std::string tenant, ParseTenant(request->parent()));
        RETURN_IF_ERROR(CheckUpload(request->upload_id(), request->digest()));
        const std::shared_ptr<BlobStore> blobs = blobs_->Of(tenant);
        const absl::StatusOr<int64_t> size = blobs->Use(request->digest());
        response->set_complete(size.ok());
        response->set_committed_bytes(
            size.ok() ? *size : blobs->CommittedBytes(request->upload_id(), request->digest()));
        return absl::OkStatus();
      });
}

grpc::Status ArtifactService::ReadBlob(grpc::ServerContext* context,
                                       const v1::ReadBlobRequest* request,
                                       grpc::ServerWriter<v1::ReadBlobResponse>* writer) {
  return runner_->Run(context, "ArtifactService/ReadBlob", *request, [&](const Caller&) {
    return Read(*request, [&](const v1::ReadBlobResponse& chunk) { return writer->Write(chunk); });
  });
}

grpc::Status ArtifactService::CreateArtifact(grpc::ServerContext* context,
                                             const v1::CreateArtifactRequest* request,
                                             v1::Artifact* response) {
  return runner_->Unary(
      context, "ArtifactService/CreateArtifact", *request, response,
      [&]() -> absl::StatusOr<v1::Artifact> {
        ASSIGN_OR_RETURN(const std::string tenant, ParseTenant(request->parent()));
        SpecProblems problems;
        CheckFiles(request->artifact().files(), "artifact.files", problems);
        CheckLabels(request->artifact().labels(), "artifact.labels", problems);
        RETURN_IF_ERROR(problems.ToStatus());
        ASSIGN_OR_RETURN(const Artifact artifact,
                         artifacts_->Create(tenant, FromProto(request->artifact().files()),
                                            {request->artifact().labels().begin(),
                                             request->artifact().labels().end()}));
        return ToProto(artifact);
      });
}

grpc::Status ArtifactService::GetArtifact(grpc::ServerContext* context,
                                          const v1::GetArtifactRequest* request,
                                          v1::Artifact* response) {
  return runner_->Unary(context, "ArtifactService/GetArtifact", *request, response,
                        [&]() -> absl::StatusOr<v1::Artifact> {
                          ASSIGN_OR_RETURN(const ArtifactName name,
                                           ParseArtifactName(request->name()));
                          ASSIGN_OR_RETURN(const Artifact artifact, artifacts_->Get(name));
                          return ToProto(artifact);
                        });
}

grpc::Status ArtifactService::ListArtifacts(grpc::ServerContext* context,
                                            const v1::ListArtifactsRequest* request,
                                            v1::ListArtifactsResponse* response) {
  return runner_->Run(context, "ArtifactService/ListArtifacts", *request,
                      [&](const Caller&) -> absl::Status {
                        ASSIGN_OR_RETURN(const std::string tenant, ParseTenant(request->parent()));
                        ASSIGN_OR_RETURN(const int page_size, PageSize(request->page_size()));
                        ASSIGN_OR_RETURN(const std::optional<int64_t> before,
                                         ParsePageToken(request->page_token()));
                        ASSIGN_OR_RETURN(std::vector<Artifact> artifacts,
                                         artifacts_->List(tenant, before, page_size + 1));
                        if (artifacts.size() > static_cast<size_t>(page_size)) {
                          artifacts.pop_back();
                          response->set_next_page_token(MakePageToken(artifacts.back().key));
                        }
                        for (const Artifact& artifact : artifacts)
                          *response->add_artifacts() = ToProto(artifact);
                        return absl::OkStatus();
                      });
}

grpc::Status ArtifactService::DeleteArtifact(grpc::ServerContext* context,
                                             const v1::DeleteArtifactRequest* request,
                                             v1::DeleteArtifactResponse*) {
  return runner_->Run(
      context, "ArtifactService/DeleteArtifact", *request, [&](const Caller&) -> absl::Status {
        ASSIGN_OR_RETURN(const ArtifactName name, ParseArtifactName(request->name()));
        return artifacts_->Delete(name);
      });
}

}  // namespace quantd
