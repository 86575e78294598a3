#include "tests/bench/latency/load.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "tests/server/rpc/sample_spec.h"

namespace quantd::bench {
namespace {

constexpr char kParent[] = "tenants/team";
constexpr char kResultBytes[] = "a quantized model";
constexpr int kWaitSeconds = 1;  // As the worker's lease loop.

void Check(const grpc::Status& status, const char* what) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s: %s\n", what, status.error_message().c_str());
  std::exit(1);
}

v1::Catalogue CatalogueWithout(const std::string& preset) {
  v1::Catalogue catalogue = testing::SampleCatalogue();
  for (int i = catalogue.presets_size() - 1; i >= 0; --i) {
    if (catalogue.presets(i).id() == preset) catalogue.mutable_presets()->DeleteSubrange(i, 1);
  }
  return catalogue;
}

// Channels of one process to one server share a connection unless they are told not to.
std::shared_ptr<grpc::Channel> Connect(int port) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", port),
                                   grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

Client::Client(int port) {
  const std::shared_ptr<grpc::Channel> channel = Connect(port);
  jobs_ = v1::JobService::NewStub(channel);
  artifacts_ = v1::ArtifactService::NewStub(channel);
  workers_ = v1::WorkerService::NewStub(channel);
  for (const char* bytes : {testing::kModelBytes, testing::kDataBytes, kResultBytes}) Upload(bytes);
  // A worker that can do all there is has been here.
  v1::LeaseJobRequest request;
  request.set_worker("another");
  *request.mutable_catalogue() = testing::SampleCatalogue();
  grpc::ClientContext context;
  v1::LeaseJobResponse response;
  Check(workers_->LeaseJob(&context, request, &response), "LeaseJob");
}

void Client::Upload(const std::string& bytes) {
  const v1::FileRef file = testing::FileOf("file", bytes);
  grpc::ClientContext context;
  v1::WriteBlobResponse response;
  const auto writer = artifacts_->WriteBlob(&context, &response);
  v1::WriteBlobRequest message;
  message.set_parent(kParent);
  message.set_digest(file.digest());
  message.set_size_bytes(file.size_bytes());
  message.set_upload_id("bench");
  message.set_data(bytes);
  message.set_finish(true);
  writer->Write(message);
  writer->WritesDone();
  Check(writer->Finish(), "WriteBlob");
}

std::string Client::Submit(const std::string& preset) {
  v1::CreateJobRequest request;
  request.set_parent(kParent);
  v1::JobSpec& spec = *request.mutable_job()->mutable_spec();
  spec = testing::SampleSpec();
  spec.mutable_recipe()->set_preset(preset);
  spec.mutable_calibration()->set_seed(++jobs_made_);  // Equal work would share one result.
  request.set_request_id(absl::StrCat("bench-", jobs_made_));
  grpc::ClientContext context;
  v1::Job job;
  Check(jobs_->CreateJob(&context, request, &job), "CreateJob");
  return job.name();
}

void Client::Complete(const v1::Lease& lease) {
  v1::CompleteJobRequest request;
  request.set_job(lease.job());
  request.set_token(lease.token());
  *request.mutable_success()->add_files() = testing::FileOf("model.onnx", kResultBytes);
  grpc::ClientContext context;
  v1::CompleteJobResponse response;
  Check(workers_->CompleteJob(&context, request, &response), "CompleteJob");
}

Watchers::Watchers(int port, const std::vector<std::string>& jobs) {
  for (const std::string& job : jobs) {
    auto stream = std::make_unique<Stream>();
    stream->stub = v1::JobService::NewStub(Connect(port));
    v1::WatchJobRequest request;
    request.set_name(job);
    stream->reader = stream->stub->WatchJob(&stream->context, request);
    v1::JobEvent event;
    if (!stream->reader->Read(&event)) Check(stream->reader->Finish(), "WatchJob");
    streams_.push_back(std::move(stream));
  }
}

Watchers::~Watchers() {
  for (const auto& stream : streams_) stream->context.TryCancel();
  for (const auto& stream : streams_) stream->reader->Finish().ok();
}

struct WaitingWorkers::Worker {
  std::unique_ptr<v1::WorkerService::Stub> stub;
  v1::LeaseJobRequest request;
  v1::LeaseJobResponse response;
  std::unique_ptr<grpc::ClientContext> context;  // Guarded by mutex_.
};

WaitingWorkers::WaitingWorkers(int port, int count, const std::string& without) {
  const v1::Catalogue catalogue = CatalogueWithout(without);
  for (int i = 0; i < count; ++i) {
    auto worker = std::make_unique<Worker>();
    worker->stub = v1::WorkerService::NewStub(Connect(port));
    worker->request.set_worker(absl::StrCat("worker-", i));
    *worker->request.mutable_catalogue() = catalogue;
    worker->request.mutable_wait()->set_seconds(kWaitSeconds);
    workers_.push_back(std::move(worker));
    Ask(workers_.back().get());
  }
}

WaitingWorkers::~WaitingWorkers() {
  std::unique_lock lock(mutex_);
  stop_ = true;
  for (const auto& worker : workers_) {
    if (worker->context != nullptr) worker->context->TryCancel();
  }
  changed_.wait(lock, [this] { return under_way_ == 0; });
}

void WaitingWorkers::Ask(Worker* worker) {
  grpc::ClientContext* context = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (stop_) return;
    ++under_way_;
    worker->context = std::make_unique<grpc::ClientContext>();
    context = worker->context.get();
  }
  worker->response.Clear();
  worker->stub->async()->LeaseJob(
      context, &worker->request, &worker->response,
      [this, worker](grpc::Status status) { Answered(worker, status); });
}

void WaitingWorkers::Answered(Worker* worker, const grpc::Status& status) {
  const SteadyTime now = std::chrono::steady_clock::now();
  {
    const std::lock_guard lock(mutex_);
    worker->context.reset();
    if (!stop_) {
      Check(status, "LeaseJob");
      if (worker->response.has_lease()) arrivals_.push_back({now, worker->response.lease()});
    }
  }
  Ask(worker);
  // Last, and under the mutex: who waits for it may take this object away.
  const std::lock_guard lock(mutex_);
  --under_way_;
  changed_.notify_all();
}

WaitingWorkers::Arrival WaitingWorkers::Next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !arrivals_.empty(); });
  Arrival arrival = std::move(arrivals_.front());
  arrivals_.pop_front();
  return arrival;
}

}  // namespace quantd::bench
