#include "worker/quality/report.h"

namespace quantd {

const Metric* FindMetric(const QualityReport& report, const std::string& id) {
  for (const Metric& metric : report.metrics) {
    if (metric.id == id) return &metric;
  }
  return nullptr;
}

}  // namespace quantd
