#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/gate.h"
#include "common/stats/bootstrap.h"
#include "common/stats/fraction.h"
#include "server/rpc/convert_time.h"
#include "server/rpc/spec_check.h"
#include "server/rpc/spec_needs.h"

namespace quantd {
namespace {

constexpr char kInvalid[] = "INVALID_SPEC";
constexpr size_t kSpecBytesMax = 16 << 20;
constexpr int kModelFilesMax = 4096;
constexpr int kDataFilesMax = 1'000'000;
constexpr int kBindingsMax = 256;
constexpr int kPixelsMax = 65'535;
constexpr int kChannelValuesMax = 4096;
constexpr int kRowsMax = 1'000'000;
constexpr int kBatchRowsMax = 65'536;
constexpr int kMetricsMax = 64;
constexpr int kComponentsMax = 64;
constexpr int kParametersMax = 64;
constexpr int kRulesMax = 1024;
constexpr int kExportsMax = 8;
constexpr int kGatesMax = 64;
constexpr int kPriorityMax = 100;
constexpr int kAttemptsMax = 10;
constexpr int kThreadsMax = 1024;
constexpr size_t kIdBytesMax = 64;
// Files that every artifact holds beside its exports.
constexpr const char* kReservedFileNames[] = {"report.html", "report.json", "rows.csv"};

bool IsId(absl::string_view text) {
  return !text.empty() && text.size() <= kIdBytesMax &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(c) || c == '_' || c == '-' || c == '.';
         });
}

class StructureCheck {
 public:
  explicit StructureCheck(SpecProblems& problems) : problems_(problems) {}

  void Model(const v1::ModelInput& model) {
    CheckFiles(model.files(), "spec.model.files", problems_, kModelFilesMax);
    const auto is_main = [&](const v1::FileRef& file) { return file.name() == model.main_file(); };
    if (model.main_file().empty() && model.files_size() > 1) {
      Add("spec.model.main_file", "is missing: there are several files, name the one to open");
    } else if (!model.main_file().empty() &&
               std::none_of(model.files().begin(), model.files().end(), is_main)) {
      Add("spec.model.main_file", "names none of spec.model.files");
    }
  }

  void Data(const v1::DataInput& data, const std::string& field) {
    CheckFiles(data.files(), field + ".files", problems_, kDataFilesMax);
    if (!v1::DataInput::Format_IsValid(data.format())) Add(field + ".format", "is no format");
    Count(data.bindings().size(), kBindingsMax, field + ".bindings");
    Preprocessing(data.preprocessing(), field + ".preprocessing");
    Range(data.labels().column(), 0, kRowsMax, field + ".labels.column");
  }

  void Recipe(const v1::Recipe& recipe) {
    if (recipe.ByteSizeLong() == 0) {
      Add("spec.recipe", "is missing: name a preset or give components");
    }
    Components(recipe.transforms(), "spec.recipe.transforms");
    Components(recipe.compensations(), "spec.recipe.compensations");
    Components(recipe.recoveries(), "spec.recipe.recoveries");
    Count(recipe.rules_size(), kRulesMax, "spec.recipe.rules");
    for (int i = 0; i < recipe.rules_size(); ++i) {
      const v1::LayerRule& rule = recipe.rules(i);
      if (rule.op_type().empty() && rule.node_name().empty()) {
        Add(absl::StrCat("spec.recipe.rules[", i, "]"),
            "has no pattern, which would match every node; write '*' to mean that");
      }
      if (rule.exclude() && (rule.has_weight() || rule.has_activation())) {
        Add(absl::StrCat("spec.recipe.rules[", i, "]"),
            "excludes nodes and says how to quantize them; write two rules, or one of both");
      }
    }
  }

  // Names end up in lists of words, so they are words.
  void Needs(const v1::JobSpec& spec) {
    for (const Need& need : NeedsOf(spec)) {
      if (!IsId(need.id)) {
        Add(need.field, absl::StrCat("'", absl::CHexEscape(need.id.substr(0, kIdBytesMax)),
                                     "' is no id: up to 64 letters, digits, '_', '-' and '.'"));
      }
      if (need.component != nullptr) {
        Count(need.component->parameters().size(), kParametersMax, need.field);
      }
    }
  }

  void Calibration(const v1::CalibrationSpec& calibration) {
    Range(calibration.rows(), 0, kRowsMax, "spec.calibration.rows");
    Range(calibration.batch_rows(), 0, kBatchRowsMax, "spec.calibration.batch_rows");
  }

  void Evaluation(const v1::EvaluationSpec& evaluation) {
    if (evaluation.has_alpha()) {
      problems_.Add(MakeLevel(evaluation.alpha().numerator(), evaluation.alpha().denominator(),
                              "spec.evaluation.alpha")
                        .status());
    }
    if (evaluation.rows() < 0) Add("spec.evaluation.rows", "must not be negative");
    if (evaluation.bootstrap_replicates() != 0) {
      Range(evaluation.bootstrap_replicates(), kBootstrapReplicatesMin, kBootstrapReplicatesMax,
            "spec.evaluation.bootstrap_replicates");
    }
    Count(evaluation.metrics_size(), kMetricsMax, "spec.evaluation.metrics");
  }

  void Exports(const v1::JobSpec& spec) {
    Count(spec.exports_size(), kExportsMax, "spec.exports");
    std::set<std::string> names(std::begin(kReservedFileNames), std::end(kReservedFileNames));
    for (int i = 0; i < spec.exports_size(); ++i) {
      const std::string field = absl::StrCat("spec.exports[", i, "]");
      const std::string& name = spec.exports(i).file_name();
      if (spec.exports(i).format().empty()) Add(field + ".format", "is missing");
      if (name.find('/') != std::string::npos ||
          (!name.empty() && !FileNameProblem(name).empty())) {
        Add(field + ".file_name", "must be a plain file name");
      } else if (!names.insert(name.empty() ? "/" + spec.exports(i).format() : name).second) {
        // Names that are left out are made from the format.
        Add(field + ".file_name", name.empty() ? "is missing: several exports have this format"
                                               : "is the name of another file of the artifact");
      }
    }
  }

