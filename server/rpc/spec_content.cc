// Checks of a spec against what the server has: blobs, and the catalogues of its workers.
#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/rpc/spec_check.h"
#include "server/rpc/spec_forms.h"
#include "server/rpc/spec_needs.h"

namespace quantd {
namespace {

constexpr size_t kListedMax = 40;

std::string ReasonFor(const std::string& kind) {
  if (kind == "preset") return "UNKNOWN_PRESET";
  if (kind == "metric") return "UNKNOWN_METRIC";
  if (kind == "model" || kind == "export") return "UNKNOWN_FORMAT";
  return "UNKNOWN_METHOD";
}

// "known: a, b, c" of the words of one kind.
std::string KnownOf(const std::string& kind, const std::set<std::string>& words) {
  const std::string prefix = kind + ":";
  std::vector<absl::string_view> ids;
  for (const std::string& word : words) {
    if (absl::StartsWith(word, prefix))
      ids.push_back(absl::string_view(word).substr(prefix.size()));
  }
  if (ids.empty()) return "the workers offer none";
  const bool cut = ids.size() > kListedMax;
  if (cut) ids.resize(kListedMax);
  return absl::StrCat("known: ", absl::StrJoin(ids, ", "), cut ? ", ..." : "");
}

const v1::Method* FindMethod(const std::vector<v1::Catalogue>& catalogues, const Need& need) {
  for (const v1::Catalogue& catalogue : catalogues) {
    for (const v1::Method& method : catalogue.methods()) {
      if (method.axis() == need.kind && method.id() == need.id) return &method;
    }
  }
  return nullptr;
}

// What is wrong with a value; empty when nothing is. Numbers may be written as integers.
std::string Unfit(const v1::Parameter& parameter, const v1::ParameterValue& value) {
  const std::string& type = parameter.type();
  const bool integer = value.value_case() == v1::ParameterValue::kInteger;
  const bool number = integer || value.value_case() == v1::ParameterValue::kNumber;
  if (type == "integer" && !integer) return "must be an integer";
  if (type == "number" && !number) return "must be a number";
  if (type == "text" && value.value_case() != v1::ParameterValue::kText) return "must be text";
  if (type == "flag" && value.value_case() != v1::ParameterValue::kFlag)
    return "must be true or false";
  if (!number) return "";
  const double x = integer ? static_cast<double>(value.integer()) : value.number();
  if (x >= parameter.minimum() && x <= parameter.maximum()) return "";
  return absl::StrCat(x, " is not in ", parameter.minimum(), " to ", parameter.maximum());
}

void CheckParameters(const Need& need, const v1::Method& method, SpecProblems& problems) {
  const std::string component(absl::string_view(need.field).substr(0, need.field.rfind(".id")));
  for (const auto& [name, value] : std::map<std::string, v1::ParameterValue>(
           need.component->parameters().begin(), need.component->parameters().end())) {
    const std::string field = absl::StrCat(component, ".parameters[", name, "]");
    const auto known = std::find_if(method.parameters().begin(), method.parameters().end(),
                                    [&](const v1::Parameter& p) { return p.name() == name; });
    if (known == method.parameters().end()) {
      problems.Add("UNKNOWN_PARAMETER", field,
                   absl::StrCat("'", need.id, "' has no such parameter; see quantctl methods ",
                                need.kind, " ", need.id));
      continue;
    }
    const std::string unfit = Unfit(*known, value);
    if (!unfit.empty()) problems.Add("PARAMETER_OUT_OF_RANGE", field, unfit);
  }
}

void CheckContent(const google::protobuf::RepeatedPtrField<v1::FileRef>& files,
                  const std::string& field, BlobStore& blobs, SpecProblems& problems) {
  for (int i = 0; i < files.size(); ++i) {
    const std::string at = absl::StrCat(field, "[", i, "]");
    const absl::StatusOr<int64_t> size = blobs.Use(files[i].digest());
    if (!size.ok()) {
      problems.Add("MISSING_BLOB", at + ".digest",
                   absl::StrCat("the content of '", files[i].name(), "' has not been uploaded"));
    } else if (*size != files[i].size_bytes()) {
      problems.Add("MISSING_BLOB", at + ".size_bytes",
                   absl::StrCat("'", files[i].name(), "' has ", *size, " bytes, not ",
                                files[i].size_bytes()));
    }
  }
}

bool HasLabels(const v1::DataInput& data) {
  return data.labels().source_case() != v1::LabelSource::SOURCE_NOT_SET;
}

void CheckGatesHaveLabels(const v1::JobSpec& spec, const std::vector<v1::Catalogue>& catalogues,
                          SpecProblems& problems) {
  if (HasLabels(spec.has_evaluation_data() ? spec.evaluation_data() : spec.data())) return;
  for (int i = 0; i < spec.gates_size(); ++i) {
    for (const v1::Catalogue& catalogue : catalogues) {
      const auto metric =
          std::find_if(catalogue.metrics().begin(), catalogue.metrics().end(),
                       [&](const v1::MetricInfo& m) { return m.id() == spec.gates(i).metric(); });
      if (metric == catalogue.metrics().end() || !metric->needs_labels()) continue;
      problems.Add(
          "LABELS_NEEDED", absl::StrCat("spec.gates[", i, "].metric"),
          absl::StrCat("'", metric->id(), "' needs labels, and the evaluation data has none; set ",
                       "its labels"));
      break;
    }
  }
}

}  // namespace

void CheckBlobs(const v1::JobSpec& spec, BlobStore& blobs, SpecProblems& problems) {
  CheckContent(spec.model().files(), "spec.model.files", blobs, problems);
  CheckContent(spec.data().files(), "spec.data.files", blobs, problems);
  CheckContent(spec.evaluation_data().files(), "spec.evaluation_data.files", blobs, problems);
}

void CheckAgainstCatalogues(const v1::JobSpec& spec, const std::vector<v1::Catalogue>& catalogues,
                            SpecProblems& problems) {
  std::set<std::string> offered;
  for (const v1::Catalogue& catalogue : catalogues) {
    for (std::string& word : CapabilitiesOf(catalogue)) offered.insert(std::move(word));
  }
  for (const Need& need : NeedsOf(spec)) {
    if (!offered.contains(need.Word())) {
      problems.Add(ReasonFor(need.kind), need.field,
                   absl::StrCat("there is no ", need.kind, " '", need.id, "'; ",
                                KnownOf(need.kind, offered)));
    } else if (need.component != nullptr) {
      CheckParameters(need, *FindMethod(catalogues, need), problems);
    }
  }
  CheckGatesHaveLabels(spec, catalogues, problems);
  CheckExportForms(spec, catalogues, problems);
}

}  // namespace quantd
