// What a user-visible error carries beyond code and message: a stable reason, the fields at fault,
// and how long to wait before trying again. It travels as payloads of an absl::Status, so any layer
// can add context without knowing protobuf; the wire converters turn it into google.rpc.ErrorInfo,
// BadRequest, QuotaFailure and RetryInfo.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace quantd {

// The domain of every ErrorInfo.
inline constexpr char kErrorDomain[] = "quantd";

// One thing wrong with a request. `field` is a path as the request spells it, for example
// "spec.evaluation.alpha" or "data.files[2]"; `description` says what is wrong and what to do.
struct FieldViolation {
  std::string field;
  std::string description;

  friend bool operator==(const FieldViolation&, const FieldViolation&) = default;
};

// A limit that a call would go beyond. `subject` is what has the limit, for example "tenants/team";
// `description` names the limit with its value and what to do.
struct QuotaViolation {
  std::string subject;
  std::string description;

  friend bool operator==(const QuotaViolation&, const QuotaViolation&) = default;
};

struct ErrorDetails {
  std::string reason;  // UPPER_SNAKE_CASE, stable; empty when unknown.
  std::map<std::string, std::string>
      metadata;  // For example {"node": "Conv_3", "op_type": "NonMaxSuppression"}.
  std::vector<FieldViolation> violations;
  std::vector<QuotaViolation> quotas;
  std::optional<absl::Duration> retry_after;

  friend bool operator==(const ErrorDetails&, const ErrorDetails&) = default;
};

// A status with details. REQUIRES: code is not OK.
absl::Status MakeError(absl::StatusCode code, absl::string_view message,
                       const ErrorDetails& details);

// The common case: a reason and nothing else.
absl::Status MakeError(absl::StatusCode code, absl::string_view reason, absl::string_view message);

// INVALID_ARGUMENT that names one field.
absl::Status InvalidField(absl::string_view reason, absl::string_view field,
                          absl::string_view description);

// INVALID_ARGUMENT that lists every violation at once. REQUIRES: violations is not empty.
absl::Status InvalidFields(absl::string_view reason, const std::vector<FieldViolation>& violations);

// The details of `status`; empty ones when it has none.
ErrorDetails GetErrorDetails(const absl::Status& status);

// Whether an error of this code says that the request itself is at fault, so that repeating it as
// it is would fail in the same way.
bool IsRequestsFault(absl::StatusCode code);

// One line for a log: "INVALID_ARGUMENT: w: is empty [BAD_SHAPE]". absl's own ToString() shows the
// details in the form in which they are carried.
std::string FormatStatus(const absl::Status& status);

// Puts "context: " before the message and keeps code and details. OK stays OK.
absl::Status Annotate(const absl::Status& status, absl::string_view context);

// Puts `to` in the place of the prefix `from` in the fields of an INVALID_ARGUMENT, and says its
// message anew: a layer that knows where its input came from completes what the layer below could
// only begin. Others stay as they are.
absl::Status RenameFields(const absl::Status& status, absl::string_view from, absl::string_view to);

}  // namespace quantd