  void Gates(const v1::JobSpec& spec) {
    Count(spec.gates_size(), kGatesMax, "spec.gates");
    for (int i = 0; i < spec.gates_size(); ++i) {
      const v1::Gate& gate = spec.gates(i);
      const std::string field = absl::StrCat("spec.gates[", i, "]");
      if (gate.metric().empty()) AddGate(field + ".metric", "is missing");
      if (gate.statistic() < v1::Gate::VALUE || gate.statistic() > v1::Gate::CONFORMAL_UPPER) {
        AddGate(field + ".statistic", "is missing or unknown");
      }
      if (gate.comparison() < v1::Gate::AT_LEAST || gate.comparison() > v1::Gate::BELOW) {
        AddGate(field + ".comparison", "is missing or unknown");
      }
      if (!std::isfinite(gate.threshold())) AddGate(field + ".threshold", "must be finite");
    }
  }

  void Execution(const v1::ExecutionSpec& execution) {
    Range(execution.priority(), -kPriorityMax, kPriorityMax, "spec.execution.priority");
    Range(execution.max_attempts(), 0, kAttemptsMax, "spec.execution.max_attempts");
    Range(execution.threads(), 0, kThreadsMax, "spec.execution.threads");
    if (execution.has_queue_timeout()) Timeout(execution.queue_timeout(), "queue_timeout");
    if (execution.has_run_timeout()) Timeout(execution.run_timeout(), "run_timeout");
  }

 private:
  void Add(std::string field, std::string description) {
    problems_.Add(kInvalid, std::move(field), std::move(description));
  }
  void AddGate(std::string field, std::string description) {
    problems_.Add("INVALID_GATE", std::move(field), std::move(description));
  }

  void Range(int64_t value, int64_t min, int64_t max, const std::string& field) {
    if (value >= min && value <= max) return;
    Add(field, absl::StrCat(value, " is not in ", min, " to ", max));
  }

  void Count(size_t count, size_t max, const std::string& field) {
    if (count > max)
      Add(field, absl::StrCat("has ", count, " entries; at most ", max, " are taken"));
  }

  void Timeout(const google::protobuf::Duration& duration, const std::string& name) {
    if (FromProto(duration) <= absl::ZeroDuration()) {
      Add("spec.execution." + name, "must be longer than nothing");
    }
  }

  void Preprocessing(const v1::Preprocessing& pre, const std::string& field) {
    const bool fixed = pre.resize_width() != 0 || pre.resize_height() != 0;
    Range(pre.resize_width(), 0, kPixelsMax, field + ".resize_width");
    Range(pre.resize_height(), 0, kPixelsMax, field + ".resize_height");
    Range(pre.resize_shorter_side(), 0, kPixelsMax, field + ".resize_shorter_side");
    Range(pre.crop_width(), 0, kPixelsMax, field + ".crop_width");
    Range(pre.crop_height(), 0, kPixelsMax, field + ".crop_height");
    if (fixed && (pre.resize_width() == 0 || pre.resize_height() == 0)) {
      Add(field + ".resize_width", "set width and height, or neither");
    }
    if (fixed && pre.resize_shorter_side() != 0) {
      Add(field + ".resize_shorter_side", "excludes resize_width and resize_height");
    }
    if ((pre.crop_width() == 0) != (pre.crop_height() == 0)) {
      Add(field + ".crop_width", "set width and height, or neither");
    }
    if (!v1::Preprocessing::Layout_IsValid(pre.layout())) Add(field + ".layout", "is no layout");
    if (!v1::Preprocessing::Channels_IsValid(pre.channels()))
      Add(field + ".channels", "is unknown");
    if (!std::isfinite(pre.scale())) Add(field + ".scale", "must be finite");
    Count(static_cast<size_t>(pre.mean_size()), kChannelValuesMax, field + ".mean");
    Count(static_cast<size_t>(pre.std_size()), kChannelValuesMax, field + ".std");
    for (const double mean : pre.mean()) {
      if (!std::isfinite(mean)) Add(field + ".mean", "must be finite");
    }
    for (const double std : pre.std()) {
      if (!std::isfinite(std) || std <= 0) Add(field + ".std", "must be finite and above 0");
    }
  }

  void Components(const google::protobuf::RepeatedPtrField<v1::Component>& components,
                  const std::string& field) {
    Count(static_cast<size_t>(components.size()), kComponentsMax, field);
    for (int i = 0; i < components.size(); ++i) {
      if (components[i].id().empty()) Add(absl::StrCat(field, "[", i, "].id"), "is missing");
    }
  }

  SpecProblems& problems_;
};

}  // namespace

void CheckStructure(const v1::JobSpec& spec, SpecProblems& problems) {
  if (spec.ByteSizeLong() > kSpecBytesMax) {
    problems.Add(kInvalid, "spec",
                 "is larger than 16 MiB; give the rows in fewer files, such as one .npy");
    return;
  }
  StructureCheck check(problems);
  check.Model(spec.model());
  check.Data(spec.data(), "spec.data");
  if (spec.has_evaluation_data()) check.Data(spec.evaluation_data(), "spec.evaluation_data");
  check.Recipe(spec.recipe());
  check.Needs(spec);
  check.Calibration(spec.calibration());
  check.Evaluation(spec.evaluation());
  check.Exports(spec);
  check.Gates(spec);
  check.Execution(spec.execution());
}

}  // namespace quantd
