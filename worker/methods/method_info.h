// How a component describes itself: data that catalogues, validation and help are made from.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/methods/recipe.h"

namespace quantd {

enum class ParamType { kNumber, kInteger, kFlag };  // A flag is 0 or 1.

struct ParamSpec {
  absl::string_view name;
  ParamType type = ParamType::kNumber;
  absl::string_view unit;
  double min = 0;      // Inclusive.
  double max = 0;      // Inclusive.
  double initial = 0;  // What an absent parameter means.
  absl::string_view summary;
};

struct MethodInfo {
  absl::string_view id;
  absl::string_view axis;
  absl::string_view summary;
  absl::string_view paper;             // Where it comes from: arXiv number, or a name.
  std::span<const ParamSpec> params;
  absl::string_view needs;             // "calibration data", or empty.
};

// A component's parameters with defaults filled in.
class Params {
 public:
  // REQUIRES: CheckParams() found nothing wrong.
  Params(std::span<const ParamSpec> specs, const Component& component);
  double Get(absl::string_view name) const;

 private:
  std::map<std::string, double> values_;
};

struct ParamProblem {
  std::string reason;  // UNKNOWN_PARAMETER or PARAMETER_OUT_OF_RANGE.
  std::string name;
  std::string description;
};

// Everything wrong with the component's parameters.
std::vector<ParamProblem> CheckParams(std::span<const ParamSpec> specs, const Component& component);

}  // namespace quantd
