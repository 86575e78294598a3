// What a job needs of a worker, and what a worker offers, in one vocabulary of words:
// "preset:w8a8-mse", "range:mse", "metric:kl", "export:onnx_qdq", "model:onnx". The core matches
// the words without knowing what they mean. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "quantd/v1/quality.pb.h"
#include "quantd/v1/spec.pb.h"
#include "server/core/job.h"

namespace quantd {

struct Need {
  std::string kind;  // "preset", "metric", "export", "model", or an axis of the recipe.
  std::string id;
  std::string field;                         // Where the spec says it.
  const v1::Component* component = nullptr;  // Into the spec; null for what has no parameters.

  std::string Word() const { return kind + ":" + id; }
};

// In the order of the spec. Components without an id are left out.
std::vector<Need> NeedsOf(const v1::JobSpec& spec);

// Sorted, each once.
std::vector<std::string> RequirementsOf(const v1::JobSpec& spec);

// Sorted, each once.
std::vector<std::string> CapabilitiesOf(const v1::Catalogue& catalogue);

// A worker's announcement as the core keeps it.
WorkerCatalogue ToCore(const v1::Catalogue& catalogue);

// The preset among requirements; empty when there is none.
std::string PresetOf(const std::vector<std::string>& requirements);

}  // namespace quantd
