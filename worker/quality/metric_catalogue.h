// What every metric is, for catalogues and for checking requests.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace quantd {

struct MetricInfo {
  std::string id;
  std::string summary;  // One sentence: what is compared with what.
  std::string unit;
  bool needs_labels = false;
  bool needs_classes = false;  // Only for models with one output [rows, classes].
};

// Every metric that Summarize() can report, in the order in which it reports them.
const std::vector<MetricInfo>& MetricCatalogue();

// INVALID_ARGUMENT, reason UNKNOWN_METRIC, naming "<field>[i]" for each id that is not in the
// catalogue.
absl::Status CheckMetricIds(const std::vector<std::string>& ids, absl::string_view field);

}  // namespace quantd
