#include "proto/wire/grpc_log.h"

#include <gmock/gmock.h>
#include <grpc/support/log.h>

#include "absl/strings/str_split.h"

namespace quantd {
namespace {

using ::testing::HasSubstr;

class GrpcLogTest : public ::testing::Test {
 protected:
  GrpcLogTest() { gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR); }
  ~GrpcLogTest() override { gpr_set_log_function(nullptr); }
};

TEST_F(GrpcLogTest, MessagesBecomeLinesOfOurLog) {
  SendGrpcMessagesToLog();
  ::testing::internal::CaptureStderr();
  gpr_log(GPR_ERROR, "no match for %s", "one\ntwo");
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, HasSubstr("warning gRPC has a message text=\"no match for one\\ntwo\""));
}

TEST_F(GrpcLogTest, AFloodIsCounted) {
  SendGrpcMessagesToLog();
  ::testing::internal::CaptureStderr();
  // More than two whole seconds can hold, should the test be as slow as that.
  for (int i = 0; i < 1000; ++i) gpr_log(GPR_ERROR, "again");
  const std::string said = ::testing::internal::GetCapturedStderr();
  const std::vector<std::string> lines = absl::StrSplit(said, '\n', absl::SkipEmpty());
  EXPECT_GE(lines.size(), 1u);
  EXPECT_LT(lines.size(), 1000u);
}

TEST_F(GrpcLogTest, ASilencedOneSaysNothing) {
  ::unsetenv("GRPC_VERBOSITY");
  SilenceGrpcMessages();
  ::testing::internal::CaptureStderr();
  gpr_log(GPR_ERROR, "nobody hears this");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace quantd
