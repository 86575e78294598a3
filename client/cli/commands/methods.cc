#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/commands/registry.h"
#include "client/cli/exit_code.h"
#include "client/cli/output.h"
#include "client/cli/progress_view.h"
#include "common/error.h"
#include "common/status_macros.h"

namespace quantd::commands::methods {
namespace {

constexpr char kMetric[] = "metric";
// Those that v1::Recipe has, and the metrics.
constexpr absl::string_view kAxes[] = {"transform", "format",       "granularity", "range",
                                       "rounding",  "compensation", "allocation",  "data",
                                       "recovery",  kMetric};

std::string ValueText(const v1::ParameterValue& value) {
  switch (value.value_case()) {
    case v1::ParameterValue::kNumber:
      return absl::StrFormat("%.6g", value.number());
    case v1::ParameterValue::kInteger:
      return absl::StrCat(value.integer());
    case v1::ParameterValue::kText:
      return Printable(value.text());
    case v1::ParameterValue::kFlag:
      return value.flag() ? "true" : "false";
    default:
      return "-";
  }
}

void PrintMethod(const v1::Method& method, std::ostream& out) {
  out << method.axis() << " " << method.id() << ": " << Printable(method.summary()) << "\n";
  if (!method.paper().empty()) out << "paper: " << Printable(method.paper()) << "\n";
  if (method.needs_size() > 0) out << "needs: " << absl::StrJoin(method.needs(), ", ") << "\n";
  if (method.parameters_size() == 0) {
    out << "no parameters\n";
    return;
  }
  Table table({"PARAMETER", "TYPE", "UNIT", "RANGE", "DEFAULT", "MEANING"});
  for (const v1::Parameter& parameter : method.parameters()) {
    const bool numeric = parameter.type() == "number" || parameter.type() == "integer";
    table.Add(
        {parameter.name(), parameter.type(), parameter.unit(),
         numeric ? absl::StrFormat("%.6g to %.6g", parameter.minimum(), parameter.maximum()) : "-",
         ValueText(parameter.initial()), Printable(parameter.summary())});
  }
  table.Print(out);
}

std::string Summary(const v1::MetricInfo& metric) {
  return absl::StrCat(Printable(metric.summary()), metric.needs_labels() ? " Needs labels." : "");
}

// INVALID_ARGUMENT, reason UNKNOWN_AXIS, for a word that no recipe has a place for.
absl::Status CheckAxis(const std::string& axis) {
  if (std::find(std::begin(kAxes), std::end(kAxes), axis) != std::end(kAxes)) {
    return absl::OkStatus();
  }
  return MakeError(
      absl::StatusCode::kInvalidArgument, "UNKNOWN_AXIS",
      absl::StrCat("there is no axis '", axis, "'; there are ", absl::StrJoin(kAxes, ", ")));
}

absl::StatusOr<int> DescribeMetric(Invocation& invocation, const std::string& id) {
  ASSIGN_OR_RETURN(const v1::ListMethodsResponse list, invocation.client.ListMethods(kMetric));
  for (const v1::MetricInfo& metric : list.metrics()) {
    if (metric.id() != id) continue;
    if (invocation.json()) {
      RETURN_IF_ERROR(PrintJson(metric, invocation.env.out));
    } else {
      invocation.env.out << "metric " << id << ": " << Summary(metric)
                         << "\nunit: " << metric.unit() << "\n";
    }
    return kExitOk;
  }
  return MakeError(absl::StatusCode::kNotFound, "METRIC_NOT_FOUND",
                   absl::StrCat("no worker measures '", id, "'"));
}

absl::StatusOr<int> Describe(Invocation& invocation, const std::string& axis,
                             const std::string& id) {
  if (axis == kMetric) return DescribeMetric(invocation, id);
  ASSIGN_OR_RETURN(const v1::Method method, invocation.client.DescribeMethod(axis, id));
  if (invocation.json()) {
    RETURN_IF_ERROR(PrintJson(method, invocation.env.out));
  } else {
    PrintMethod(method, invocation.env.out);
  }
  return kExitOk;
}

absl::StatusOr<int> Run(Invocation& invocation) {
  const std::vector<std::string>& arguments = invocation.flags.arguments();
  if (arguments.size() == 2) return Describe(invocation, arguments[0], arguments[1]);
  const std::string axis = arguments.empty() ? "" : arguments[0];
  ASSIGN_OR_RETURN(const v1::ListMethodsResponse methods, invocation.client.ListMethods(axis));
  // Another server may know more axes than this program: only a list that is empty is doubted.
  const bool empty = methods.methods_size() == 0 && methods.metrics_size() == 0;
  if (empty && !axis.empty()) RETURN_IF_ERROR(CheckAxis(axis));
  if (invocation.json()) {
    RETURN_IF_ERROR(PrintJson(methods, invocation.env.out));
    return kExitOk;
  }
  if (methods.no_worker_yet()) {
    invocation.env.err << ExplainCondition("NO_WORKER_YET") << "\n";
    return kExitOk;
  }
  Table table({"AXIS", "ID", "SUMMARY"});
  for (const v1::Method& method : methods.methods()) {
    table.Add({method.axis(), method.id(), Printable(method.summary())});
  }
  for (const v1::MetricInfo& metric : methods.metrics()) {
    table.Add({kMetric, metric.id(), Summary(metric)});
  }
  if (empty) {
    invocation.env.err << "no worker offers any " << axis << "\n";
    return kExitOk;
  }
  table.Print(invocation.env.out);
  return kExitOk;
}

}  // namespace

const Command& Info() {
  static const Command kCommand = {
      .name = "methods",
      .position = 110,
      .summary = "List what recipes can be made of, and the metrics.",
      .arguments = "[AXIS [ID]]",
      .arguments_max = 2,
      .description = absl::StrCat("Axes: ", absl::StrJoin(kAxes, ", "),
                                  ". With an id: the parameters of that one."),
      .examples = {"quantctl methods", "quantctl methods range",
                   "quantctl methods range percentile", "quantctl methods metric kl"},
      .run = Run};
  return kCommand;
}

}  // namespace quantd::commands::methods
