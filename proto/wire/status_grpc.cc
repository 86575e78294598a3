#include "proto/wire/status_grpc.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "common/error.h"
#include "proto/wire/status_proto.h"

namespace quantd {
namespace {

bool IsReason(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char c) { return absl::ascii_isupper(c) || c == '_'; });
}

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()),
                      ToProto(status).SerializeAsString());
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  google::rpc::Status proto;
  if (!status.error_details().empty() && proto.ParseFromString(status.error_details()) &&
      proto.code() == static_cast<int>(status.error_code())) {
    return FromProto(proto);
  }
  const auto code = static_cast<absl::StatusCode>(status.error_code());
  const std::string text = status.error_message();
  const absl::string_view message = text;
  const size_t bracket = message.rfind(" [");
  if (status.error_details().empty() && bracket != absl::string_view::npos &&
      message.back() == ']') {
    const absl::string_view reason = message.substr(bracket + 2, message.size() - bracket - 3);
    if (IsReason(reason)) return MakeError(code, reason, message.substr(0, bracket));
  }
  return absl::Status(code, message);
}

}  // namespace quantd
