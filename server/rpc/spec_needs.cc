#include "server/rpc/spec_needs.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/digest.h"
#include "proto/wire/work_digest.h"

namespace quantd {
namespace {

constexpr char kPreset[] = "preset:";
constexpr char kDefaultModelFormat[] = "onnx";
constexpr char kDefaultExportFormat[] = "onnx_qdq";

class Collector {
 public:
  void Add(const std::string& kind, const std::string& id, const std::string& field) {
    if (!id.empty()) needs_.push_back({kind, id, field});
  }

  void Add(const std::string& axis, const v1::Component& component, const std::string& field) {
    if (!component.id().empty()) {
      needs_.push_back({axis, component.id(), field + ".id", &component});
    }
  }

  template <typename Components>
  void AddAll(const std::string& axis, const Components& components, const std::string& field) {
    for (int i = 0; i < components.size(); ++i) {
      Add(axis, components[i], absl::StrCat(field, "[", i, "]"));
    }
  }

  void AddTensor(const v1::TensorRecipe& recipe, const std::string& field) {
    Add("format", recipe.format(), field + ".format");
    Add("granularity", recipe.granularity(), field + ".granularity");
    Add("range", recipe.range(), field + ".range");
    Add("rounding", recipe.rounding(), field + ".rounding");
  }

  std::vector<Need> Take() { return std::move(needs_); }

 private:
  std::vector<Need> needs_;
};

std::vector<std::string> Sorted(std::vector<std::string> words) {
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  return words;
}

}  // namespace

std::vector<Need> NeedsOf(const v1::JobSpec& spec) {
  Collector needs;
  const std::string& format = spec.model().format();
  needs.Add("model", format.empty() ? kDefaultModelFormat : format, "spec.model.format");
  const v1::Recipe& recipe = spec.recipe();
  needs.Add("preset", recipe.preset(), "spec.recipe.preset");
  needs.AddAll("transform", recipe.transforms(), "spec.recipe.transforms");
  needs.AddTensor(recipe.weight(), "spec.recipe.weight");
  needs.AddTensor(recipe.activation(), "spec.recipe.activation");
  for (int i = 0; i < recipe.rules_size(); ++i) {
    const std::string field = absl::StrCat("spec.recipe.rules[", i, "]");
    needs.AddTensor(recipe.rules(i).weight(), field + ".weight");
    needs.AddTensor(recipe.rules(i).activation(), field + ".activation");
  }
  needs.Add("placement", recipe.placement(), "spec.recipe.placement");
  needs.AddAll("compensation", recipe.compensations(), "spec.recipe.compensations");
  needs.Add("allocation", recipe.allocation(), "spec.recipe.allocation");
  needs.Add("data", recipe.data(), "spec.recipe.data");
  needs.AddAll("recovery", recipe.recoveries(), "spec.recipe.recoveries");
  for (int i = 0; i < spec.evaluation().metrics_size(); ++i) {
    needs.Add("metric", spec.evaluation().metrics(i),
              absl::StrCat("spec.evaluation.metrics[", i, "]"));
  }
  for (int i = 0; i < spec.gates_size(); ++i) {
    needs.Add("metric", spec.gates(i).metric(), absl::StrCat("spec.gates[", i, "].metric"));
  }
  for (int i = 0; i < spec.exports_size(); ++i) {
    needs.Add("export", spec.exports(i).format(), absl::StrCat("spec.exports[", i, "].format"));
  }
  if (spec.exports().empty()) needs.Add("export", kDefaultExportFormat, "spec.exports");
  return needs.Take();
}

std::vector<std::string> RequirementsOf(const v1::JobSpec& spec) {
  std::vector<std::string> words;
  for (const Need& need : NeedsOf(spec)) words.push_back(need.Word());
  return Sorted(std::move(words));
}

std::vector<std::string> CapabilitiesOf(const v1::Catalogue& catalogue) {
  std::vector<std::string> words;
  for (const v1::Method& method : catalogue.methods()) {
    words.push_back(absl::StrCat(method.axis(), ":", method.id()));
  }
  for (const v1::Preset& preset : catalogue.presets()) words.push_back(kPreset + preset.id());
  for (const std::string& format : catalogue.model_formats()) words.push_back("model:" + format);
  for (const std::string& format : catalogue.export_formats()) words.push_back("export:" + format);
  for (const v1::MetricInfo& metric : catalogue.metrics()) words.push_back("metric:" + metric.id());
  return Sorted(std::move(words));
}

WorkerCatalogue ToCore(const v1::Catalogue& catalogue) {
  WorkerCatalogue core{.engine_version = catalogue.engine_version(),
                       .capabilities = CapabilitiesOf(catalogue),
                       .content = DeterministicBytes(catalogue)};
  core.digest = Sha256Hex(core.content);
  return core;
}

std::string PresetOf(const std::vector<std::string>& requirements) {
  for (const std::string& word : requirements) {
    if (absl::StartsWith(word, kPreset)) return word.substr(sizeof(kPreset) - 1);
  }
  return "";
}

}  // namespace quantd
