// A quantd server in memory for the tests of its client: real gRPC on a loopback port, no queue and
// no worker. A test says what becomes of jobs and where streams break.
#pragma once

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/digest.h"
#include "common/error.h"
#include "proto/wire/blob_encoding.h"
#include "proto/wire/status_grpc.h"
#include "quantd/v1/artifact.grpc.pb.h"
#include "quantd/v1/job.grpc.pb.h"
#include "quantd/v1/quality.grpc.pb.h"

namespace quantd::testing {

inline grpc::Status NoSuch(const std::string& name) {
  return ToGrpc(MakeError(absl::StatusCode::kNotFound, "NOT_FOUND", absl::StrCat("no ", name)));
}

// Blobs and artifacts. All members are guarded by `mutex` while the server runs.
class FakeArtifacts final : public v1::ArtifactService::Service {
 public:
  grpc::Status FindMissingBlobs(grpc::ServerContext*, const v1::FindMissingBlobsRequest* request,
                                v1::FindMissingBlobsResponse* response) override {
    const std::lock_guard lock(mutex);
    for (const std::string& digest : request->digests()) {
      if (!blobs.contains(digest)) response->add_missing_digests(digest);
    }
    return grpc::Status::OK;
  }

  grpc::Status WriteBlob(grpc::ServerContext*, grpc::ServerReader<v1::WriteBlobRequest>* reader,
                         v1::WriteBlobResponse* response) override {
    v1::WriteBlobRequest message;
    BlobDecoder decoder(2 << 20);
    std::string upload_id, digest;
    while (reader->Read(&message)) {
      const std::lock_guard lock(mutex);
      if (!message.upload_id().empty()) {
        upload_id = message.upload_id();
        digest = message.digest();
        ++write_streams;
        leases.push_back(message.lease());
        upload_ids.push_back(upload_id);
        if (write_errors.contains(upload_id) && !write_errors[upload_id].empty()) {
          const absl::Status error = write_errors[upload_id].front();
          write_errors[upload_id].pop_front();
          return ToGrpc(error);
        }
      }
      std::string& bytes = uploads[upload_id];
      if (message.offset() != static_cast<int64_t>(bytes.size())) {
        return ToGrpc(MakeError(absl::StatusCode::kOutOfRange, "OFFSET_MISMATCH", "offset"));
      }
      const absl::StatusOr<absl::string_view> data =
          decoder.Decode(message.encoding(), message.data());
      if (!data.ok()) return ToGrpc(data.status());
      bytes.append(data->data(), data->size());
      bytes_received += static_cast<int64_t>(data->size());
      if (break_write_after_bytes > 0 &&
          static_cast<int64_t>(bytes.size()) >= break_write_after_bytes) {
        break_write_after_bytes = 0;
        return grpc::Status(grpc::StatusCode::UNAVAILABLE, "the stream broke");
      }
      if (!message.finish()) continue;
      if (Sha256Hex(bytes) != digest) {
        return ToGrpc(MakeError(absl::StatusCode::kInvalidArgument, "DIGEST_MISMATCH", "digest"));
      }
      blobs[digest] = bytes;
      response->set_committed_bytes(static_cast<int64_t>(bytes.size()));
      return grpc::Status::OK;
    }
    return grpc::Status(grpc::StatusCode::CANCELLED, "no last message");
  }

  grpc::Status QueryWriteStatus(grpc::ServerContext*, const v1::QueryWriteStatusRequest* request,
                                v1::QueryWriteStatusResponse* response) override {
    const std::lock_guard lock(mutex);
    response->set_complete(blobs.contains(request->digest()));
    const auto found = uploads.find(request->upload_id());
    if (found == uploads.end() && !response->complete()) return NoSuch("upload");
    if (found != uploads.end())
      response->set_committed_bytes(static_cast<int64_t>(found->second.size()));
    return grpc::Status::OK;
  }

  grpc::Status ReadBlob(grpc::ServerContext*, const v1::ReadBlobRequest* request,
                        grpc::ServerWriter<v1::ReadBlobResponse>* writer) override {
    std::string bytes;
    int64_t break_after = 0;
    {
      const std::lock_guard lock(mutex);
      if (!blobs.contains(request->digest())) return NoSuch("blob");
      bytes = blobs[request->digest()];
      std::swap(break_after, break_read_after_bytes);
      read_offsets.push_back(request->offset());
      leases.push_back(request->lease());
    }
    for (size_t offset = static_cast<size_t>(request->offset()); offset < bytes.size();
         offset += kChunkBytes) {
      if (break_after > 0 && static_cast<int64_t>(offset) >= break_after) {
        return grpc::Status(grpc::StatusCode::UNAVAILABLE, "the stream broke");
      }
      v1::ReadBlobResponse chunk;
      chunk.set_data(bytes.substr(offset, kChunkBytes));
      writer->Write(chunk);
    }
    return grpc::Status::OK;
  }

  grpc::Status CreateArtifact(grpc::ServerContext*, const v1::CreateArtifactRequest* request,
                              v1::Artifact* response) override {
    const std::lock_guard lock(mutex);
    *response = request->artifact();
    response->set_name(absl::StrCat(request->parent(), "/artifacts/a", artifacts.size() + 1));
    artifacts[response->name()] = *response;
    return grpc::Status::OK;
  }

