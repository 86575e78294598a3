#include "server/http/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <vector>

#include "common/error.h"
#include "common/log.h"
#include "server/core/job_codec.h"

namespace quantd {
namespace {

using prometheus::Histogram;

const Histogram::BucketBoundaries kCallSeconds = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                  0.1,    0.25,  0.5,    1,     2.5,  10,    60};
const Histogram::BucketBoundaries kStageSeconds = {0.01, 0.05, 0.1, 0.5, 1,    5,    10,
                                                   30,   60,   300, 900, 3600, 14400};

std::string Text(absl::string_view text) { return std::string(text); }

}  // namespace

// Asks the queue when Prometheus asks us: gauges that are computed, never maintained, cannot drift.
class Metrics::QueueCollector final : public prometheus::Collectable {
 public:
  QueueCollector(std::function<absl::StatusOr<QueueCounts>()> count,
                 std::function<absl::Time()> now)
      : count_(std::move(count)), now_(std::move(now)) {}

  std::vector<prometheus::MetricFamily> Collect() const override {
    const absl::StatusOr<QueueCounts> counts = count_();
    if (!counts.ok()) {
      LOG_WARNING("cannot count jobs", {{"error", FormatStatus(counts.status())}});
      return {};
    }
    prometheus::MetricFamily jobs{
        "quantd_jobs", "Jobs in the store, by state.", prometheus::MetricType::Gauge, {}};
    for (const JobState state : kJobStates) {
      const auto found = counts->jobs.find(state);
      jobs.metric.push_back(
          Gauge(found == counts->jobs.end() ? 0 : static_cast<double>(found->second)));
      jobs.metric.back().label.push_back({"state", Text(ToText(state))});
    }
    prometheus::MetricFamily age{"quantd_queue_oldest_age_seconds",
                                 "Age of the oldest queued job; 0 when none is queued.",
                                 prometheus::MetricType::Gauge,
                                 {}};
    age.metric.push_back(
        Gauge(counts->oldest_queued ? absl::ToDoubleSeconds(now_() - *counts->oldest_queued) : 0));
    prometheus::MetricFamily damaged{"quantd_jobs_damaged",
                                     "Jobs set aside because their record does not decode.",
                                     prometheus::MetricType::Gauge,
                                     {}};
    damaged.metric.push_back(Gauge(static_cast<double>(counts->damaged)));
    return {jobs, age, damaged};
  }

 private:
  static prometheus::ClientMetric Gauge(double value) {
    prometheus::ClientMetric metric;
    metric.gauge.value = value;
    return metric;
  }

  std::function<absl::StatusOr<QueueCounts>()> count_;
  std::function<absl::Time()> now_;
};

class Metrics::StorageCollector final : public prometheus::Collectable {
 public:
  explicit StorageCollector(std::function<int64_t()> stored_bytes)
      : stored_bytes_(std::move(stored_bytes)) {}

  std::vector<prometheus::MetricFamily> Collect() const override {
    prometheus::ClientMetric metric;
    metric.gauge.value = static_cast<double>(stored_bytes_());
    return {{"quantd_stored_bytes",
             "Bytes of blobs and uploads of all tenants.",
             prometheus::MetricType::Gauge,
             {metric}}};
  }

 private:
  std::function<int64_t()> stored_bytes_;
};

