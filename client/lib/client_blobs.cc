// The streams of blobs, and artifacts.
#include "absl/strings/str_cat.h"
#include "client/lib/client_internal.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "proto/wire/blob_encoding.h"

namespace quantd {
namespace {

constexpr size_t kChunkBytes = 1 << 20;  // The server takes up to 2 MiB a message.

}  // namespace

absl::StatusOr<v1::Artifact> Client::CreateArtifact(const v1::CreateArtifactRequest& request) {
  // Creating the same set of blobs twice gives two names for equal content: not safe to repeat.
  return Call<v1::Artifact>(&stubs_->artifacts, &v1::ArtifactService::Stub::CreateArtifact, request,
                            false);
}

absl::StatusOr<v1::Artifact> Client::GetArtifact(const std::string& name) {
  v1::GetArtifactRequest request;
  request.set_name(name);
  return Call<v1::Artifact>(&stubs_->artifacts, &v1::ArtifactService::Stub::GetArtifact, request,
                            true);
}

absl::StatusOr<std::vector<std::string>> Client::FindMissingBlobs(
    const std::vector<std::string>& digests) {
  v1::FindMissingBlobsRequest request;
  request.set_parent(parent_);
  for (const std::string& digest : digests) request.add_digests(digest);
  ASSIGN_OR_RETURN(
      const auto response,
      Call<v1::FindMissingBlobsResponse>(
          &stubs_->artifacts, &v1::ArtifactService::Stub::FindMissingBlobs, request, true));
  return std::vector<std::string>(response.missing_digests().begin(),
                                  response.missing_digests().end());
}

absl::StatusOr<UploadProgress> Client::QueryWriteStatus(const BlobUpload& upload) {
  v1::QueryWriteStatusRequest request;
  request.set_parent(parent_);
  request.set_upload_id(upload.upload_id);
  request.set_digest(upload.digest);
  ASSIGN_OR_RETURN(
      const auto response,
      Call<v1::QueryWriteStatusResponse>(
          &stubs_->artifacts, &v1::ArtifactService::Stub::QueryWriteStatus, request, true));
  if (response.committed_bytes() < 0 || response.committed_bytes() > upload.size_bytes) {
    return absl::InternalError(absl::StrCat("the server claims to hold ",
                                            response.committed_bytes(), " of ", upload.size_bytes,
                                            " bytes of an upload"));
  }
  return UploadProgress{response.committed_bytes(), response.complete()};
}

absl::Status Client::WriteBlob(const BlobUpload& upload, int64_t offset, const Reader& read) {
  Attempt attempt(options_.stop, absl::InfiniteFuture());
  v1::WriteBlobResponse response;
  const auto stream = stubs_->artifacts.WriteBlob(attempt.context(), &response);
  v1::WriteBlobRequest message;
  message.set_parent(parent_);
  message.set_digest(upload.digest);
  message.set_size_bytes(upload.size_bytes);
  message.set_upload_id(upload.upload_id);
  // Shrunk where that is worth it: tables and texts are, weights and pictures are not.
  BlobEncoder encoder;
  std::string data;
  bool finished = false;
  while (!finished) {
    data.resize(kChunkBytes);
    const absl::StatusOr<size_t> got = read(offset, data);
    if (!got.ok()) {
      attempt.context()->TryCancel();
      stream->Finish().ok();
      return got.status();
    }
    data.resize(*got);
    const std::optional<absl::string_view> frame = encoder.Encode(data);
    message.set_encoding(frame ? v1::ZSTD : v1::IDENTITY);
    if (frame) {
      message.mutable_data()->assign(frame->data(), frame->size());
    } else {
      message.mutable_data()->swap(data);
    }
    message.set_offset(offset);
    offset += static_cast<int64_t>(*got);
    finished = offset >= upload.size_bytes;
    message.set_finish(finished);
    // False: the server has answered already, with an error or because it has the blob by now.
    if (!stream->Write(message)) break;
    message.clear_parent();
    message.clear_digest();
    message.clear_size_bytes();
    message.clear_upload_id();
  }
  stream->WritesDone();
  return FromGrpc(stream->Finish());
}

absl::Status Client::ReadBlob(const std::string& digest, int64_t offset, const Sink& sink) {
  v1::ReadBlobRequest request;
  request.set_parent(parent_);
  request.set_digest(digest);
  request.set_offset(offset);
  Attempt attempt(options_.stop, absl::InfiniteFuture());
  const auto stream = stubs_->artifacts.ReadBlob(attempt.context(), request);
  v1::ReadBlobResponse chunk;
  absl::Status sunk;
  while (stream->Read(&chunk)) {
    sunk = sink(chunk.data());
    if (!sunk.ok()) {
      attempt.context()->TryCancel();
      break;
    }
  }
  const absl::Status status = FromGrpc(stream->Finish());
  return sunk.ok() ? status : sunk;
}

}  // namespace quantd
