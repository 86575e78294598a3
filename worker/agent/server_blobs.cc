// ServerConnection's transfers of blobs.
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/digest.h"
#include "common/errno_status.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "proto/wire/status_grpc.h"
#include "worker/agent/part_file.h"
#include "worker/agent/server_connection_internal.h"

namespace quantd {
namespace {

constexpr absl::Duration kTransferTimeout = absl::Minutes(30);
constexpr size_t kChunkBytes = 1 << 20;

// "tenants/t" of "tenants/t/jobs/j".
std::string ParentOf(const v1::Lease& lease) { return lease.job().substr(0, lease.job().find("/jobs/")); }

v1::LeaseRef RefTo(const v1::Lease& lease) {
  v1::LeaseRef ref;
  ref.set_job(lease.job());
  ref.set_token(lease.token());
  return ref;
}

// Which upload a blob is sent by, and which errors of the server another try may mend.
class Upload {
 public:
  Upload(const v1::Lease& lease, const v1::FileRef& file)
      : shared_id_(absl::StrCat("worker-", file.digest())),
        own_id_(absl::StrCat("lease-", lease.token())) {}

  // One id a blob, so that an upload that broke is resumed by whichever attempt comes next; of
  // several workers that send the same blob at once, the others have one of their own.
  const std::string& id() const { return shared_ ? shared_id_ : own_id_; }

  // `written`, or UNAVAILABLE in its words when there is reason to try again, under id().
  absl::Status Judge(const absl::Status& written) {
    const std::string reason = GetErrorDetails(written).reason;
    const bool busy = reason == "UPLOAD_BUSY";
    const bool taken_over = reason == "UPLOAD_TAKEN_OVER";
    // What another attempt had sent may be to blame, and must not fail this one.
    const bool others_bytes = shared_ && reason == "DIGEST_MISMATCH";
    const bool look_again = busy || taken_over || others_bytes || reason == "OFFSET_MISMATCH" ||
                            reason == "UPLOAD_INCOMPLETE" || reason == "BLOB_REMOVED";
    // Busy may also be with a stream of this worker that broke, which the server notices soon.
    busy_answers_ += busy;
    if (taken_over || others_bytes || busy_answers_ >= kBusyAnswersMax) shared_ = false;
    return look_again ? absl::UnavailableError(written.message()) : written;
  }

 private:
  static constexpr int kBusyAnswersMax = 3;

  const std::string shared_id_;
  const std::string own_id_;  // No two leases have one token.
  bool shared_ = true;
  int busy_answers_ = 0;
};

absl::Status Stopped() { return absl::CancelledError("the transfer was told to stop"); }

}  // namespace

absl::Status ServerConnection::DownloadBlob(const v1::Lease& lease, const v1::FileRef& file,
                                            const std::string& path,
                                            const std::function<bool()>& stop) {
  return Retry("ReadBlob", stop, [&] { return ReadOnce(lease, file, path, stop); });
}

absl::Status ServerConnection::ReadOnce(const v1::Lease& lease, const v1::FileRef& file,
                                        const std::string& path,
                                        const std::function<bool()>& stop) {
  ASSIGN_OR_RETURN(PartFile part, PartFile::Create(path));
  grpc::ClientContext context;
  SetDeadline(context, kTransferTimeout);
  v1::ReadBlobRequest request;
  request.set_parent(ParentOf(lease));
  request.set_digest(file.digest());
  *request.mutable_lease() = RefTo(lease);
  const auto reader = stubs_->artifact->ReadBlob(&context, request);
  Sha256 sha;
  v1::ReadBlobResponse chunk;
  absl::Status local;
  while (local.ok() && reader->Read(&chunk)) {
    local = stop() ? Stopped() : part.Append(chunk.data());
    sha.Update(chunk.data());
  }
  if (!local.ok()) context.TryCancel();
  const absl::Status received = FromGrpc(reader->Finish());
  RETURN_IF_ERROR(local);
  RETURN_IF_ERROR(received);
  if (sha.HexDigest() != file.digest()) {
    return absl::DataLossError(
        absl::StrCat("blob ", file.digest(), " ('", file.name(), "') arrived with another digest"));
  }
  return part.Commit();
}

absl::Status ServerConnection::UploadBlob(const v1::Lease& lease, const v1::FileRef& file,
                                          const std::string& path,
                                          const std::function<bool()>& stop) {
  Upload upload(lease, file);
  return Retry("WriteBlob", stop, [&]() -> absl::Status {
    grpc::ClientContext context;
    SetDeadline(context, kCallTimeout);
    v1::FindMissingBlobsRequest request;
    v1::FindMissingBlobsResponse response;
    request.set_parent(ParentOf(lease));
    request.add_digests(file.digest());
    RETURN_IF_ERROR(FromGrpc(stubs_->artifact->FindMissingBlobs(&context, request, &response)));
    if (response.missing_digests().empty()) return absl::OkStatus();
    return upload.Judge(WriteOnce(lease, file, upload.id(), path, stop));
  });
}

absl::StatusOr<int64_t> ServerConnection::CommittedBytes(const v1::Lease& lease,
                                                         const v1::FileRef& file,
                                                         const std::string& upload_id) {
  grpc::ClientContext context;
  SetDeadline(context, kCallTimeout);
  v1::QueryWriteStatusRequest query;
  v1::QueryWriteStatusResponse committed;
  query.set_parent(ParentOf(lease));
  query.set_upload_id(upload_id);
  query.set_digest(file.digest());
  const absl::Status status =
      FromGrpc(stubs_->artifact->QueryWriteStatus(&context, query, &committed));
  if (!status.ok() && status.code() != absl::StatusCode::kNotFound) return status;
  return committed.complete() ? file.size_bytes() : committed.committed_bytes();
}

absl::Status ServerConnection::WriteOnce(const v1::Lease& lease, const v1::FileRef& file,
                                         const std::string& upload_id, const std::string& path,
                                         const std::function<bool()>& stop) {
  ASSIGN_OR_RETURN(int64_t offset, CommittedBytes(lease, file, upload_id));
  std::ifstream in(path, std::ios::binary);
  if (!in) return ErrnoStatus("open", path);
  in.seekg(offset);
  grpc::ClientContext context;
  SetDeadline(context, kTransferTimeout);
  v1::WriteBlobResponse response;
  const auto writer = stubs_->artifact->WriteBlob(&context, &response);
  v1::WriteBlobRequest chunk;
  chunk.set_parent(ParentOf(lease));
  chunk.set_digest(file.digest());
  chunk.set_size_bytes(file.size_bytes());
  chunk.set_upload_id(upload_id);
  *chunk.mutable_lease() = RefTo(lease);
  std::string buffer(kChunkBytes, '\0');
  bool stopped = false;
  while (!(stopped = stop())) {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    const int64_t got = in.gcount();
    chunk.set_offset(offset);
    chunk.set_data(buffer.data(), static_cast<size_t>(got));
    offset += got;
    chunk.set_finish(offset >= file.size_bytes() || got == 0);
    if (!writer->Write(chunk) || chunk.finish()) break;
    chunk.Clear();  // Only the first message names the blob.
  }
  if (stopped) context.TryCancel();
  writer->WritesDone();
  const absl::Status written = FromGrpc(writer->Finish());
  return stopped ? Stopped() : written;
}

}  // namespace quantd
