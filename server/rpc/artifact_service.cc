#include "server/rpc/artifact_service.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/digest.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "proto/wire/blob_encoding.h"
#include "server/core/errors.h"
#include "server/rpc/convert_job.h"
#include "server/rpc/cut_off.h"
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

absl::Status CheckRange(const v1::ReadBlobRequest& request, int64_t size_bytes) {
  if (request.offset() < 0 || request.offset() > size_bytes) {
    return MakeError(
        absl::StatusCode::kOutOfRange,
        absl::StrCat("offset ", request.offset(), " is not in 0 to ", size_bytes),
        {.reason = "OFFSET_OUT_OF_RANGE", .violations = {{"offset", "lies outside of the blob"}}});
  }
  if (request.limit() < 0) return InvalidField("INVALID_LIMIT", "limit", "must not be negative");
  return absl::OkStatus();
}

absl::Status StreamIdle(absl::string_view what) {
  return MakeError(absl::StatusCode::kDeadlineExceeded, "STREAM_IDLE",
                   absl::StrCat(what, " for too long; go on where the transfer stands"));
}

}  // namespace

absl::StatusOr<std::optional<ArtifactService::Lease>> ArtifactService::LeaseOf(
    const Caller& caller, Roles without, const std::string& tenant, const v1::LeaseRef* lease) {
  if (lease == nullptr) {
    if (!caller.roles.HasAnyOf(without)) return errors::LeaseRequired();
    return std::nullopt;
  }
  ASSIGN_OR_RETURN(const JobName job, ParseJobName(lease->job(), "lease.job"));
  if (job.tenant != tenant) {
    return InvalidField("INVALID_LEASE", "lease.job", "is a job of another tenant");
  }
  return Lease{job, lease->token()};
}

absl::Status ArtifactService::CheckLease(const std::optional<Lease>& lease) const {
  return lease ? parts_.queue->CheckLease(lease->job, lease->token) : absl::OkStatus();
}

absl::StatusOr<v1::WriteBlobResponse> ArtifactService::Write(
    const Caller& caller, v1::WriteBlobRequest& message,
    const std::function<bool(v1::WriteBlobRequest*)>& next) {
  ASSIGN_OR_RETURN(const std::string tenant, ParseTenant(message.parent()));
  RETURN_IF_ERROR(CheckUpload(message.upload_id(), message.digest()));
  ASSIGN_OR_RETURN(const std::optional<Lease> lease,
                   LeaseOf(caller, {Role::kSubmit, Role::kAdmin}, tenant,
                           message.has_lease() ? &message.lease() : nullptr));
  RETURN_IF_ERROR(CheckLease(lease));
  ASSIGN_OR_RETURN(const TenantLimits limits, parts_.tenants->Limits(tenant));
  const std::shared_ptr<BlobStore> blobs = parts_.blobs->Of(tenant);
  ASSIGN_OR_RETURN(const std::unique_ptr<BlobWriter> writer,
                   blobs->OpenUpload(message.upload_id(), message.digest(), message.size_bytes(),
                                     limits.stored_bytes_max.value_or(BlobStore::kNoLimit)));
  return Receive(*writer, lease, message, next);
}

absl::StatusOr<v1::WriteBlobResponse> ArtifactService::Receive(
    BlobWriter& writer, const std::optional<Lease>& lease, v1::WriteBlobRequest& message,
    const std::function<bool(v1::WriteBlobRequest*)>& next) {
  BlobDecoder decoder(kWriteChunkBytesMax);
  do {
    ASSIGN_OR_RETURN(const absl::string_view data,
                     decoder.Decode(message.encoding(), message.data()));
    const auto count = static_cast<int64_t>(data.size());
    RETURN_IF_ERROR(message.encoding() == v1::IDENTITY
                        ? writer.AppendAndTake(message.offset(), *message.mutable_data())
                        : writer.Append(message.offset(), data));
    parts_.metrics->CountBlobBytes(Metrics::Direction::kIn, count);
    if (!message.finish()) continue;
    // A worker that has lost its job meanwhile leaves nothing behind that anybody sees.
    RETURN_IF_ERROR(CheckLease(lease));
    RETURN_IF_ERROR(writer.Finish());
    v1::WriteBlobResponse response;
    response.set_committed_bytes(writer.committed());
    return response;
  } while (next(&message));
  return MakeError(absl::StatusCode::kAborted, "UPLOAD_INCOMPLETE",
                   absl::StrCat("the stream ended after ", writer.committed(),
                                " bytes, before its last message; resume there"));
}

