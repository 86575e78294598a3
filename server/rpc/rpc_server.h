// The gRPC server: all services on one port, with health and reflection. Health is answered to
// anybody and tells nothing of tenants; with authentication there is no reflection. Thread-safe.
#pragma once

#include <google/protobuf/descriptor.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "server/auth/audit_log.h"
#include "server/core/artifact_registry.h"
#include "server/core/blob_store.h"
#include "server/core/catalogue_registry.h"
#include "server/core/change_signal.h"
#include "server/core/garbage_collector.h"
#include "server/core/job_queue.h"
#include "server/core/tenant_registry.h"
#include "server/core/token_registry.h"
#include "server/http/metrics.h"
#include "server/rpc/connection_listener.h"
#include "server/rpc/server_credentials.h"

namespace quantd {

// The services of the API, as their descriptors.
std::vector<const google::protobuf::ServiceDescriptor*> ApiServices();

class RpcServer {
 public:
  // What the services work on. Everything is borrowed.
  struct Parts {
    JobQueue* queue;
    CatalogueRegistry* catalogues;
    ArtifactRegistry* artifacts;
    BlobStores* blobs;
    TenantRegistry* tenants;
    ChangeSignal* signal;
    TokenRegistry* tokens;
    GarbageCollector* garbage;
    Metrics* metrics;
    const Clock* clock;
    AuditLog* audit = nullptr;  // Null: nothing is recorded.
  };

  struct Options {
    std::string listen = "127.0.0.1:7460";  // Port 0: the system chooses.
    int threads_max =
        512;  // Calls at once, streams and long polls included; more are RESOURCE_EXHAUSTED.
    // Of these, those of one tenant, and as many of its workers.
    int tenant_calls_max = 170;
    // Another address, always without TLS: for this machine's workers, to whom no certificate is
    // made out. Empty: none.
    std::string local_listen;
    ConnectionLimits connections;  // Others are closed at once.
    TlsFiles tls;
    absl::Duration tls_look_every = absl::Seconds(1);  // How often those files are read again.
    // From the connection to the end of the TLS and HTTP/2 handshakes; who takes longer is cut off.
    absl::Duration handshake_timeout = absl::Seconds(10);
    bool authenticate = false;  // Whether every call needs a token of `tokens`.
    // A transfer whose client neither sends nor takes anything for so long is cut off.
    absl::Duration stream_idle_timeout = absl::Seconds(60);
    // A long call's caller is recognized again after so long, and cut off if that fails.
    absl::Duration review_callers_after = absl::Seconds(5);
    absl::Duration look_every = absl::Seconds(1);  // How often both are looked at.
  };

  // UNAVAILABLE, reason CANNOT_LISTEN; the errors of MakeServerCredentials() and
  // AccessPolicy::Make().
  static absl::StatusOr<std::unique_ptr<RpcServer>> Start(const Options& options,
                                                          const Parts& parts);
  ~RpcServer();

  int port() const { return listener_->port(); }
  int local_port() const { return local_port_; }  // 0 without `local_listen`.

  // Health, of the server and of each service, answers NOT_SERVING from now on; calls go on.
  void StopServing();

  // Ends: calls in progress get `grace`, then they are cancelled.
  void Shutdown(absl::Duration grace);

 private:
  RpcServer();
  struct Services;
  std::unique_ptr<ConnectionListener> listener_;
  std::unique_ptr<Services> services_;
  int local_port_ = 0;
};

}  // namespace quantd