struct Metrics::Families {
  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();
  prometheus::Family<prometheus::Counter>& calls =
      prometheus::BuildCounter()
          .Name("quantd_rpc_total")
          .Help("Finished calls, by method and status code.")
          .Register(*registry);
  prometheus::Family<Histogram>& call_seconds =
      prometheus::BuildHistogram()
          .Name("quantd_rpc_duration_seconds")
          .Help("Duration of finished calls, by method; streams and long polls included.")
          .Register(*registry);
  prometheus::Family<prometheus::Counter>& blob_bytes =
      prometheus::BuildCounter()
          .Name("quantd_blob_bytes_total")
          .Help("Bytes of blobs received (in) and sent (out).")
          .Register(*registry);
  prometheus::Family<prometheus::Counter>& attempts =
      prometheus::BuildCounter()
          .Name("quantd_attempts_total")
          .Help("Attempts that workers ended, by outcome.")
          .Register(*registry);
  prometheus::Counter& leases = prometheus::BuildCounter()
                                    .Name("quantd_leases_total")
                                    .Help("Leases granted to workers.")
                                    .Register(*registry)
                                    .Add({});
  prometheus::Counter& cached = prometheus::BuildCounter()
                                    .Name("quantd_cached_jobs_total")
                                    .Help("Jobs answered at once with an earlier job's result.")
                                    .Register(*registry)
                                    .Add({});
  prometheus::Family<Histogram>& stage_seconds =
      prometheus::BuildHistogram()
          .Name("quantd_stage_duration_seconds")
          .Help("Duration of the stages of succeeded jobs.")
          .Register(*registry);
  prometheus::Family<prometheus::Counter>& collected =
      prometheus::BuildCounter()
          .Name("quantd_garbage_total")
          .Help("What was removed because its time was over, by kind.")
          .Register(*registry);
  prometheus::Counter& collected_bytes = prometheus::BuildCounter()
                                             .Name("quantd_garbage_bytes_total")
                                             .Help("Bytes of removed blobs.")
                                             .Register(*registry)
                                             .Add({});
  std::shared_ptr<QueueCollector> queue;
  std::shared_ptr<StorageCollector> storage;
};

Metrics::Metrics() : families_(std::make_unique<Families>()) {}
Metrics::~Metrics() = default;

void Metrics::CountCall(absl::string_view method, absl::string_view code, absl::Duration took) {
  families_->calls.Add({{"method", Text(method)}, {"code", Text(code)}}).Increment();
  families_->call_seconds.Add({{"method", Text(method)}}, kCallSeconds)
      .Observe(absl::ToDoubleSeconds(took));
}

void Metrics::CountBlobBytes(Direction direction, int64_t bytes) {
  families_->blob_bytes.Add({{"direction", direction == Direction::kIn ? "in" : "out"}})
      .Increment(static_cast<double>(bytes));
}

void Metrics::CountAttempt(absl::string_view outcome) {
  families_->attempts.Add({{"outcome", Text(outcome)}}).Increment();
}

void Metrics::CountLease() { families_->leases.Increment(); }

void Metrics::CountCachedJob() { families_->cached.Increment(); }

void Metrics::ObserveStage(absl::string_view stage, double seconds) {
  // The name comes from a job's process: it must not make time series as it likes.
  constexpr absl::string_view kStages[] = {"import",   "plan",     "calibrate", "transform",
                                           "quantize", "evaluate", "export",    "report"};
  if (std::find(std::begin(kStages), std::end(kStages), stage) == std::end(kStages)) {
    stage = "other";
  }
  families_->stage_seconds.Add({{"stage", Text(stage)}}, kStageSeconds).Observe(seconds);
}

void Metrics::WatchQueue(std::function<absl::StatusOr<QueueCounts>()> count,
                         std::function<absl::Time()> now) {
  families_->queue = std::make_shared<QueueCollector>(std::move(count), std::move(now));
}

void Metrics::CountGarbage(const GarbageReport& report) {
  const std::pair<const char*, int64_t> counts[] = {{"job", report.removed_jobs},
                                                    {"artifact", report.removed_artifacts},
                                                    {"blob", report.removed_blobs},
                                                    {"upload", report.removed_uploads}};
  for (const auto& [kind, count] : counts) {
    families_->collected.Add({{"kind", kind}}).Increment(static_cast<double>(count));
  }
  families_->collected_bytes.Increment(static_cast<double>(report.removed_bytes));
}

void Metrics::WatchStorage(std::function<int64_t()> stored_bytes) {
  families_->storage = std::make_shared<StorageCollector>(std::move(stored_bytes));
}

std::vector<std::weak_ptr<prometheus::Collectable>> Metrics::collectables() const {
  std::vector<std::weak_ptr<prometheus::Collectable>> all = {families_->registry};
  if (families_->queue) all.push_back(families_->queue);
  if (families_->storage) all.push_back(families_->storage);
  return all;
}

}  // namespace quantd