  grpc::Status GetArtifact(grpc::ServerContext*, const v1::GetArtifactRequest* request,
                           v1::Artifact* response) override {
    const std::lock_guard lock(mutex);
    if (!artifacts.contains(request->name())) return NoSuch(request->name());
    *response = artifacts[request->name()];
    return grpc::Status::OK;
  }

  // Stores bytes and describes them as a file of an artifact.
  v1::FileRef AddBlob(const std::string& name, const std::string& bytes) {
    const std::lock_guard lock(mutex);
    v1::FileRef file;
    file.set_name(name);
    file.set_digest(Sha256Hex(bytes));
    file.set_size_bytes(static_cast<int64_t>(bytes.size()));
    blobs[file.digest()] = bytes;
    return file;
  }

  static constexpr size_t kChunkBytes = 1000;

  std::mutex mutex;
  std::map<std::string, std::string> blobs;    // By digest.
  std::map<std::string, std::string> uploads;  // By upload id: what has come so far.
  std::map<std::string, v1::Artifact> artifacts;
  std::map<std::string, std::deque<absl::Status>>
      write_errors;                     // By upload id: of its next streams.
  int64_t break_write_after_bytes = 0;  // Once; 0: never.
  int64_t break_read_after_bytes = 0;   // Once; 0: never.
  int write_streams = 0;
  int64_t bytes_received = 0;
  std::vector<int64_t> read_offsets;
  std::vector<v1::LeaseRef> leases;     // Of each stream, in either direction.
  std::vector<std::string> upload_ids;  // Of each stream.
};

// Sends events, then ends with `last`, or without one when its client leaves. Deletes itself.
class EventStream final : public grpc::ServerWriteReactor<v1::JobEvent> {
 public:
  EventStream(std::vector<v1::JobEvent> events, std::optional<grpc::Status> last)
      : events_(std::move(events)), last_(std::move(last)) {
    Next();
  }

  void OnWriteDone(bool ok) override { ok ? Next() : Finish(grpc::Status::CANCELLED); }
  void OnDone() override { delete this; }
  void OnCancel() override {
    {
      const std::lock_guard lock(mutex_);
      cancelled_ = true;
      if (!waits_) return;  // Next() comes, or the end has come.
      waits_ = false;
    }
    Finish(grpc::Status::CANCELLED);
  }

 private:
  void Next() {
    std::optional<grpc::Status> end;
    {
      const std::lock_guard lock(mutex_);
      if (cancelled_) {
        end = grpc::Status::CANCELLED;
      } else if (sent_ == events_.size()) {
        end = last_;
        waits_ = !end;
      }
    }
    if (end) return Finish(*end);
    if (sent_ < events_.size()) StartWrite(&events_[sent_++]);
  }

  const std::vector<v1::JobEvent> events_;
  const std::optional<grpc::Status> last_;
  size_t sent_ = 0;
  std::mutex mutex_;
  bool cancelled_ = false;  // Guarded by mutex_.
  bool waits_ = false;      // For the client to leave. Guarded by mutex_.
};

// Jobs that do what `finished` and `events` say.
class FakeJobs final : public v1::JobService::WithCallbackMethod_WatchJob<v1::JobService::Service> {
 public:
  grpc::Status CreateJob(grpc::ServerContext*, const v1::CreateJobRequest* request,
                         v1::Job* response) override {
    const std::lock_guard lock(mutex);
    ++create_calls;
    if (create_failures > 0) {
      --create_failures;
      return grpc::Status(grpc::StatusCode::UNAVAILABLE, "not now");
    }
    if (!create_error.ok()) return ToGrpc(create_error);
    last_create = *request;
    *response = request->job();
    response->set_name(absl::StrCat(request->parent(), "/jobs/j", jobs.size() + 1));
    response->set_state(v1::Job::QUEUED);
    jobs[response->name()] = finished ? *finished : *response;
    jobs[response->name()].set_name(response->name());
    return grpc::Status::OK;
  }

  grpc::Status GetJob(grpc::ServerContext*, const v1::GetJobRequest* request,
                      v1::Job* response) override {
    const std::lock_guard lock(mutex);
    if (!jobs.contains(request->name())) return NoSuch(request->name());
    *response = jobs[request->name()];
    return grpc::Status::OK;
  }

  grpc::Status ListJobs(grpc::ServerContext*, const v1::ListJobsRequest* request,
                        v1::ListJobsResponse* response) override {
    const std::lock_guard lock(mutex);
    ++list_calls;
    last_list = *request;
    size_t skip =
        request->page_token().empty() ? 0 : static_cast<size_t>(std::stoul(request->page_token()));
    size_t index = 0;
    for (const auto& [name, job] : jobs) {
      if (index++ < skip) continue;
      if (response->jobs_size() == request->page_size()) {
        response->set_next_page_token(absl::StrCat(index - 1));
        break;
      }
      *response->add_jobs() = job;
    }
    return grpc::Status::OK;
  }

