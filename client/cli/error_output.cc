#include "client/cli/error_output.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/output.h"
#include "common/error.h"
#include "nlohmann/json.hpp"

namespace quantd {
namespace {

std::string Hint(const absl::Status& status, const std::string& server) {
  const ErrorDetails details = GetErrorDetails(status);
  if (details.retry_after) {
    return absl::StrCat("try again in ", absl::FormatDuration(*details.retry_after));
  }
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      return absl::StrCat("is quantd running at ", server,
                          "? Set --server or QUANTD_SERVER; run 'quantctl doctor'");
    case absl::StatusCode::kDeadlineExceeded:
      return details.reason == "STILL_RUNNING"
                 ? ""
                 : absl::StrCat(server, " did not answer in time; see --timeout");
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
      return "check --tenant and your credentials";
    default:
      return "";
  }
}

void PrintJson(const absl::Status& status, std::ostream& err) {
  const ErrorDetails details = GetErrorDetails(status);
  nlohmann::ordered_json json;
  json["code"] = absl::StatusCodeToString(status.code());
  json["reason"] = details.reason;
  json["message"] = std::string(status.message());
  json["violations"] = nlohmann::ordered_json::array();
  for (const FieldViolation& violation : details.violations) {
    json["violations"].push_back(
        {{"field", violation.field}, {"description", violation.description}});
  }
  if (!details.metadata.empty()) json["metadata"] = details.metadata;
  // A message may quote bytes of a file that are not UTF-8.
  err << json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n";
}

}  // namespace

void PrintViolations(const absl::Status& status, std::ostream& out) {
  const ErrorDetails details = GetErrorDetails(status);
  for (const FieldViolation& violation : details.violations) {
    // The message of a single violation says it all already.
    if (details.violations.size() == 1 && absl::StrContains(status.message(), violation.field) &&
        absl::StrContains(status.message(), violation.description)) {
      continue;
    }
    out << "  " << violation.field << ": " << PrintableLines(violation.description) << "\n";
  }
}

void PrintError(const absl::Status& status, OutputFormat output, const std::string& server,
                std::ostream& err) {
  if (output == OutputFormat::kJson) return PrintJson(status, err);
  const ErrorDetails details = GetErrorDetails(status);
  err << "error: " << PrintableLines(status.message());
  err << " [" << (details.reason.empty() ? absl::StatusCodeToString(status.code()) : details.reason)
      << "]\n";
  PrintViolations(status, err);
  if (const std::string hint = Hint(status, server); !hint.empty()) err << "hint: " << hint << "\n";
}

}  // namespace quantd
