#include "client/cli/spec_flags.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/input_flags.h"
#include "client/cli/message_file.h"
#include "client/cli/values.h"
#include "common/error.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

constexpr int64_t kInt32Max = std::numeric_limits<int32_t>::max();
constexpr int64_t kInt32Min = std::numeric_limits<int32_t>::min();
constexpr int64_t kInt64Max = std::numeric_limits<int64_t>::max();

std::vector<FlagSpec> MakeSpecFlags() {
  std::vector<FlagSpec> flags = InputFlags();
  const std::string recipe = "Recipe";
  const std::string evaluation = "Calibration and evaluation";
  const std::string gates = "Gates and execution";
  const std::vector<FlagSpec> more = {
      {"preset", Arity::kOne, "ID",
       "A ready recipe, for example w8a8-mse; 'quantctl presets' lists them.", recipe},
      {"recipe", Arity::kOne, "FILE",
       "A Recipe message as YAML or JSON. With --preset, its fields replace those of the preset; its "
       "rules give layers formats of their own, by operator type and node name.",
       recipe},
      {"exclude", Arity::kMany, "RULE",
       "Keep nodes in full precision: a glob of node names ('/head/*'), or 'OP_TYPE:GLOB' "
       "('Gemm:*').",
       recipe},
      {"export", Arity::kMany, "FORM",
       "Write the model as onnx_qdq, onnx_matmul_nbits (weights in blocks) or onnx_dynamic (codes at "
       "run time); 'FORM=FILE' names the file. Default: the first form that fits the recipe.",
       recipe},
      {"spec", Arity::kOne, "FILE",
       "A whole JobSpec as YAML or JSON; all other flags add to it or replace parts.", recipe},
      {"calibration-rows", Arity::kOne, "N",
       "Rows that calibrate. Default (or 0): 256, but at most half of the rows unless --evaluation-data is given.", evaluation},
      {"evaluation-rows", Arity::kOne, "N",
       "Held-out rows used at most. Default: all that are not calibration rows.", evaluation},
      {"seed", Arity::kOne, "N",
       "Of the split into calibration and evaluation rows and of every sampling step. Default: 0.",
       evaluation},
      {"alpha", Arity::kOne, "LEVEL",
       "Miscoverage of every interval, exactly: 0.05, 1/20 or 5%. Default: 1/20, that is 95 % "
       "intervals.",
       evaluation},
      {"metrics", Arity::kList, "ID",
       "Only these metrics. Default: all that the data allows; 'quantctl methods' lists them.",
       evaluation},
      {"gate", Arity::kMany, "CONDITION",
       "What must hold, for example 'top1_agreement.lower >= 0.98'. METRIC.STATISTIC with value, "
       "lower, upper or conformal_upper; >=, <=, > or <. Decides the exit code.",
       gates},
      {"priority", Arity::kOne, "N", "-100 to 100; higher runs first. Default: 0.", gates},
      {"threads", Arity::kOne, "N",
       "Of the job; never changes a result. Default: the worker's choice.", gates},
      {"max-attempts", Arity::kOne, "N",
       "Runs of the job before it fails for good, 1 to 10. Default: 3.", gates},
  };
  flags.insert(flags.end(), more.begin(), more.end());
  return flags;
}

absl::Status AddRecipe(const ParsedFlags& flags, v1::JobSpec& spec) {
  if (flags.Has("recipe")) {
    spec.clear_recipe();
    RETURN_IF_ERROR(ReadMessageFile(flags.Get("recipe"), spec.mutable_recipe()));
  }
  if (flags.Has("preset")) spec.mutable_recipe()->set_preset(flags.Get("preset"));
  for (const std::string& text : flags.All("exclude")) {
    v1::LayerRule* rule = spec.mutable_recipe()->add_rules();
    rule->set_exclude(true);
    // Operator names hold no colon; names of nodes may.
    const size_t colon = text.find(':');
    if (colon == std::string::npos) {
      rule->set_node_name(text);
    } else {
      rule->set_op_type(text.substr(0, colon));
      rule->set_node_name(text.substr(colon + 1));
    }
    if (rule->op_type().empty() && rule->node_name().empty()) {
      return InvalidFlag("exclude",
                         "is empty, which would match every node; write '*' to mean that");
    }
  }
  if (!spec.has_recipe()) {
    return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_USAGE",
                     "no recipe: give --preset ID, --recipe FILE or --spec FILE; 'quantctl "
                     "presets' lists the presets");
  }
  return absl::OkStatus();
}

