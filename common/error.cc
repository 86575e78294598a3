#include "common/error.h"

#include <nlohmann/json.hpp>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/check.h"
#include "common/secrets.h"

namespace quantd {
namespace {

constexpr char kPayloadUrl[] = "quantd/error_details";

std::string Encode(const ErrorDetails& details) {
  nlohmann::json json = {{"reason", details.reason}, {"metadata", details.metadata}};
  for (const FieldViolation& violation : details.violations) {
    json["violations"].push_back({violation.field, violation.description});
  }
  for (const QuotaViolation& quota : details.quotas) {
    json["quotas"].push_back({quota.subject, quota.description});
  }
  if (details.retry_after) json["retry_after_ms"] = absl::ToInt64Milliseconds(*details.retry_after);
  // Messages can quote hostile input, so bytes that are not UTF-8 must not throw.
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string MessageOf(const std::vector<FieldViolation>& violations) {
  return absl::StrJoin(violations, "; ", [](std::string* out, const FieldViolation& violation) {
    absl::StrAppend(out, violation.field, ": ", violation.description);
  });
}

}  // namespace

absl::Status MakeError(absl::StatusCode code, absl::string_view message,
                       const ErrorDetails& details) {
  QUANTD_CHECK(code != absl::StatusCode::kOk);
  // Here, because every error that quotes what somebody typed passes.
  absl::Status status(code, WithoutSecrets(message));
  status.SetPayload(kPayloadUrl, absl::Cord(WithoutSecrets(Encode(details))));
  return status;
}

absl::Status MakeError(absl::StatusCode code, absl::string_view reason, absl::string_view message) {
  return MakeError(code, message, ErrorDetails{.reason = std::string(reason)});
}

absl::Status InvalidField(absl::string_view reason, absl::string_view field,
                          absl::string_view description) {
  return InvalidFields(reason, {{std::string(field), std::string(description)}});
}

absl::Status InvalidFields(absl::string_view reason,
                           const std::vector<FieldViolation>& violations) {
  QUANTD_CHECK(!violations.empty());
  return MakeError(absl::StatusCode::kInvalidArgument, MessageOf(violations),
                   ErrorDetails{.reason = std::string(reason), .violations = violations});
}

ErrorDetails GetErrorDetails(const absl::Status& status) {
  ErrorDetails details;
  const absl::optional<absl::Cord> payload = status.GetPayload(kPayloadUrl);
  if (!payload) return details;
  const nlohmann::json json = nlohmann::json::parse(std::string(*payload), nullptr, false);
  QUANTD_CHECK(!json.is_discarded());  // Only Encode writes this payload.
  details.reason = json.value("reason", "");
  details.metadata = json.value("metadata", std::map<std::string, std::string>());
  for (const nlohmann::json& violation : json.value("violations", nlohmann::json::array())) {
    details.violations.push_back({violation.at(0), violation.at(1)});
  }
  for (const nlohmann::json& quota : json.value("quotas", nlohmann::json::array())) {
    details.quotas.push_back({quota.at(0), quota.at(1)});
  }
  if (json.contains("retry_after_ms")) {
    details.retry_after = absl::Milliseconds(json["retry_after_ms"].get<int64_t>());
  }
  return details;
}

bool IsRequestsFault(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kUnimplemented:
      return true;
    default:
      return false;
  }
}

std::string FormatStatus(const absl::Status& status) {
  if (status.ok()) return "OK";
  const std::string reason = GetErrorDetails(status).reason;
  return absl::StrCat(absl::StatusCodeToString(status.code()), ": ", status.message(),
                      reason.empty() ? "" : absl::StrCat(" [", reason, "]"));
}

absl::Status Annotate(const absl::Status& status, absl::string_view context) {
  if (status.ok()) return status;
  absl::Status annotated(status.code(), absl::StrCat(context, ": ", status.message()));
  status.ForEachPayload([&annotated](absl::string_view url, const absl::Cord& payload) {
    annotated.SetPayload(url, payload);
  });
  return annotated;
}

absl::Status RenameFields(const absl::Status& status, absl::string_view from,
                          absl::string_view to) {
  ErrorDetails details = GetErrorDetails(status);
  if (!absl::IsInvalidArgument(status) || details.violations.empty()) return status;
  for (FieldViolation& violation : details.violations) {
    if (absl::StartsWith(violation.field, from)) {
      violation.field = absl::StrCat(to, violation.field.substr(from.size()));
    }
  }
  return MakeError(status.code(), MessageOf(details.violations), details);
}

}  // namespace quantd