  grpc::Status CancelJob(grpc::ServerContext*, const v1::CancelJobRequest* request,
                         v1::Job* response) override {
    const std::lock_guard lock(mutex);
    if (!jobs.contains(request->name())) return NoSuch(request->name());
    jobs[request->name()].set_state(v1::Job::CANCELLED);
    *response = jobs[request->name()];
    return grpc::Status::OK;
  }

  grpc::Status RedriveJob(grpc::ServerContext*, const v1::RedriveJobRequest* request,
                          v1::Job* response) override {
    const std::lock_guard lock(mutex);
    if (!jobs.contains(request->name())) return NoSuch(request->name());
    jobs[request->name()].set_state(v1::Job::QUEUED);
    *response = jobs[request->name()];
    return grpc::Status::OK;
  }

  grpc::Status DeleteJob(grpc::ServerContext*, const v1::DeleteJobRequest* request,
                         v1::DeleteJobResponse*) override {
    const std::lock_guard lock(mutex);
    return jobs.erase(request->name()) == 1 ? grpc::Status::OK : NoSuch(request->name());
  }

  grpc::ServerWriteReactor<v1::JobEvent>* WatchJob(grpc::CallbackServerContext*,
                                                   const v1::WatchJobRequest* request) override {
    const std::lock_guard lock(mutex);
    if (!jobs.contains(request->name())) return new EventStream({}, NoSuch(request->name()));
    watch_starts.push_back(request->after_sequence());
    std::vector<v1::JobEvent> to_send;
    for (const v1::JobEvent& event : events) {
      if (event.sequence() > request->after_sequence()) to_send.push_back(event);
    }
    const auto break_after =
        static_cast<size_t>(std::exchange(break_watch_after_events, int64_t{0}));
    if (break_after > 0 && break_after < to_send.size()) {
      to_send.resize(break_after);
      return new EventStream(to_send, grpc::Status(grpc::StatusCode::UNAVAILABLE, "broke"));
    }
    // The stream of a running job lasts until its client leaves.
    if (jobs[request->name()].state() < v1::Job::SUCCEEDED) {
      return new EventStream(to_send, std::nullopt);
    }
    return new EventStream(to_send, grpc::Status::OK);
  }

  grpc::Status WaitJob(grpc::ServerContext*, const v1::WaitJobRequest* request,
                       v1::Job* response) override {
    const std::lock_guard lock(mutex);
    if (!jobs.contains(request->name())) return NoSuch(request->name());
    *response = jobs[request->name()];
    return grpc::Status::OK;
  }

  grpc::Status ValidateJob(grpc::ServerContext*, const v1::ValidateJobRequest*,
                           v1::ValidateJobResponse* response) override {
    response->add_warnings("no worker has announced its methods yet");
    return grpc::Status::OK;
  }

  std::mutex mutex;
  std::map<std::string, v1::Job> jobs;
  std::shared_ptr<v1::Job> finished;  // What every new job becomes at once; null: it stays queued.
  std::vector<v1::JobEvent> events;   // Of every job.
  v1::CreateJobRequest last_create;
  v1::ListJobsRequest last_list;
  absl::Status create_error;
  int create_failures = 0;
  int create_calls = 0;
  int list_calls = 0;
  int64_t break_watch_after_events = 0;  // Once; 0: never.
  std::vector<int64_t> watch_starts;     // after_sequence of each stream.
};

class FakeQuality final : public v1::QualityService::Service {
 public:
  grpc::Status ListMethods(grpc::ServerContext*, const v1::ListMethodsRequest* request,
                           v1::ListMethodsResponse* response) override {
    response->set_no_worker_yet(no_worker_yet);
    if (no_worker_yet) return grpc::Status::OK;
    v1::Method method;
    method.set_axis("range");
    method.set_id("mse");
    method.set_summary("Least squared error.");
    if (request->axis().empty() || request->axis() == "range") *response->add_methods() = method;
    if (request->axis() == "metric") {
      v1::MetricInfo& metric = *response->add_metrics();
      metric.set_id("kl");
      metric.set_summary("Mean divergence.");
      metric.set_unit("nat");
    }
    return grpc::Status::OK;
  }

  grpc::Status ListPresets(grpc::ServerContext*, const v1::ListPresetsRequest*,
                           v1::ListPresetsResponse* response) override {
    v1::Preset* preset = response->add_presets();
    preset->set_id("w8a8-mse");
    preset->set_summary("Eight bits, ranges by least squared error.");
    return grpc::Status::OK;
  }

  bool no_worker_yet = false;
};

class FakeServer {
 public:
  FakeServer() {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&jobs);
    builder.RegisterService(&artifacts);
    builder.RegisterService(&quality);
    server_ = builder.BuildAndStart();
    address_ = absl::StrCat("127.0.0.1:", port);
  }
  ~FakeServer() { server_->Shutdown(std::chrono::system_clock::now()); }

  const std::string& address() const { return address_; }

  FakeJobs jobs;
  FakeArtifacts artifacts;
  FakeQuality quality;

 private:
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

}  // namespace quantd::testing
