#include "server/app/server_process.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/clock.h"
#include "common/errno_status.h"
#include "common/error.h"
#include "common/file.h"
#include "common/file_system.h"
#include "common/status_macros.h"
#include "proto/wire/grpc_log.h"
#include "server/app/maintenance.h"
#include "server/app/security.h"
#include "server/app/supervisor/worker_supervisor.h"
#include "server/app/upgrade.h"
#include "server/auth/audit_log.h"
#include "server/blob/local_dir/local_dir_blob_stores.h"
#include "server/core/artifact_registry.h"
#include "server/core/catalogue_registry.h"
#include "server/core/garbage_collector.h"
#include "server/core/job_queue.h"
#include "server/core/tenant_registry.h"
#include "server/core/token_registry.h"
#include "server/http/metrics.h"
#include "server/http/metrics_server.h"
#include "server/rpc/rpc_server.h"
#include "server/store/sqlite/sqlite_job_store.h"

namespace quantd {
namespace {

constexpr int kExitWrongOptions = 2;
constexpr int kExitCannotWork = 3;
constexpr absl::Duration kCallsGrace = absl::Seconds(5);
constexpr absl::Duration kMaintenanceIntervalMax = absl::Seconds(1);

// What holds for tenants without limits of their own.
TenantLimits TenantDefaults(const ServerConfig& config) {
  TenantLimits limits;
  if (config.queued_jobs_max > 0) limits.queued_jobs_max = config.queued_jobs_max;
  if (config.running_jobs_max > 0) limits.running_jobs_max = config.running_jobs_max;
  if (config.stored_bytes_max > 0) limits.stored_bytes_max = config.stored_bytes_max;
  if (config.retention > absl::ZeroDuration()) limits.retention = config.retention;
  if (config.calls_per_second > 0) limits.calls_per_second = config.calls_per_second;
  return limits;
}

// By default no tenant can take what the others need.
int TenantCallsMax(const ServerConfig& config) {
  return config.tenant_calls_max > 0 ? config.tenant_calls_max : std::max(1, config.calls_max / 3);
}

// By default no address can take what the others need.
ConnectionLimits Connections(const ServerConfig& config) {
  return {.connections_max = config.connections_max,
          .per_address_max = config.connections_per_address_max > 0
                                 ? config.connections_per_address_max
                                 : std::max(1, config.connections_max / 2)};
}

// Where a worker on this machine finds a server that listens on `listen`.
std::string LocalAddress(const std::string& listen, int port) {
  const std::string host = listen.substr(0, listen.rfind(':'));
  const bool any = host.empty() || host == "0.0.0.0" || host == "[::]";
  return absl::StrCat(any ? "127.0.0.1" : host, ":", port);
}

// Whether another try on the same machine must fail in the same way: what it was told is wrong.
int ExitCodeOf(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || GetErrorDetails(status).reason == "EXPOSED"
             ? kExitWrongOptions
             : kExitCannotWork;
}

// SIGHUP opens the audit log anew; the others stop the server.
sigset_t HandledSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  return signals;
}

// A connection takes two descriptors, a call up to two more (a blob and its folder).
void AllowOpenFiles(int connections_max) {
  constexpr rlim_t kOthers = 1024;
  const rlim_t needed = kOthers + 4 * static_cast<rlim_t>(connections_max);
  rlimit limit;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed) return;
  limit.rlim_cur = std::min(needed, limit.rlim_max);
  if (::setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == needed) return;
  LOG_WARNING("the limit on open files may be too low for --connections-max",
              {{"limit", absl::StrCat(limit.rlim_cur)}, {"needed", absl::StrCat(needed)}});
}

// Everything that lives as long as the server, in order of construction.
class Server {
 public:
  explicit Server(const ServerConfig& config) : config_(config), ids_(&clock_) {}

