#include "client/cli/error_output.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/output.h"
#include "common/error.h"
#include "nlohmann/json.hpp"

namespace quantd {
namespace {

// What to look at when there is no connection, from gRPC's words about it.
std::string ConnectionHint(absl::string_view message, const std::string& server) {
  const std::string lower = absl::AsciiStrToLower(message);
  if (absl::StrContains(lower, "certificate") || absl::StrContains(lower, "hostname")) {
    return absl::StrCat("the certificate of ", server,
                        " is not of an authority that --tls-ca names, or not made out for that "
                        "address");
  }
  // Two sides of which only one speaks TLS, or a server that misses a certificate.
  for (const absl::string_view sign :
       {"handshake", "ocket closed", "onnection reset", "roken pipe", "onnection closed"}) {
    if (!absl::StrContains(message, sign)) continue;
    return absl::StrCat(server,
                        " ended the connection: it may want TLS (--tls or --tls-ca FILE), no TLS, "
                        "or a certificate of yours (--tls-cert FILE --tls-key FILE)");
  }
  return absl::StrCat("is quantd running at ", server,
                      "? Set --server or QUANTD_SERVER; run 'quantctl doctor'");
}

std::string Hint(const absl::Status& status, const std::string& server) {
  const ErrorDetails details = GetErrorDetails(status);
  if (details.retry_after) {
    return absl::StrCat("try again in ", absl::FormatDuration(*details.retry_after));
  }
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      return ConnectionHint(status.message(), server);
    case absl::StatusCode::kDeadlineExceeded:
      return details.reason == "STILL_RUNNING"
                 ? ""
                 : absl::StrCat(server, " did not answer in time; see --timeout");
    case absl::StatusCode::kUnauthenticated:
      return "the token is missing, mistyped, expired or revoked; see --token-file and "
             "QUANTD_TOKEN_FILE";
    case absl::StatusCode::kPermissionDenied:
      return "check --tenant, and which tenant and roles the token was made for";
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

void PrintProblems(const absl::Status& status, std::ostream& out) {
  const ErrorDetails details = GetErrorDetails(status);
  const std::vector<FieldViolation>& violations = details.violations;
  // The message of InvalidFields() is the list of the violations: a single one needs no list below
  // it, and a list needs no message that is the same again.
  const bool message_lists_them =
      std::all_of(violations.begin(), violations.end(), [&](const FieldViolation& violation) {
        return absl::StrContains(status.message(), violation.field) &&
               absl::StrContains(status.message(), violation.description);
      });
  if (violations.size() > 1 && message_lists_them) {
    out << violations.size() << " problems";
  } else {
    out << PrintableLines(status.message());
  }
  out << " [" << (details.reason.empty() ? absl::StatusCodeToString(status.code()) : details.reason)
      << "]\n";
  if (violations.size() == 1 && message_lists_them) return;
  for (const FieldViolation& violation : violations) {
    out << "  " << violation.field << ": " << PrintableLines(violation.description) << "\n";
  }
}

void PrintError(const absl::Status& status, OutputFormat output, const std::string& server,
                std::ostream& err) {
  if (output == OutputFormat::kJson) return PrintJson(status, err);
  err << "error: ";
  PrintProblems(status, err);
  if (const std::string hint = Hint(status, server); !hint.empty()) err << "hint: " << hint << "\n";
}

}  // namespace quantd
