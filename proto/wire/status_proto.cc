#include "proto/wire/status_proto.h"

#include "common/error.h"
#include "common/utf8.h"
#include "google/rpc/error_details.pb.h"

namespace quantd {

google::rpc::Status ToProto(const absl::Status& status) {
  google::rpc::Status proto;
  proto.set_code(static_cast<int>(status.code()));
  // It may quote a file that is not UTF-8, and a receiver refuses a message with such a string.
  proto.set_message(ToValidUtf8(absl::string_view(status.message())));
  if (status.ok()) return proto;
  const ErrorDetails details = GetErrorDetails(status);
  if (!details.reason.empty() || !details.metadata.empty()) {
    google::rpc::ErrorInfo info;
    info.set_reason(details.reason);
    info.set_domain(kErrorDomain);
    info.mutable_metadata()->insert(details.metadata.begin(), details.metadata.end());
    proto.add_details()->PackFrom(info);
  }
  if (!details.violations.empty()) {
    google::rpc::BadRequest bad_request;
    for (const FieldViolation& violation : details.violations) {
      auto* field = bad_request.add_field_violations();
      field->set_field(violation.field);
      field->set_description(violation.description);
    }
    proto.add_details()->PackFrom(bad_request);
  }
  if (!details.quotas.empty()) {
    google::rpc::QuotaFailure failure;
    for (const QuotaViolation& quota : details.quotas) {
      auto* violation = failure.add_violations();
      violation->set_subject(quota.subject);
      violation->set_description(quota.description);
    }
    proto.add_details()->PackFrom(failure);
  }
  if (details.retry_after) {
    google::rpc::RetryInfo retry;
    const int64_t nanoseconds = absl::ToInt64Nanoseconds(*details.retry_after);
    retry.mutable_retry_delay()->set_seconds(nanoseconds / 1'000'000'000);
    retry.mutable_retry_delay()->set_nanos(static_cast<int32_t>(nanoseconds % 1'000'000'000));
    proto.add_details()->PackFrom(retry);
  }
  return proto;
}

absl::Status FromProto(const google::rpc::Status& proto) {
  if (proto.code() == 0) return absl::OkStatus();
  ErrorDetails details;
  for (const google::protobuf::Any& any : proto.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::BadRequest bad_request;
    google::rpc::QuotaFailure failure;
    google::rpc::RetryInfo retry;
    if (any.UnpackTo(&info)) {
      details.reason = info.reason();
      details.metadata.insert(info.metadata().begin(), info.metadata().end());
    } else if (any.UnpackTo(&bad_request)) {
      for (const auto& field : bad_request.field_violations()) {
        details.violations.push_back({field.field(), field.description()});
      }
    } else if (any.UnpackTo(&failure)) {
      for (const auto& violation : failure.violations()) {
        details.quotas.push_back({violation.subject(), violation.description()});
      }
    } else if (any.UnpackTo(&retry)) {
      details.retry_after = absl::Seconds(retry.retry_delay().seconds()) +
                            absl::Nanoseconds(retry.retry_delay().nanos());
    }
  }
  const auto code = static_cast<absl::StatusCode>(proto.code());
  if (details == ErrorDetails()) return absl::Status(code, proto.message());
  return MakeError(code, proto.message(), details);
}

}  // namespace quantd
