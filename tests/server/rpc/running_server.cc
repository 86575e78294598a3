#include "tests/server/rpc/running_server.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>

#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace quantd::testing {

RunningServer::RunningServer(const Clock* clock, Options options)
    : parts(clock, std::move(options.blobs)) {
  const RpcServer::Parts of_server{.queue = &parts.queue,
                                   .catalogues = &parts.catalogues,
                                   .artifacts = &parts.artifacts,
                                   .blobs = &parts.blobs,
                                   .tenants = &parts.tenants,
                                   .signal = &parts.signal,
                                   .tokens = &parts.tokens,
                                   .garbage = &parts.garbage,
                                   .metrics = &parts.metrics,
                                   .clock = clock,
                                   .audit = options.audit};
  auto started = RpcServer::Start({.listen = "127.0.0.1:0",
                                   .tenant_calls_max = options.tenant_calls_max,
                                   .authenticate = options.authenticate,
                                   .look_every = absl::Milliseconds(10)},
                                  of_server);
  QUANTD_CHECK(started.ok());
  server = *std::move(started);
  channel = grpc::CreateChannel(absl::StrCat("127.0.0.1:", server->port()),
                                grpc::InsecureChannelCredentials());
  jobs = v1::JobService::NewStub(channel);
  artifacts = v1::ArtifactService::NewStub(channel);
  quality = v1::QualityService::NewStub(channel);
  workers = v1::WorkerService::NewStub(channel);
  PutSampleBlobs(*parts.blobs.Of("team"));
}

RunningServer::~RunningServer() { parts.signal.Close(); }

absl::StatusOr<std::string> RunningServer::CallRaw(const std::string& method,
                                                   const std::string& bytes,
                                                   const std::string& authorization) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  if (!authorization.empty()) context.AddMetadata("authorization", authorization);
  grpc::CompletionQueue queue;
  const grpc::Slice slice(bytes);
  const grpc::ByteBuffer request(&slice, 1);
  auto call = stub.PrepareUnaryCall(&context, method, request, &queue);
  call->StartCall();
  grpc::ByteBuffer response;
  grpc::Status status;
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  QUANTD_CHECK(queue.Next(&tag, &ok));
  if (!status.ok()) return FromGrpc(status);
  std::vector<grpc::Slice> slices;
  QUANTD_CHECK(response.Dump(&slices).ok());
  std::string text;
  for (const grpc::Slice& part : slices) {
    text.append(reinterpret_cast<const char*>(part.begin()), part.size());
  }
  return text;
}

v1::Job RunningServer::CreateJob(const v1::JobSpec& spec) {
  v1::CreateJobRequest request;
  request.set_parent(kParent);
  *request.mutable_job()->mutable_spec() = spec;
  absl::StatusOr<v1::Job> job = Call(*jobs, &v1::JobService::Stub::CreateJob, request);
  EXPECT_OK(job);
  return job.ok() ? *std::move(job) : v1::Job();
}

v1::Job RunningServer::GetJob(const std::string& name) {
  v1::GetJobRequest request;
  request.set_name(name);
  absl::StatusOr<v1::Job> job = Call(*jobs, &v1::JobService::Stub::GetJob, request);
  EXPECT_OK(job);
  return job.ok() ? *std::move(job) : v1::Job();
}

void RunningServer::AnnounceWorker(const v1::Catalogue& catalogue) {
  v1::LeaseJobRequest request;
  request.set_worker("worker-a");
  *request.mutable_catalogue() = catalogue;
  const auto answer = Call(*workers, &v1::WorkerService::Stub::LeaseJob, request);
  EXPECT_OK(answer);
  EXPECT_FALSE(answer.ok() && answer->has_lease()) << "a job was there already";
}

v1::Lease RunningServer::Lease(const std::string& worker) {
  v1::LeaseJobRequest request;
  request.set_worker(worker);
  *request.mutable_catalogue() = SampleCatalogue();
  const auto answer = Call(*workers, &v1::WorkerService::Stub::LeaseJob, request);
  EXPECT_OK(answer);
  EXPECT_TRUE(answer.ok() && answer->has_lease()) << "there is no job to lease";
  return answer.ok() ? answer->lease() : v1::Lease();
}

v1::CompleteJobRequest RunningServer::SuccessOf(const v1::Lease& lease) {
  v1::CompleteJobRequest request;
  request.set_job(lease.job());
  request.set_token(lease.token());
  PutBlob(*parts.blobs.Of("team"), "quantized");
  *request.mutable_success()->add_files() = FileOf("model.onnx", "quantized");
  v1::QualityReport& report = *request.mutable_success()->mutable_report();
  report.set_engine_version("1.0.0");
  v1::Metric& metric = *report.add_metrics();
  metric.set_id("top1_agreement");
  metric.set_value(0.995);
  metric.set_n(1000);
  metric.set_status(v1::METRIC_OK);
  v1::Interval& interval = *metric.add_intervals();
  interval.set_target(v1::POPULATION_MEAN);
  interval.set_lower(0.99);
  interval.set_upper(0.999);
  interval.set_status(v1::INTERVAL_OK);
  return request;
}

v1::Job RunningServer::FinishJob(const v1::JobSpec& spec) {
  const v1::Job job = CreateJob(spec);
  EXPECT_OK(Call(*workers, &v1::WorkerService::Stub::CompleteJob, SuccessOf(Lease())));
  return GetJob(job.name());
}

}  // namespace quantd::testing
