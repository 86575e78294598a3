#include "client/cli/report_view.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/error_output.h"
#include "client/cli/output.h"
#include "client/cli/values.h"
#include "proto/wire/status_proto.h"

namespace quantd {
namespace {

// Fractions with four decimals, a tenth of the width of a typical interval; everything else with
// four digits.
std::string FormatValue(double value, const std::string& unit) {
  return unit == "fraction" ? absl::StrFormat("%.4f", value) : absl::StrFormat("%.4g", value);
}

// "95%" for alpha = 1/20.
std::string Level(const v1::Fraction& alpha) {
  if (alpha.denominator() <= 0) return "?";
  const double level = 100.0 * static_cast<double>(alpha.denominator() - alpha.numerator()) /
                       static_cast<double>(alpha.denominator());
  return absl::StrFormat("%.6g%%", level);
}

const v1::Interval* FindInterval(const v1::Metric& metric, v1::IntervalTarget target) {
  for (const v1::Interval& interval : metric.intervals()) {
    if (interval.target() == target) return &interval;
  }
  return nullptr;
}

std::string IntervalCell(const v1::Metric& metric, v1::IntervalTarget target) {
  const v1::Interval* interval = FindInterval(metric, target);
  if (interval == nullptr) return "-";
  std::string cell =
      absl::StrCat(FormatInterval(*interval, metric.unit()), " ", Level(interval->alpha()));
  if (interval->status() == v1::INSUFFICIENT_CALIBRATION) {
    absl::StrAppend(&cell, " (n too small: needs ", interval->n_required(), ")");
  }
  return cell;
}

const char* OutcomeWord(v1::GateResult::Outcome outcome) {
  switch (outcome) {
    case v1::GateResult::PASSED:
      return "PASSED";
    case v1::GateResult::FAILED:
      return "FAILED";
    default:
      return "INCONCLUSIVE";
  }
}

}  // namespace

std::string FormatInterval(const v1::Interval& interval, const std::string& unit) {
  return absl::StrCat("[", interval.lower_infinite() ? "-inf" : FormatValue(interval.lower(), unit),
                      ", ", interval.upper_infinite() ? "inf" : FormatValue(interval.upper(), unit),
                      "]");
}

void PrintMetrics(const google::protobuf::RepeatedPtrField<v1::Metric>& metrics,
                  std::ostream& out) {
  Table table({"METRIC", "VALUE", "UNIT", "N", "CONFIDENCE INTERVAL", "NEW SAMPLE"});
  for (const v1::Metric& metric : metrics) {
    if (metric.status() == v1::METRIC_NOT_APPLICABLE) {
      table.Add({metric.id(), "n/a", metric.unit(), "-", Printable(metric.status_detail())});
      continue;
    }
    table.Add({metric.id(), FormatValue(metric.value(), metric.unit()), metric.unit(),
               absl::StrCat(metric.n()), IntervalCell(metric, v1::POPULATION_MEAN),
               IntervalCell(metric, v1::NEW_SAMPLE)});
  }
  table.Print(out);
}

// What the job's process measured of itself, for this machine only.
void PrintMeasured(const v1::Measured& measured, std::ostream& out) {
  out << "measured on " << Printable(measured.instruction_set()) << ": peak memory "
      << FormatBytes(measured.peak_memory_bytes());
  if (measured.has_integer()) {
    const v1::IntegerExecution& integer = measured.integer();
    out << absl::StrFormat("; %d %s in integers at %.2f [%.2f, %.2f] times float32's speed, same class as simulated on "
                           "%.2f%% of %d rows",
                           integer.layers(), integer.layers() == 1 ? "layer" : "layers", integer.speedup(),
                           integer.speedup_lower(), integer.speedup_upper(), 100 * integer.top1_agreement(), integer.rows());
    if (!integer.exact_sums()) out << " (sums of products may saturate here: see reduce_range)";
  }
  out << "\n";
}

void PrintReport(const v1::QualityReport& report, std::ostream& out) {
  if (!report.model_name().empty() || !report.recipe_summary().empty()) {
    out << Printable(report.model_name()) << ": " << Printable(report.recipe_summary()) << "\n";
  }
  PrintMetrics(report.metrics(), out);
  if (report.has_sizes()) {
    const v1::ModelSizes& sizes = report.sizes();
    out << absl::StrFormat("size: %s -> %s (%.3fx)\n", FormatBytes(sizes.original_bytes()),
                           FormatBytes(sizes.quantized_bytes()), sizes.ratio());
  }
  if (report.has_data_use()) {
    const v1::DataUse& use = report.data_use();
    out << "rows: " << use.calibration_rows() << " for calibration, " << use.evaluation_rows()
        << " held out for evaluation" << (use.labelled() ? ", labelled" : ", without labels")
        << " (seed " << use.split_seed() << ")\n";
  }
  if (report.has_measured()) PrintMeasured(report.measured(), out);
  for (const std::string& warning : report.warnings())
    out << "warning: " << Printable(warning) << "\n";
}

void PrintGates(const v1::Job& job, std::ostream& out) {
  for (const v1::GateResult& gate : job.gate_results()) {
    const std::string outcome = OutcomeWord(gate.outcome());
    out << "gate " << outcome << ": " << FormatGateMessage(gate.gate());
    // An explanation begins with the outcome, for those who read it alone: here it has been said.
    const std::string explanation = Printable(gate.explanation());
    const size_t colon = explanation.find(": ");
    const bool repeats =
        colon != std::string::npos && absl::EqualsIgnoreCase(explanation.substr(0, colon), outcome);
    if (!explanation.empty()) out << " (" << explanation.substr(repeats ? colon + 2 : 0) << ")";
    out << "\n";
  }
}

void PrintOutcome(const v1::Job& job, std::ostream& out) {
  if (job.state() == v1::Job::SUCCEEDED) {
    if (!job.result().cached_from().empty()) {
      out << "answered from the cache: " << job.result().cached_from() << " did the same work\n";
    }
    PrintReport(job.result().report(), out);
    PrintGates(job, out);
    return;
  }
  out << "job " << v1::Job::State_Name(job.state());
  if (!job.has_error()) {
    out << "\n";
    return;
  }
  out << ": ";
  PrintProblems(FromProto(job.error()), out);
}

}  // namespace quantd