absl::Status ArtifactService::Read(
    const Caller& caller, const v1::ReadBlobRequest& request,
    const std::function<bool(const v1::ReadBlobResponse&)>& send) const {
  ASSIGN_OR_RETURN(const std::string tenant, ParseTenant(request.parent()));
  ASSIGN_OR_RETURN(const std::optional<Lease> lease,
                   LeaseOf(caller, {Role::kRead, Role::kSubmit, Role::kAdmin}, tenant,
                           request.has_lease() ? &request.lease() : nullptr));
  if (lease) RETURN_IF_ERROR(parts_.queue->CheckInput(lease->job, lease->token, request.digest()));
  ASSIGN_OR_RETURN(const std::unique_ptr<BlobReader> blob,
                   parts_.blobs->Of(tenant)->Open(request.digest()));
  RETURN_IF_ERROR(CheckRange(request, blob->size_bytes()));
  const int64_t left = blob->size_bytes() - request.offset();
  const int64_t end =
      request.offset() + (request.limit() == 0 ? left : std::min(request.limit(), left));
  BlobEncoder encoder;
  std::string bytes;
  v1::ReadBlobResponse chunk;
  for (int64_t offset = request.offset(); offset < end;) {
    const int64_t limit = std::min(kReadChunkBytes, end - offset);
    // Usually straight into the message.
    std::string& plain = request.encoding() == v1::ZSTD ? bytes : *chunk.mutable_data();
    RETURN_IF_ERROR(blob->Read(offset, limit, plain));
    const auto count = static_cast<int64_t>(plain.size());
    if (request.encoding() == v1::ZSTD) {
      const std::optional<absl::string_view> frame = encoder.Encode(bytes);
      chunk.set_encoding(frame ? v1::ZSTD : v1::IDENTITY);
      chunk.mutable_data()->assign(frame ? frame->data() : bytes.data(),
                                   frame ? frame->size() : bytes.size());
    }
    if (!send(chunk)) return absl::CancelledError("the reader has gone");
    offset += count;
    parts_.metrics->CountBlobBytes(Metrics::Direction::kOut, count);
  }
  return absl::OkStatus();
}

absl::Status ArtifactService::FindMissing(const v1::FindMissingBlobsRequest& request,
                                          v1::FindMissingBlobsResponse& response) const {
  ASSIGN_OR_RETURN(const std::string tenant, ParseTenant(request.parent()));
  if (request.digests_size() > kDigestsMax) {
    return InvalidField("TOO_MANY_DIGESTS", "digests", "has more than 10,000 entries");
  }
  const std::shared_ptr<BlobStore> blobs = parts_.blobs->Of(tenant);
  for (int i = 0; i < request.digests_size(); ++i) {
    if (!IsSha256Hex(request.digests(i))) {
      return InvalidField("INVALID_DIGEST", absl::StrCat("digests[", i, "]"),
                          "must be a SHA-256: 64 lower-case hexadecimal digits");
    }
    const absl::Status used = blobs->Use(request.digests(i)).status();
    if (absl::IsNotFound(used)) {
      response.add_missing_digests(request.digests(i));
    } else {
      RETURN_IF_ERROR(used);
    }
  }
  return absl::OkStatus();
}

grpc::Status ArtifactService::FindMissingBlobs(grpc::ServerContext* context,
                                               const v1::FindMissingBlobsRequest* request,
                                               v1::FindMissingBlobsResponse* response) {
  return runner_->Run(context, "ArtifactService/FindMissingBlobs", *request,
                      [&](const Caller&) { return FindMissing(*request, *response); });
}

grpc::Status ArtifactService::WriteBlob(grpc::ServerContext* context,
                                        grpc::ServerReader<v1::WriteBlobRequest>* reader,
                                        v1::WriteBlobResponse* response) {
  const absl::Status idle = StreamIdle("nothing was sent");
  StreamWatchdog::Stream watched(parts_.watchdog, [&] { CutOff(*context, idle); });
  const auto next = [&](v1::WriteBlobRequest* message) {
    return watched.Wait([&] { return reader->Read(message); });
  };
  v1::WriteBlobRequest message;
  return runner_->RunStream(
      context, "ArtifactService/WriteBlob", message, [&] { next(&message); },
      [&](const Caller& caller) -> absl::Status {
        absl::StatusOr<v1::WriteBlobResponse> written = Write(caller, message, next);
        if (watched.was_cut_off()) return idle;
        RETURN_IF_ERROR(written.status());
        *response = *std::move(written);
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
        const std::shared_ptr<BlobStore> blobs = parts_.blobs->Of(tenant);
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
  return runner_->Run(context, "ArtifactService/ReadBlob", *request, [&](const Caller& caller) {
    const absl::Status idle = StreamIdle("nothing was taken");
    StreamWatchdog::Stream watched(parts_.watchdog, [&] { CutOff(*context, idle); });
    const absl::Status sent = Read(caller, *request, [&](const v1::ReadBlobResponse& chunk) {
      return watched.Wait([&] { return writer->Write(chunk); });
    });
    return watched.was_cut_off() ? idle : sent;
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
                         parts_.artifacts->Create(tenant, FromProto(request->artifact().files()),
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
                          ASSIGN_OR_RETURN(const Artifact artifact, parts_.artifacts->Get(name));
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
                                         parts_.artifacts->List(tenant, before, page_size + 1));
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
        return parts_.artifacts->Delete(name);
      });
}

}  // namespace quantd
