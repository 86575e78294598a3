#include "worker/agent/child_process.h"

#include <signal.h>

#include <cstdlib>
#include <string>

#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using ::quantd::testing::HasReason;
using ::testing::HasSubstr;
using ::testing::Not;

struct Outcome {
  ExitState exit;
  std::string log;
  std::string events;
};

Outcome RunScript(const std::string& script, const SandboxLimits& limits = {},
                  const std::string& stop_after = "no output says this") {
  Outcome outcome;
  absl::StatusOr<ChildProcess> child = ChildProcess::Start(
      {.arguments = {"/bin/sh", "-c", script, "sh", "{events}"}, .sandbox = {.limits = limits}});
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

TEST(ChildProcess, KnowsOfTheEnvironmentOnlyWhatComputingNeeds) {
  setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
  setenv("QUANTD_TOKEN_FILE", "/secret", 1);
  setenv("OMP_WAIT_POLICY", "passive", 1);
  setenv("LC_NUMERIC", "C", 1);
  const std::string seen = "\n" + RunScript("export -p; tr '\\0' '\\n' </proc/self/environ").log;
  for (const char* name : {"AWS_SECRET_ACCESS_KEY", "QUANTD_TOKEN_FILE", "OMP_WAIT_POLICY", "LC_NUMERIC"}) unsetenv(name);
  EXPECT_THAT(seen, Not(HasSubstr("secret")));
  EXPECT_THAT(seen, Not(HasSubstr("QUANTD_TOKEN_FILE")));
  EXPECT_THAT(seen, HasSubstr("\nOMP_WAIT_POLICY=passive\n"));
  EXPECT_THAT(seen, HasSubstr("\nLC_NUMERIC=C\n"));
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

TEST(ChildProcess, ExplainsAKillByItsControlGroup) {
  const ExitState killed{.signalled = true, .code = SIGKILL};
  EXPECT_THAT(ExplainExit(killed, /*ran_out_of_memory=*/true), HasReason("MEMORY_LIMIT"));
  EXPECT_THAT(ExplainExit(killed, /*ran_out_of_memory=*/false), HasReason("CHILD_KILLED"));
}

TEST(ChildProcess, AMissingProgramIsAnErrorAtOnce) {
  EXPECT_THAT(ChildProcess::Start({.arguments = {"/nonexistent/program"}}),
              testing::StatusIs(absl::StatusCode::kNotFound, HasSubstr("/nonexistent/program")));
}

}  // namespace
}  // namespace quantd