  absl::Status Start() {
    RETURN_IF_ERROR(CheckExposure(config_));
    RETURN_IF_ERROR(CreateFolders(files_, config_.data_dir));
    ASSIGN_OR_RETURN(store_, SqliteJobStore::Open(config_.data_dir + "/quantd.db"));
    RETURN_IF_ERROR(UpgradeData(*store_, files_, BlobsFolder()));
    ASSIGN_OR_RETURN(blobs_, LocalDirBlobStores::Open(&files_, &clock_, BlobsFolder()));
    queue_ = std::make_unique<JobQueue>(QueueOptions{.lease_length = config_.lease_length,
                                                     .tenant_defaults = TenantDefaults(config_)},
                                        store_.get(), blobs_.get(), &clock_, &ids_, &signal_);
    catalogues_ = std::make_unique<CatalogueRegistry>(store_.get(), &clock_);
    artifacts_ = std::make_unique<ArtifactRegistry>(store_.get(), blobs_.get(), &clock_, &ids_);
    RETURN_IF_ERROR(SetUpAccess());
    RETURN_IF_ERROR(queue_->RenewRunningLeases());
    garbage_ = std::make_unique<GarbageCollector>(
        GarbageCollector::Options{
            .blob_grace = config_.blob_grace,
            .observer = [this](const GarbageReport& report) { metrics_.CountGarbage(report); }},
        store_.get(), blobs_.get(), tenants_.get(), &clock_);
    maintenance_ = std::make_unique<Maintenance>(
        Maintenance::Parts{.queue = queue_.get(), .garbage = garbage_.get(), .audit = audit_.get()},
        Maintenance::Intervals{.queue = std::min(config_.lease_length / 4, kMaintenanceIntervalMax),
                               .garbage = config_.garbage_interval});
    RETURN_IF_ERROR(RemovePortFile());
    RETURN_IF_ERROR(StartListening());
    if (!config_.embedded && config_.workers > 1) {
      LOG_WARNING("no worker is started: --workers takes effect with --embedded only", {});
    }
    return config_.embedded ? StartWorkers() : absl::OkStatus();
  }

  // The audit log was moved away.
  void ReopenAuditLog() {
    if (audit_ == nullptr) return;
    if (const absl::Status status = audit_->Reopen(); !status.ok()) {
      LOG_ERROR("the audit log stays where it was", {{"error", FormatStatus(status)}});
    }
  }

  // Running jobs are handed back, nothing new begins, calls in progress end.
  void Drain() {
    rpc_->StopServing();
    signal_.Close();
    if (supervisor_) supervisor_->Drain(config_.drain_timeout);
    rpc_->Shutdown(kCallsGrace);
    if (const absl::Status status = RemovePortFile(); !status.ok()) {
      LOG_WARNING("the port file stays", {{"error", std::string(status.message())}});
    }
  }

 private:
  std::string BlobsFolder() const { return config_.data_dir + "/blobs"; }

  // Whoever waits for the file must not read the ports of a server that has ended. While the data
  // folder is locked, it is not the file of another one that lives.
  absl::Status RemovePortFile() const {
    if (config_.port_file.empty() || ::unlink(config_.port_file.c_str()) == 0 || errno == ENOENT) {
      return absl::OkStatus();
    }
    return ErrnoStatus("remove", config_.port_file);
  }

  absl::Status SetUpAccess() {
    tenants_ = std::make_unique<TenantRegistry>(store_.get(), TenantDefaults(config_));
    tokens_ = std::make_unique<TokenRegistry>(store_.get(), &clock_, &ids_);
    if (config_.audit_log != "none") {
      ASSIGN_OR_RETURN(audit_,
                       AuditLog::Open(config_.audit_log.empty() ? config_.data_dir + "/audit.log"
                                                                : config_.audit_log));
    }
    if (config_.auth != AuthMode::kToken) return absl::OkStatus();
    RETURN_IF_ERROR(AddAdminToken(config_.admin_token_file.empty()
                                      ? config_.data_dir + "/admin.token"
                                      : config_.admin_token_file,
                                  *tokens_));
    return config_.embedded ? AddWorkerToken(WorkerTokenFile(), *tokens_) : absl::OkStatus();
  }

  std::string WorkerTokenFile() const { return config_.data_dir + "/worker.token"; }

  // Embedded workers of a server with TLS come in by a door of their own.
  std::string LocalListen() const {
    return config_.embedded && config_.tls.enabled() ? "127.0.0.1:0" : "";
  }

  std::string WorkersAddress() const {
    return rpc_->local_port() > 0 ? LocalAddress("127.0.0.1:0", rpc_->local_port())
                                  : LocalAddress(config_.listen, rpc_->port());
  }

