#include "common/error.h"

#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using ::quantd::testing::HasReason;
using ::quantd::testing::NamesField;
using ::quantd::testing::StatusIs;

constexpr absl::StatusCode kFault[] = {
    absl::StatusCode::kInvalidArgument,    absl::StatusCode::kNotFound,
    absl::StatusCode::kAlreadyExists,      absl::StatusCode::kPermissionDenied,
    absl::StatusCode::kFailedPrecondition, absl::StatusCode::kOutOfRange,
    absl::StatusCode::kUnimplemented,      absl::StatusCode::kUnauthenticated};
constexpr absl::StatusCode kPassing[] = {
    absl::StatusCode::kCancelled,        absl::StatusCode::kUnknown,
    absl::StatusCode::kDeadlineExceeded, absl::StatusCode::kResourceExhausted,
    absl::StatusCode::kAborted,          absl::StatusCode::kInternal,
    absl::StatusCode::kUnavailable,      absl::StatusCode::kDataLoss};

TEST(Error, ABearerTokenThatSomebodyTypedIsNotQuoted) {
  const std::string digits(64, 'a');
  const std::string typed = "tenants/team/tokens/quantd_01k3zr_" + digits;
  const absl::Status status = InvalidField("INVALID_NAME", "name", "'" + typed + "' is no name");
  EXPECT_EQ(status.ToString().find(digits), std::string::npos) << status;
  EXPECT_EQ(std::string(status.message()),
            "name: 'tenants/team/tokens/quantd_01k3zr_[secret]' is no name");
  EXPECT_THAT(status, NamesField("name"));
}

TEST(Error, DetailsSurviveTheTripThroughAStatus) {
  const ErrorDetails details{.reason = "UNSUPPORTED_OPERATOR",
                             .metadata = {{"node", "nms_0"}, {"op_type", "NonMaxSuppression"}},
                             .violations = {{"model.nms_0", "not supported"}},
                             .quotas = {{"tenants/team", "queued_jobs_max is 5"}},
                             .retry_after = absl::Milliseconds(250)};
  EXPECT_EQ(GetErrorDetails(MakeError(absl::StatusCode::kUnimplemented, "no", details)), details);
}

TEST(Error, ListsEveryViolation) {
  const absl::Status status = InvalidFields(
      "INVALID_SPEC", {{"spec.alpha", "must lie in (0, 1)"}, {"spec.recipe", "is missing"}});
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(status.message(), "spec.alpha: must lie in (0, 1); spec.recipe: is missing");
  EXPECT_THAT(status, NamesField("spec.recipe"));
}

TEST(Error, AnnotateKeepsCodeAndDetails) {
  const absl::Status status = Annotate(InvalidField("BAD_SHAPE", "w", "is empty"), "layer conv1");
  EXPECT_EQ(status.message(), "layer conv1: w: is empty");
  EXPECT_THAT(status, HasReason("BAD_SHAPE"));
}

TEST(Error, TheLogShowsCodeMessageAndReason) {
  EXPECT_EQ(FormatStatus(InvalidField("BAD_SHAPE", "w", "is empty")),
            "INVALID_ARGUMENT: w: is empty [BAD_SHAPE]");
  EXPECT_EQ(FormatStatus(absl::InternalError("broke")), "INTERNAL: broke");
  EXPECT_EQ(FormatStatus(absl::OkStatus()), "OK");
}

TEST(Error, RenamedFieldsShowInDetailsAndMessage) {
  const absl::Status status =
      RenameFields(InvalidFields("BAD_DATA", {{"data.files", "is empty"}, {"other", "is odd"}}),
                   "data", "spec.evaluation_data");
  EXPECT_EQ(status.message(), "spec.evaluation_data.files: is empty; other: is odd");
  EXPECT_THAT(status, NamesField("spec.evaluation_data.files"));
  EXPECT_THAT(status, HasReason("BAD_DATA"));
  EXPECT_TRUE(RenameFields(absl::OkStatus(), "data", "x").ok());
}

TEST(Error, BytesThatAreNotUtf8DoNotThrow) {
  EXPECT_THAT(InvalidField("BAD_NAME", "\xff\xfe", "is not UTF-8"), HasReason("BAD_NAME"));
}

TEST(IsRequestsFault, SaysSoForWhatIsWrongWithTheRequest) {
  for (const absl::StatusCode code : kFault) {
    EXPECT_TRUE(IsRequestsFault(code)) << absl::StatusCodeToString(code);
  }
}

TEST(IsRequestsFault, DeniesItForWhatMayPass) {
  for (const absl::StatusCode code : kPassing) {
    EXPECT_FALSE(IsRequestsFault(code)) << absl::StatusCodeToString(code);
  }
}

TEST(IsRequestsFault, EveryErrorCodeIsDecidedAbove) {
  // The codes are 1 to 16.
  EXPECT_EQ(std::size(kFault) + std::size(kPassing), 16u);
}

}  // namespace
}  // namespace quantd
