#include "worker/agent/child_process.h"

#include <signal.h>

#include <string>

#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using ::quantd::testing::HasReason;
using ::testing::HasSubstr;

struct Outcome {
  ExitState exit;
  std::string log;
  std::string events;
};

Outcome RunScript(const std::string& script, const SandboxLimits& limits = {},
                  const std::string& stop_after = "no output says this") {
  Outcome outcome;
  absl::StatusOr<ChildProcess> child = ChildProcess::Start(
      {.arguments = {"/bin/sh", "-c", script, "sh", "{events}"}, .limits = limits});
  EXPECT_OK(child);
  outcome.exit = child->Wait(
      {.log = [&](absl::string_view text) { outcome.log += std::string(text); },
       .events = [&](absl::string_view bytes) { outcome.events += std::string(bytes); }},
      [&] { return outcome.log.find(stop_after) == std::string::npos; }, absl::Milliseconds(200));
  return outcome;
}

TEST(ChildProcess, CapturesOutputErrorAndEvents) {
  const Outcome outcome = RunScript("echo out; echo err >&2; eval \"echo event >&$1\"");
  EXPECT_EQ(outcome.log, "out\nerr\n");
  EXPECT_EQ(outcome.events, "event\n");
  EXPECT_OK(ExplainExit(outcome.exit));
}

TEST(ChildProcess, ExplainsAKill) {
  EXPECT_THAT(ExplainExit(RunScript("kill -KILL $$").exit), HasReason("CHILD_KILLED"));
}

TEST(ChildProcess, ExplainsACrashByItsSignal) {
  const absl::Status status = ExplainExit(RunScript("kill -SEGV $$").exit);
  EXPECT_THAT(status, HasReason("CHILD_CRASHED"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("signal 11"));
}

TEST(ChildProcess, ExplainsAnExitCodeWithoutResult) {
  EXPECT_THAT(ExplainExit(RunScript("exit 3").exit), HasReason("CHILD_FAILED"));
}

TEST(ChildProcess, StopsOneThatIgnoresTerm) {
  const Outcome outcome = RunScript("trap '' TERM; echo ready; while :; do sleep 0.05; done", {}, "ready");
  EXPECT_TRUE(outcome.exit.signalled);
  EXPECT_EQ(outcome.exit.code, SIGKILL);
}

TEST(ChildProcess, EndsAtTheCpuLimit) {
  SandboxLimits limits;
  limits.cpu_seconds_max = 1;
  EXPECT_THAT(ExplainExit(RunScript("while :; do :; done", limits).exit), HasReason("CPU_LIMIT"));
}

TEST(ChildProcess, EndsAtTheFileSizeLimit) {
  SandboxLimits limits;
  limits.file_bytes_max = 4096;
  const Outcome outcome = RunScript("f=$(mktemp); trap 'rm -f $f' EXIT; head -c 100000 /dev/zero > $f", limits);
  EXPECT_FALSE(outcome.exit.code == 0 && !outcome.exit.signalled);
}

TEST(ChildProcess, HasNoNetworkWhereTheSystemAllowsNamespaces) {
  absl::StatusOr<ChildProcess> child = ChildProcess::Start(
      {.arguments = {"/bin/sh", "-c", "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '"}});
  ASSERT_OK(child);
  const bool isolated = child->network_isolated();
  std::string log;
  child->Wait({.log = [&](absl::string_view text) { log += std::string(text); },
               .events = [](absl::string_view) {}},
              [] { return true; }, absl::Seconds(1));
  if (!isolated) GTEST_SKIP() << "this system does not allow network namespaces";
  EXPECT_EQ(log, "lo\n");
}

TEST(ChildProcess, AMissingProgramIsAnErrorAtOnce) {
  EXPECT_THAT(ChildProcess::Start({.arguments = {"/nonexistent/program"}}),
              testing::StatusIs(absl::StatusCode::kNotFound, HasSubstr("/nonexistent/program")));
}

}  // namespace
}  // namespace quantd
