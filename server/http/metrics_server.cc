#include "server/http/metrics_server.h"

#include <prometheus/collectable.h>
#include <prometheus/exposer.h>

#include <exception>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "common/error.h"

namespace quantd {
namespace {

constexpr size_t kThreads = 2;

}  // namespace

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Start(const std::string& address,
                                                                    const Metrics& metrics) {
  auto server = absl::WrapUnique(new MetricsServer());
  try {
    server->exposer_ = std::make_unique<prometheus::Exposer>(address, kThreads);
  } catch (const std::exception& error) {
    return MakeError(absl::StatusCode::kUnavailable, "CANNOT_LISTEN",
                     absl::StrCat("cannot listen on ", address,
                                  " for metrics; is another server running there? See "
                                  "--metrics-listen (",
                                  error.what(), ")"));
  }
  for (const std::weak_ptr<prometheus::Collectable>& collectable : metrics.collectables()) {
    server->exposer_->RegisterCollectable(collectable);
  }
  return server;
}

MetricsServer::~MetricsServer() = default;

int MetricsServer::port() const { return exposer_->GetListeningPorts().at(0); }

}  // namespace quantd
