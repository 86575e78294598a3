// The gRPC server: all services on one port, with health and reflection. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "server/core/artifact_registry.h"
#include "server/core/blob_store.h"
#include "server/core/catalogue_registry.h"
#include "server/core/change_signal.h"
#include "server/core/job_queue.h"
#include "server/http/metrics.h"

namespace quantd {

class RpcServer {
 public:
  // What the services work on. Everything is borrowed.
  struct Parts {
    JobQueue* queue;
    CatalogueRegistry* catalogues;
    ArtifactRegistry* artifacts;
    BlobStore* blobs;
    ChangeSignal* signal;
    Metrics* metrics;
    const Clock* clock;
  };

  struct Options {
    std::string listen = "127.0.0.1:7460";  // Port 0: the system chooses.
    int threads_max =
        512;  // Calls at once, streams and long polls included; more are RESOURCE_EXHAUSTED.
  };

  // UNAVAILABLE, reason CANNOT_LISTEN.
  static absl::StatusOr<std::unique_ptr<RpcServer>> Start(const Options& options,
                                                          const Parts& parts);
  ~RpcServer();

  int port() const { return port_; }

  // Health, of the server and of each service, answers NOT_SERVING from now on; calls go on.
  void StopServing();

  // Ends: calls in progress get `grace`, then they are cancelled.
  void Shutdown(absl::Duration grace);

 private:
  RpcServer();
  struct Services;
  std::unique_ptr<Services> services_;
  int port_ = 0;
};

}  // namespace quantd
