// A server on a loopback port over stores in memory, and clients of its four services. The clock is
// the test's.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/status_grpc.h"
#include "quantd/v1/artifact.grpc.pb.h"
#include "quantd/v1/job.grpc.pb.h"
#include "quantd/v1/quality.grpc.pb.h"
#include "quantd/v1/worker.grpc.pb.h"
#include "server/blob/memory/memory_blob_store.h"
#include "server/rpc/rpc_server.h"
#include "server/store/memory/memory_job_store.h"
#include "tests/server/rpc/sample_spec.h"
#include "tests/support/fake_clock.h"
#include "tests/support/sequential_ids.h"
#include "tests/support/status_matchers.h"

namespace quantd::testing {

inline constexpr char kParent[] = "tenants/team";

// What the server works on.
struct ServerParts {
  // Without `some_blobs` there are empty ones in memory.
  explicit ServerParts(const Clock* a_clock, std::unique_ptr<BlobStores> some_blobs = nullptr)
      : clock(a_clock),
        owned_blobs(some_blobs ? std::move(some_blobs)
                               : std::make_unique<MemoryBlobStores>(a_clock)) {}

  const Clock* clock;
  SequentialIds ids;
  ChangeSignal signal;
  std::unique_ptr<BlobStores> owned_blobs;
  BlobStores& blobs = *owned_blobs;
  MemoryJobStore store;
  CatalogueRegistry catalogues{&store, clock};
  TenantRegistry tenants{&store, TenantLimits()};
  ArtifactRegistry artifacts{&store, &blobs, clock, &ids};
  GarbageCollector garbage{GarbageCollector::Options(), &store, &blobs, &tenants, clock};
  TokenRegistry tokens{&store, clock, &ids};
  JobQueue queue{QueueOptions(), &store, &blobs, clock, &ids, &signal};
  Metrics metrics;
};

class RunningServer {
 public:
  struct Options {
    std::unique_ptr<BlobStores> blobs;  // None: empty ones in memory.
    // Every call needs a token; the stubs' have none, so that only CallRaw() gets through.
    bool authenticate = false;
    AuditLog* audit = nullptr;  // Borrowed.
    int tenant_calls_max = RpcServer::Options().tenant_calls_max;
  };
  // `clock` is borrowed.
  explicit RunningServer(const Clock* clock) : RunningServer(clock, Options()) {}
  RunningServer(const Clock* clock, Options options);
  ~RunningServer();

  // Calls `method` of `stub`; what the server answered, its errors with their details.
  template <typename Response, typename Stub, typename Request>
  static absl::StatusOr<Response> Call(Stub& stub,
                                       grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                                    const Request&, Response*),
                                       const Request& request) {
    grpc::ClientContext context;
    Response response;
    const absl::Status status = FromGrpc((stub.*method)(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }

  // Sends one message to any method and takes at most one answer. Not empty, `authorization` is the
  // value of that header.
  absl::StatusOr<std::string> CallRaw(const std::string& method, const std::string& bytes,
                                      const std::string& authorization = "");

  // The shortest words for what clients and workers do. Failures fail the test.
  v1::Job CreateJob(const v1::JobSpec& spec = SampleSpec());
  v1::Job GetJob(const std::string& name);
  void AnnounceWorker(const v1::Catalogue& catalogue = SampleCatalogue());
  v1::Lease Lease(const std::string& worker = "worker-a");
  v1::CompleteJobRequest SuccessOf(const v1::Lease& lease);
  // Creates a job and lets a worker do it.
  v1::Job FinishJob(const v1::JobSpec& spec = SampleSpec());

  ServerParts parts;
  std::unique_ptr<RpcServer> server;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::JobService::Stub> jobs;
  std::unique_ptr<v1::ArtifactService::Stub> artifacts;
  std::unique_ptr<v1::QualityService::Stub> quality;
  std::unique_ptr<v1::WorkerService::Stub> workers;
};

class ServerTest : public ::testing::Test {
 protected:
  FakeClock clock_;
  RunningServer server_{&clock_};
};

}  // namespace quantd::testing
