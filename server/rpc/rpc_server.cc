#include "server/rpc/rpc_server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/check.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "server/rpc/access_control.h"
#include "server/rpc/admin_service.h"
#include "server/rpc/artifact_service.h"
#include "server/rpc/call_runner.h"
#include "server/rpc/job_service.h"
#include "server/rpc/open_calls.h"
#include "server/rpc/quality_service.h"
#include "server/rpc/stream_watchdog.h"
#include "server/rpc/worker_service.h"

namespace quantd {
namespace {

// Specs may list 1,000,000 files and reports carry histograms; blobs stream in chunks far below it.
constexpr int kMessageBytesMax = 64 << 20;
// A peer that has gone without a word is noticed after both of these.
constexpr int kKeepaliveMilliseconds = 60'000;
constexpr int kKeepaliveTimeoutMilliseconds = 20'000;
constexpr int kPingIntervalMinMilliseconds = 30'000;
// Clients connect again when they need to.
constexpr int kIdleMilliseconds = 30 * 60'000;
// A client's channel has a few calls at a time; many watchers share one, too.
constexpr int kStreamsPerConnectionMax = 256;
constexpr int kMetadataBytesMax = 16 << 10;

void SetLimits(const RpcServer::Options& options, grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(kMessageBytesMax);
  builder.SetMaxSendMessageSize(kMessageBytesMax);
  grpc::ResourceQuota quota("quantd");
  quota.SetMaxThreads(options.threads_max);
  builder.SetResourceQuota(quota);
  for (const auto& [name, value] : std::initializer_list<std::pair<const char*, int>>{
           // Two servers on one port would share the connections between them.
           {GRPC_ARG_ALLOW_REUSEPORT, 0},
           {GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMilliseconds},
           {GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMilliseconds},
           {GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kPingIntervalMinMilliseconds},
           {GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
            static_cast<int>(absl::ToInt64Milliseconds(options.handshake_timeout))},
           {GRPC_ARG_MAX_CONNECTION_IDLE_MS, kIdleMilliseconds},
           {GRPC_ARG_MAX_CONCURRENT_STREAMS, kStreamsPerConnectionMax},
           {GRPC_ARG_MAX_METADATA_SIZE, kMetadataBytesMax}}) {
    builder.AddChannelArgument(name, value);
  }
}

}  // namespace

std::vector<const google::protobuf::ServiceDescriptor*> ApiServices() {
  const auto find = [](const char* name) {
    const auto* service =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
    QUANTD_CHECK(service != nullptr);
    return service;
  };
  return {find(v1::JobService::service_full_name()), find(v1::ArtifactService::service_full_name()),
          find(v1::QualityService::service_full_name()),
          find(v1::WorkerService::service_full_name()),
          find(v1::AdminService::service_full_name())};
}

struct RpcServer::Services {
  Services(AccessPolicy policy, const Options& options, const Parts& parts)
      : access(std::move(policy), {.tokens = options.authenticate ? parts.tokens : nullptr,
                                   .tenants = parts.tenants,
                                   .audit = parts.audit,
                                   .clock = parts.clock}),
        watchdog(parts.clock, options.stream_idle_timeout, options.look_every),
        open_calls(parts.clock,
                   {.review_after = options.review_callers_after,
                    .look_every = options.look_every,
                    .group_calls_max = options.tenant_calls_max},
                   [this](const std::string& secret) {
                     CallRecord nobody;
                     return access.Identify(secret, nobody);
                   }),
        runner(&access, &open_calls, parts.metrics, parts.clock),
        jobs(&runner, parts.metrics, parts.queue, parts.catalogues, parts.blobs, parts.signal,
             parts.clock),
        artifacts({.runner = &runner,
                   .metrics = parts.metrics,
                   .artifacts = parts.artifacts,
                   .blobs = parts.blobs,
                   .queue = parts.queue,
                   .tenants = parts.tenants,
                   .watchdog = &watchdog}),
        quality(&runner, parts.catalogues, parts.queue, parts.artifacts, parts.blobs),
        workers(&runner, parts.metrics, parts.queue, parts.catalogues, parts.signal, parts.clock),
        admin({.runner = &runner,
               .tokens = parts.tokens,
               .tenants = parts.tenants,
               .queue = parts.queue,
               .blobs = parts.blobs,
               .garbage = parts.garbage}) {}

  void Register(grpc::ServerBuilder& builder) {
    builder.RegisterService(&jobs);
    builder.RegisterService(&artifacts);
    builder.RegisterService(&quality);
    builder.RegisterService(&workers);
    builder.RegisterService(&admin);
  }

  AccessControl access;
  StreamWatchdog watchdog;
  OpenCalls open_calls;
  CallRunner runner;
  JobService jobs;
  ArtifactService artifacts;
  QualityService quality;
  WorkerService workers;
  AdminService admin;
  std::unique_ptr<grpc::Server> server;  // Last: gone before the services.
};

RpcServer::RpcServer() = default;

absl::StatusOr<std::unique_ptr<RpcServer>> RpcServer::Start(const Options& options,
                                                            const Parts& parts) {
  grpc::EnableDefaultHealthCheckService(true);
  // The plug-in holds for every later server of this process.
  if (!options.authenticate) grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  ASSIGN_OR_RETURN(AccessPolicy policy, AccessPolicy::Make(ApiServices()));
  ASSIGN_OR_RETURN(const auto credentials,
                   MakeServerCredentials(options.tls, options.tls_look_every));
  auto server = absl::WrapUnique(new RpcServer());
  ASSIGN_OR_RETURN(server->listener_,
                   ConnectionListener::Listen(options.listen, options.connections));
  server->services_ = std::make_unique<Services>(std::move(policy), options, parts);
  grpc::ServerBuilder builder;
  auto acceptor = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD, credentials);
  if (!options.local_listen.empty()) {
    builder.AddListeningPort(options.local_listen, grpc::InsecureServerCredentials(),
                             &server->local_port_);
  }
  SetLimits(options, builder);
  server->services_->Register(builder);
  server->services_->server = builder.BuildAndStart();
  if (server->services_->server == nullptr) {
    return MakeError(
        absl::StatusCode::kUnavailable, "CANNOT_LISTEN",
        absl::StrCat("gRPC cannot serve at ", options.listen,
                     options.local_listen.empty() ? "" : " and ", options.local_listen));
  }
  server->listener_->Start(std::move(acceptor));
  for (const auto* service : ApiServices()) {
    server->services_->server->GetHealthCheckService()->SetServingStatus(service->full_name(),
                                                                         true);
  }
  return server;
}

RpcServer::~RpcServer() { Shutdown(absl::ZeroDuration()); }

void RpcServer::StopServing() {
  services_->server->GetHealthCheckService()->SetServingStatus(false);
}

void RpcServer::Shutdown(absl::Duration grace) {
  if (services_ == nullptr || services_->server == nullptr) return;
  listener_->Stop();
  services_->server->Shutdown(absl::ToChronoTime(absl::Now() + grace));
  services_->server->Wait();
  services_->server.reset();
}

}  // namespace quantd
