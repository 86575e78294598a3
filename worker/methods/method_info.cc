#include "worker/methods/method_info.h"

#include <cmath>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/check.h"

namespace quantd {
namespace {

std::optional<double> AsNumber(const ParamValue& value) {
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? 1 : 0;
  if (const auto* integer = std::get_if<int64_t>(&value)) return static_cast<double>(*integer);
  return std::nullopt;
}

const ParamSpec* Find(std::span<const ParamSpec> specs, absl::string_view name) {
  for (const ParamSpec& spec : specs) {
    if (spec.name == name) return &spec;
  }
  return nullptr;
}

}  // namespace

Params::Params(std::span<const ParamSpec> specs, const Component& component) {
  for (const ParamSpec& spec : specs) {
    const auto it = component.params.find(std::string(spec.name));
    values_[std::string(spec.name)] =
        it == component.params.end() ? spec.initial : AsNumber(it->second).value();
  }
}

double Params::Get(absl::string_view name) const {
  const auto it = values_.find(std::string(name));
  QUANTD_CHECK(it != values_.end());
  return it->second;
}

std::vector<ParamProblem> CheckParams(std::span<const ParamSpec> specs, const Component& component) {
  std::vector<ParamProblem> problems;
  for (const auto& [name, value] : component.params) {
    const ParamSpec* spec = Find(specs, name);
    if (spec == nullptr) {
      const std::string known = absl::StrJoin(
          specs, ", ", [](std::string* out, const ParamSpec& s) { absl::StrAppend(out, s.name); });
      problems.push_back({"UNKNOWN_PARAMETER", name,
                          known.empty() ? absl::StrCat("'", component.id, "' takes no parameters")
                                        : absl::StrCat("'", component.id, "' takes: ", known)});
      continue;
    }
    const std::optional<double> number = AsNumber(value);
    const bool is_flag = std::holds_alternative<bool>(value);
    const bool whole = number && is_flag == (spec->type == ParamType::kFlag) &&
                       (spec->type == ParamType::kNumber || std::floor(*number) == *number);
    if (!whole || !(*number >= spec->min && *number <= spec->max)) {
      problems.push_back({"PARAMETER_OUT_OF_RANGE", name,
                          spec->type == ParamType::kFlag
                              ? "must be true or false"
                              : absl::StrCat("must be ", spec->type == ParamType::kInteger ? "an integer" : "a number",
                                             " from ", spec->min, " to ", spec->max)});
    }
  }
  return problems;
}

}  // namespace quantd
