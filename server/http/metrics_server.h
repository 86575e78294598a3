// Serves /metrics over HTTP.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/http/metrics.h"

namespace prometheus {
class Exposer;
}

namespace quantd {

class MetricsServer {
 public:
  // `address` is "host:port"; port 0 lets the system choose. `metrics` is borrowed. UNAVAILABLE,
  // reason CANNOT_LISTEN, when it cannot listen there.
  static absl::StatusOr<std::unique_ptr<MetricsServer>> Start(const std::string& address,
                                                              const Metrics& metrics);
  ~MetricsServer();

  int port() const;

 private:
  MetricsServer() = default;
  std::unique_ptr<prometheus::Exposer> exposer_;
};

}  // namespace quantd
