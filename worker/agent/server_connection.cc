#include "worker/agent/server_connection.h"

#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/digest.h"
#include "common/errno_status.h"
#include "common/error.h"
#include "common/file.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "proto/wire/status_grpc.h"
#include "quantd/v1/artifact.grpc.pb.h"
#include "quantd/v1/worker.grpc.pb.h"

namespace quantd {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(20);
constexpr absl::Duration kTransferTimeout = absl::Minutes(30);
// Longer than a lease: after that the job belongs to somebody else and repeating is pointless.
constexpr absl::Duration kPatience = absl::Minutes(2);
constexpr size_t kChunkBytes = 1 << 20;
constexpr int kMessageBytesMax = 64 << 20;

void SetDeadline(grpc::ClientContext& context, absl::Duration timeout) {
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
}

bool IsTransient(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnavailable ||
         status.code() == absl::StatusCode::kDeadlineExceeded;
}

}  // namespace

struct ServerConnection::Stubs {
  explicit Stubs(const std::shared_ptr<grpc::Channel>& channel)
      : worker(v1::WorkerService::NewStub(channel)), artifact(v1::ArtifactService::NewStub(channel)) {}
  std::unique_ptr<v1::WorkerService::Stub> worker;
  std::unique_ptr<v1::ArtifactService::Stub> artifact;
};

ServerConnection::ServerConnection(const std::string& address, std::function<bool()> stop)
    : stop_(std::move(stop)) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  arguments.SetMaxSendMessageSize(kMessageBytesMax);
  // A restarted server should be found again within seconds, not after gRPC's two-minute backoff.
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  stubs_ = std::make_unique<Stubs>(
      grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments));
}

ServerConnection::~ServerConnection() = default;

template <typename Call>
absl::Status ServerConnection::Retry(absl::string_view what, const Call& call) {
  const absl::Time give_up = absl::Now() + kPatience;
  std::minstd_rand jitter(std::random_device{}());
  absl::Duration backoff = absl::Milliseconds(100);
  while (true) {
    const absl::Status status = call();
    if (status.ok() || !IsTransient(status)) return status;
    if (stop_()) return absl::CancelledError(absl::StrCat(what, ": the worker is stopping"));
    if (absl::Now() >= give_up) return Annotate(status, what);
    LOG_WARNING("call failed, trying again",
                {{"call", std::string(what)}, {"error", std::string(status.message())}});
    const double factor = 0.5 + 0.5 * static_cast<double>(jitter()) / std::minstd_rand::max();
    std::this_thread::sleep_for(absl::ToChronoMilliseconds(backoff * factor));
    backoff = std::min(backoff * 2, absl::Seconds(2));
  }
}

absl::StatusOr<v1::LeaseJobResponse> ServerConnection::LeaseJob(
    const v1::LeaseJobRequest& request) {
  // Not retried here: a lease that was granted but never arrived would be asked for twice. The lease loop asks
  // again, and the lost lease expires.
  grpc::ClientContext context;
  SetDeadline(context, absl::Seconds(request.wait().seconds()) + kCallTimeout);
  v1::LeaseJobResponse response;
  RETURN_IF_ERROR(FromGrpc(stubs_->worker->LeaseJob(&context, request, &response)));
  return response;
}

absl::StatusOr<v1::HeartbeatResponse> ServerConnection::Heartbeat(
    const v1::HeartbeatRequest& request) {
  grpc::ClientContext context;
  SetDeadline(context, absl::Seconds(5));
  v1::HeartbeatResponse response;
  RETURN_IF_ERROR(FromGrpc(stubs_->worker->Heartbeat(&context, request, &response)));
  return response;
}

absl::Status ServerConnection::ReportEvents(const v1::ReportEventsRequest& request) {
  grpc::ClientContext context;
  SetDeadline(context, kCallTimeout);
  v1::ReportEventsResponse response;
  return FromGrpc(stubs_->worker->ReportEvents(&context, request, &response));
}

absl::Status ServerConnection::CompleteJob(const v1::CompleteJobRequest& request) {
  return Retry("CompleteJob", [&] {
    grpc::ClientContext context;
    SetDeadline(context, kCallTimeout);
    v1::CompleteJobResponse response;
    return FromGrpc(stubs_->worker->CompleteJob(&context, request, &response));
  });
}

