#include "worker/job/stages/check_spec.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/error.h"
#include "common/stats/bootstrap.h"
#include "common/stats/fraction.h"
#include "common/status_macros.h"
#include "worker/job/stages/stages.h"
#include "worker/methods/catalogue.h"
#include "worker/methods/export_form.h"
#include "worker/quality/metric_catalogue.h"

namespace quantd {
namespace {

constexpr int64_t kCalibrationRowsMax = 1'000'000;
constexpr int kExportsMax = 8;
// One component has at most 255 bytes on the usual file systems; a file is written under a longer
// name first.
constexpr size_t kFileNameBytesMax = 240;

absl::Status CheckCount(int64_t count, int64_t max, const std::string& field) {
  if (count >= 0 && count <= max) return absl::OkStatus();
  return InvalidField("INVALID_SPEC", field, absl::StrCat("must lie between 0 and ", max));
}

absl::Status CheckFormat(const std::string& format, const std::vector<std::string>& known,
                         const std::string& field) {
  if (format.empty() || std::find(known.begin(), known.end(), format) != known.end()) {
    return absl::OkStatus();
  }
  return InvalidField(
      "UNKNOWN_FORMAT", field,
      absl::StrCat("there is no '", format, "'; known: ", absl::StrJoin(known, ", ")));
}

// A name becomes a file beside the report's own: it must neither leave the folder nor hide them.
absl::Status CheckFileName(const std::string& name, const std::string& field) {
  const bool reserved = name == "." || name == ".." || name == kReportJsonFile ||
                        name == kReportHtmlFile || name == kRowsCsvFile;
  const bool plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return c >= 0x20 && c != 0x7f && c != '/' && c != '\\';
  });
  if (!reserved && plain && name.size() <= kFileNameBytesMax) return absl::OkStatus();
  return InvalidField("INVALID_FILE_NAME", field,
                      absl::StrCat("must be one path component of at most ", kFileNameBytesMax,
                                   " bytes, and none of ", kReportJsonFile, ", ", kReportHtmlFile,
                                   ", ", kRowsCsvFile));
}

absl::Status CheckExports(const v1::JobSpec& spec, const Catalogue& catalogue) {
  std::vector<std::string> formats;
  for (const ExportFormInfo* form : catalogue.export_forms) formats.push_back(form->id);
  if (spec.exports_size() > kExportsMax) {
    return InvalidField("INVALID_SPEC", "spec.exports",
                        absl::StrCat("at most ", kExportsMax, " exports are made"));
  }
  const std::vector<v1::ExportSpec> exports = ExportsOf(spec);
  std::set<std::string> names;
  for (size_t i = 0; i < exports.size(); ++i) {
    const std::string field = absl::StrCat("spec.exports[", i, "]");
    RETURN_IF_ERROR(CheckFormat(exports[i].format(), formats, field + ".format"));
    const std::string name = ExportFileName(spec, exports[i]);
    RETURN_IF_ERROR(CheckFileName(name, field + ".file_name"));
    if (!names.insert(name).second) {
      return InvalidField("INVALID_FILE_NAME", field + ".file_name", "is the name of two exports");
    }
  }
  return absl::OkStatus();
}

// Enums on the wire may hold any number.
absl::Status CheckData(const v1::DataInput& data, const std::string& field) {
  const v1::Preprocessing& pixels = data.preprocessing();
  for (const auto& [valid, name] :
       {std::pair(v1::DataInput::Format_IsValid(data.format()), ".format"),
        std::pair(v1::Preprocessing::Layout_IsValid(pixels.layout()), ".preprocessing.layout"),
        std::pair(v1::Preprocessing::Channels_IsValid(pixels.channels()),
                  ".preprocessing.channels")}) {
    if (!valid) return InvalidField("INVALID_SPEC", field + name, "is none of the known values");
  }
  return absl::OkStatus();
}

absl::Status CheckEvaluation(const v1::EvaluationSpec& spec) {
  if (spec.has_alpha()) {
    RETURN_IF_ERROR(
        MakeLevel(spec.alpha().numerator(), spec.alpha().denominator(), "spec.evaluation.alpha")
            .status());
  }
  const int32_t replicates = spec.bootstrap_replicates();
  if (replicates != 0 &&
      (replicates < kBootstrapReplicatesMin || replicates > kBootstrapReplicatesMax)) {
    return InvalidField("INVALID_SPEC", "spec.evaluation.bootstrap_replicates",
                        absl::StrCat("must be 0 or lie between ", kBootstrapReplicatesMin, " and ",
                                     kBootstrapReplicatesMax));
  }
  const std::vector<std::string> metrics(spec.metrics().begin(), spec.metrics().end());
  return CheckMetricIds(metrics, "spec.evaluation.metrics");
}

}  // namespace

absl::Status CheckSpec(const v1::JobSpec& spec) {
  const Catalogue catalogue = MakeCatalogue();
  RETURN_IF_ERROR(CheckFormat(spec.model().format(), catalogue.model_formats, "spec.model.format"));
  RETURN_IF_ERROR(CheckData(spec.data(), "spec.data"));
  RETURN_IF_ERROR(CheckData(spec.evaluation_data(), "spec.evaluation_data"));
  RETURN_IF_ERROR(
      CheckCount(spec.calibration().rows(), kCalibrationRowsMax, "spec.calibration.rows"));
  RETURN_IF_ERROR(CheckCount(spec.calibration().batch_rows(), kCalibrationRowsMax,
                             "spec.calibration.batch_rows"));
  RETURN_IF_ERROR(CheckExports(spec, catalogue));
  return CheckEvaluation(spec.evaluation());
}

}  // namespace quantd