absl::Status AddExports(const ParsedFlags& flags, v1::JobSpec& spec) {
  for (const std::string& text : flags.All("export")) {
    const size_t equals = text.find('=');
    v1::ExportSpec& one = *spec.add_exports();
    one.set_format(text.substr(0, equals));
    if (equals != std::string::npos) one.set_file_name(text.substr(equals + 1));
    if (one.format().empty()) return InvalidFlag("export", "names no form");
  }
  return absl::OkStatus();
}

absl::Status AddEvaluation(const ParsedFlags& flags, v1::JobSpec& spec) {
  if (flags.Has("calibration-rows")) {
    ASSIGN_OR_RETURN(const int64_t rows,
                     flags.Integer("calibration-rows", kInt32Min, kInt32Max, 0));
    spec.mutable_calibration()->set_rows(static_cast<int32_t>(rows));
  }
  if (flags.Has("seed")) {
    ASSIGN_OR_RETURN(const int64_t seed, flags.Integer("seed", 0, kInt64Max, 0));
    spec.mutable_calibration()->set_seed(static_cast<uint64_t>(seed));
    spec.mutable_evaluation()->set_seed(static_cast<uint64_t>(seed));
  }
  if (flags.Has("evaluation-rows")) {
    ASSIGN_OR_RETURN(const int64_t rows,
                     flags.Integer("evaluation-rows", -kInt64Max, kInt64Max, 0));
    spec.mutable_evaluation()->set_rows(rows);
  }
  if (flags.Has("alpha")) {
    const auto alpha = ParseFraction(flags.Get("alpha"));
    if (!alpha.ok())
      return InvalidFlag("alpha", absl::StrCat("is wrong: ", alpha.status().message()));
    *spec.mutable_evaluation()->mutable_alpha() = *alpha;
  }
  if (flags.Has("metrics")) spec.mutable_evaluation()->clear_metrics();
  for (const std::string& list : flags.All("metrics")) {
    for (absl::string_view id : absl::StrSplit(list, ',', absl::SkipEmpty())) {
      spec.mutable_evaluation()->add_metrics(std::string(id));
    }
  }
  return absl::OkStatus();
}

absl::Status AddGatesAndExecution(const ParsedFlags& flags, v1::JobSpec& spec) {
  for (const std::string& text : flags.All("gate")) {
    const auto gate = ParseGateMessage(text);
    if (!gate.ok()) return Annotate(gate.status(), "--gate");
    *spec.add_gates() = *gate;
  }
  const auto set = [&](const std::string& name, auto setter) -> absl::Status {
    if (!flags.Has(name)) return absl::OkStatus();
    ASSIGN_OR_RETURN(const int64_t value, flags.Integer(name, kInt32Min, kInt32Max, 0));
    (spec.mutable_execution()->*setter)(static_cast<int32_t>(value));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(set("priority", &v1::ExecutionSpec::set_priority));
  RETURN_IF_ERROR(set("threads", &v1::ExecutionSpec::set_threads));
  return set("max-attempts", &v1::ExecutionSpec::set_max_attempts);
}

}  // namespace

const std::vector<FlagSpec>& SpecFlags() {
  static const std::vector<FlagSpec> kFlags = MakeSpecFlags();
  return kFlags;
}

absl::StatusOr<SpecAndFiles> BuildSpec(const ParsedFlags& flags) {
  SpecAndFiles result;
  if (flags.Has("spec")) RETURN_IF_ERROR(ReadMessageFile(flags.Get("spec"), &result.spec));
  // What needs no hashing comes first: a slip in a flag is told at once.
  RETURN_IF_ERROR(AddRecipe(flags, result.spec));
  RETURN_IF_ERROR(AddExports(flags, result.spec));
  RETURN_IF_ERROR(AddEvaluation(flags, result.spec));
  RETURN_IF_ERROR(AddGatesAndExecution(flags, result.spec));
  RETURN_IF_ERROR(AddInputs(flags, result.spec, result.files));
  return result;
}

}  // namespace quantd