absl::Status ServerConnection::DownloadBlob(const std::string& tenant, const v1::FileRef& file,
                                            const std::string& path) {
  const std::string temporary = path + ".part";
  const absl::Status status = Retry("ReadBlob", [&]() -> absl::Status {
    grpc::ClientContext context;
    SetDeadline(context, kTransferTimeout);
    v1::ReadBlobRequest request;
    request.set_parent("tenants/" + tenant);
    request.set_digest(file.digest());
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    Sha256 sha;
    v1::ReadBlobResponse chunk;
    const auto reader = stubs_->artifact->ReadBlob(&context, request);
    while (reader->Read(&chunk)) {
      out << chunk.data();
      sha.Update(chunk.data());
    }
    RETURN_IF_ERROR(FromGrpc(reader->Finish()));
    out.close();
    if (!out) return ErrnoStatus("write", temporary);
    if (sha.HexDigest() != file.digest()) {
      return absl::DataLossError(absl::StrCat("blob ", file.digest(), " ('", file.name(),
                                              "') arrived with another digest"));
    }
    return absl::OkStatus();
  });
  if (!status.ok()) {
    ::unlink(temporary.c_str());
    return status;
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return ErrnoStatus("rename", path);
  return absl::OkStatus();
}

absl::Status ServerConnection::UploadBlob(const std::string& tenant, const v1::FileRef& file,
                                          const std::string& path) {
  const std::string upload_id = absl::StrCat("worker-", file.digest());
  return Retry("WriteBlob", [&]() -> absl::Status {
    grpc::ClientContext context;
    SetDeadline(context, kCallTimeout);
    v1::FindMissingBlobsRequest request;
    v1::FindMissingBlobsResponse response;
    request.set_parent("tenants/" + tenant);
    request.add_digests(file.digest());
    RETURN_IF_ERROR(FromGrpc(stubs_->artifact->FindMissingBlobs(&context, request, &response)));
    if (response.missing_digests().empty()) return absl::OkStatus();
    return WriteOnce(tenant, file, path, upload_id);
  });
}

absl::Status ServerConnection::WriteOnce(const std::string& tenant, const v1::FileRef& file,
                                         const std::string& path, const std::string& upload_id) {
  v1::QueryWriteStatusRequest query;
  v1::QueryWriteStatusResponse committed;
  {
    grpc::ClientContext context;
    SetDeadline(context, kCallTimeout);
    query.set_parent("tenants/" + tenant);
    query.set_upload_id(upload_id);
    query.set_digest(file.digest());
    const absl::Status status =
        FromGrpc(stubs_->artifact->QueryWriteStatus(&context, query, &committed));
    if (!status.ok() && status.code() != absl::StatusCode::kNotFound) return status;
  }
  if (committed.complete()) return absl::OkStatus();

  std::ifstream in(path, std::ios::binary);
  if (!in) return ErrnoStatus("open", path);
  in.seekg(committed.committed_bytes());
  grpc::ClientContext context;
  SetDeadline(context, kTransferTimeout);
  v1::WriteBlobResponse response;
  const auto writer = stubs_->artifact->WriteBlob(&context, &response);
  std::string buffer(kChunkBytes, '\0');
  int64_t offset = committed.committed_bytes();
  bool first = true;
  while (true) {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    const int64_t got = in.gcount();
    v1::WriteBlobRequest chunk;
    if (first) {
      chunk.set_parent("tenants/" + tenant);
      chunk.set_digest(file.digest());
      chunk.set_size_bytes(file.size_bytes());
      chunk.set_upload_id(upload_id);
      first = false;
    }
    chunk.set_offset(offset);
    chunk.set_data(buffer.data(), static_cast<size_t>(got));
    offset += got;
    chunk.set_finish(offset >= file.size_bytes() || got == 0);
    if (!writer->Write(chunk) || chunk.finish()) break;
  }
  writer->WritesDone();
  return FromGrpc(writer->Finish());
}

}  // namespace quantd