  absl::Status StartListening() {
    metrics_.WatchQueue([this] { return queue_->Count(); }, [this] { return clock_.Now(); });
    metrics_.WatchStorage([this] { return StoredBytes(*blobs_); });
    if (config_.metrics_listen != "none") {
      ASSIGN_OR_RETURN(metrics_server_, MetricsServer::Start(config_.metrics_listen, metrics_));
    }
    ASSIGN_OR_RETURN(rpc_, RpcServer::Start({.listen = config_.listen,
                                             .threads_max = config_.calls_max,
                                             .tenant_calls_max = TenantCallsMax(config_),
                                             .local_listen = LocalListen(),
                                             .connections = Connections(config_),
                                             .tls = config_.tls,
                                             .authenticate = config_.auth == AuthMode::kToken,
                                             .stream_idle_timeout = config_.stream_idle_timeout},
                                            {.queue = queue_.get(),
                                             .catalogues = catalogues_.get(),
                                             .artifacts = artifacts_.get(),
                                             .blobs = blobs_.get(),
                                             .tenants = tenants_.get(),
                                             .signal = &signal_,
                                             .tokens = tokens_.get(),
                                             .garbage = garbage_.get(),
                                             .metrics = &metrics_,
                                             .clock = &clock_,
                                             .audit = audit_.get()}));
    const int metrics_port = metrics_server_ ? metrics_server_->port() : 0;
    LOG_INFO("serving", {{"grpc", absl::StrCat(rpc_->port())},
                         {"metrics", absl::StrCat(metrics_port)},
                         {"data", config_.data_dir}});
    if (config_.port_file.empty()) return absl::OkStatus();
    const nlohmann::json ports = {{"grpc", rpc_->port()}, {"metrics", metrics_port}};
    return WriteFileAtomically(config_.port_file, ports.dump());
  }

  absl::Status StartWorkers() {
    const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    const int threads =
        config_.worker_threads > 0 ? config_.worker_threads : std::max(1, cores / config_.workers);
    ASSIGN_OR_RETURN(const std::string binary, WorkerBinary());
    std::vector<WorkerCommand> commands;
    for (int i = 1; i <= config_.workers; ++i) {
      const std::string name = absl::StrCat("embedded-", i);
      WorkerCommand command{
          .name = name,
          .arguments = {binary, "--server", WorkersAddress(), "--worker-name", name, "--data-dir",
                        absl::StrCat(config_.data_dir, "/workers/", i), "--threads",
                        absl::StrCat(threads)}};
      if (config_.auth == AuthMode::kToken) {
        command.arguments.insert(command.arguments.end(), {"--token-file", WorkerTokenFile()});
      }
      if (config_.require_sandbox) command.arguments.push_back("--require-sandbox");
      const std::vector<std::string> log_flags = LogFlags(config_.log);
      command.arguments.insert(command.arguments.end(), log_flags.begin(), log_flags.end());
      commands.push_back(std::move(command));
    }
    ASSIGN_OR_RETURN(supervisor_, WorkerSupervisor::Start(std::move(commands)));
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> WorkerBinary() const {
    if (!config_.worker_binary.empty()) return config_.worker_binary;
    return DefaultWorkerBinary();
  }

  const ServerConfig config_;
  SystemClock clock_;
  UlidSource ids_;
  ChangeSignal signal_;
  Metrics metrics_;
  PosixFileSystem files_;
  std::unique_ptr<SqliteJobStore> store_;
  std::unique_ptr<LocalDirBlobStores> blobs_;
  std::unique_ptr<JobQueue> queue_;
  std::unique_ptr<CatalogueRegistry> catalogues_;
  std::unique_ptr<ArtifactRegistry> artifacts_;
  std::unique_ptr<TenantRegistry> tenants_;
  std::unique_ptr<TokenRegistry> tokens_;
  std::unique_ptr<AuditLog> audit_;
  std::unique_ptr<GarbageCollector> garbage_;
  std::unique_ptr<Maintenance> maintenance_;
  std::unique_ptr<MetricsServer> metrics_server_;
  std::unique_ptr<RpcServer> rpc_;
  std::unique_ptr<WorkerSupervisor> supervisor_;
};

}  // namespace

int RunServer(const ServerConfig& config) {
  // Models and results are nobody else's business on this machine.
  ::umask(077);
  // Blocked before any thread starts, so that every thread inherits it; this one waits for them.
  const sigset_t signals = HandledSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  SendGrpcMessagesToLog();
  AllowOpenFiles(config.connections_max);
  Server server(config);
  if (const absl::Status status = server.Start(); !status.ok()) {
    LOG_ERROR("cannot start", {{"error", std::string(status.message())}});
    return ExitCodeOf(status);
  }
  int received = 0;
  while (sigwait(&signals, &received) == 0 && received == SIGHUP) server.ReopenAuditLog();
  LOG_INFO("draining", {{"signal", absl::StrCat(received)}});
  server.Drain();
  LOG_INFO("stopped", {});
  return 0;
}

}  // namespace quantd
