#include "proto/wire/status_grpc.h"

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "proto/wire/status_proto.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

TEST(StatusGrpc, DetailsSurviveTheWire) {
  const absl::Status sent = MakeError(
      absl::StatusCode::kUnimplemented, "no kernel",
      ErrorDetails{.reason = "UNSUPPORTED_OPERATOR",
                   .metadata = {{"op_type", "NonMaxSuppression"}},
                   .violations = {{"model.nms", "is not supported"}},
                   .quotas = {{"tenants/team", "stored_bytes_max is 5"}},
                   .retry_after = absl::Milliseconds(1500)});
  const absl::Status received = FromGrpc(ToGrpc(sent));
  EXPECT_EQ(received.code(), sent.code());
  EXPECT_EQ(received.message(), sent.message());
  EXPECT_EQ(GetErrorDetails(received), GetErrorDetails(sent));
}

TEST(StatusGrpc, CarriesTheStandardMessagesThatOtherClientsDecode) {
  const grpc::Status status = ToGrpc(InvalidField("INVALID_SPEC", "job.spec.alpha", "must lie in (0, 1)"));
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  ASSERT_EQ(details.details_size(), 2);
  EXPECT_EQ(details.details(0).type_url(), "type.googleapis.com/google.rpc.ErrorInfo");
  google::rpc::BadRequest bad_request;
  ASSERT_TRUE(details.details(1).UnpackTo(&bad_request));
  EXPECT_EQ(bad_request.field_violations(0).field(), "job.spec.alpha");
}

TEST(StatusGrpc, AForeignErrorKeepsCodeAndMessage) {
  const absl::Status status = FromGrpc(grpc::Status(grpc::StatusCode::UNAVAILABLE, "connection refused"));
  EXPECT_THAT(status, testing::StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(GetErrorDetails(status), ErrorDetails());
}

// A receiver refuses a whole message whose string is no UTF-8, and would take the job's verdict for a broken one.
TEST(StatusGrpc, AMessageThatQuotesBytesThatAreNotUtf8IsReadable) {
  google::rpc::Status proto = ToProto(MakeError(absl::StatusCode::kInvalidArgument, "BAD_DATA", "member '\xff\xfe'"));
  google::rpc::Status received;
  ASSERT_TRUE(received.ParseFromString(proto.SerializeAsString()));
  EXPECT_EQ(received.message(), "member '\?\?'");
}

}  // namespace
}  // namespace quantd
