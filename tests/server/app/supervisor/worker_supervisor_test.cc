#include "server/app/supervisor/worker_supervisor.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <functional>
#include <thread>

#include "absl/time/clock.h"
#include "common/error.h"
#include "common/file.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using testing::IsOk;
using testing::StatusIs;

// Asks until it holds; the limit only ends a test that has failed.
bool Eventually(const std::function<bool()>& condition) {
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (absl::Now() < deadline) {
    if (condition()) return true;
    std::this_thread::yield();
  }
  return false;
}

bool Exists(int pid) { return ::kill(pid, 0) == 0 || errno != ESRCH; }

class WorkerSupervisorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    folder_ = MakeTemporaryFolder("supervisor_test").value();
  }
  void TearDown() override { ASSERT_OK(RemoveAll(folder_)); }

  // A worker that runs a shell script.
  std::unique_ptr<WorkerSupervisor> StartScripts(const std::vector<std::string>& scripts) {
    std::vector<WorkerCommand> commands;
    for (const std::string& script : scripts) {
      commands.push_back({.name = "w", .arguments = {"/bin/sh", "-c", script}});
    }
    auto supervisor = WorkerSupervisor::Start(std::move(commands));
    EXPECT_OK(supervisor);
    return *std::move(supervisor);
  }

  int LinesOf(const std::string& file) {
    std::ifstream in(folder_ + "/" + file);
    int lines = 0;
    for (std::string line; std::getline(in, line);) ++lines;
    return lines;
  }

  std::string folder_;
};

TEST(RestartDelay, DoublesFromATenthOfASecondToTenSeconds) {
  EXPECT_EQ(RestartDelay(1), absl::Milliseconds(100));
  EXPECT_EQ(RestartDelay(2), absl::Milliseconds(200));
  EXPECT_EQ(RestartDelay(7), absl::Milliseconds(6400));
  EXPECT_EQ(RestartDelay(8), absl::Seconds(10));
  EXPECT_EQ(RestartDelay(1'000'000), absl::Seconds(10));
}

TEST(DeathsInARow, ALongLifeStartsTheCountAnew) {
  EXPECT_EQ(DeathsInARow(0, absl::ZeroDuration()), 1);
  EXPECT_EQ(DeathsInARow(6, absl::Seconds(59)), 7);
  EXPECT_EQ(DeathsInARow(6, absl::Seconds(60)), 1);
  EXPECT_EQ(DeathsInARow(6, absl::Hours(5)), 1);
}

TEST(ExplainEnd, NamesTheCodeOrTheSignal) {
  EXPECT_EQ(ExplainEnd(W_EXITCODE(3, 0)), "exit code 3");
  EXPECT_EQ(ExplainEnd(W_EXITCODE(127, 0)), "exit code 127 (it could not be executed)");
  EXPECT_EQ(ExplainEnd(W_EXITCODE(0, SIGKILL)), "killed by signal 9 (Killed)");
}

TEST_F(WorkerSupervisorTest, AWorkerThatDiesIsStartedAgain) {
  const auto supervisor = StartScripts({"echo started >> " + folder_ + "/starts; exit 1"});
  EXPECT_TRUE(Eventually([&] { return LinesOf("starts") >= 3; }));
}

TEST_F(WorkerSupervisorTest, AKilledWorkerComesBackAsAnotherProcess) {
  const auto supervisor = StartScripts({"exec sleep 1000"});
  ASSERT_TRUE(Eventually([&] { return supervisor->pids().size() == 1; }));
  const int first = supervisor->pids()[0];
  ::kill(first, SIGKILL);
  EXPECT_TRUE(Eventually([&] {
    const std::vector<int> pids = supervisor->pids();
    return pids.size() == 1 && pids[0] != first;
  }));
}

TEST_F(WorkerSupervisorTest, DrainingLetsWorkersEndByThemselvesAndStartsNoneAgain) {
  // Blocked signals must not be inherited: the trap has to see SIGTERM.
  const std::string script = "trap 'echo drained >> " + folder_ +
                             "/log; exit 0' TERM; echo ready >> " + folder_ +
                             "/log; while :; do :; done";
  const auto supervisor = StartScripts({script, script});
  ASSERT_TRUE(Eventually([&] { return LinesOf("log") == 2; }));
  supervisor->Drain(absl::Seconds(30));
  EXPECT_EQ(LinesOf("log"), 4);
  EXPECT_TRUE(supervisor->pids().empty());
}

TEST_F(WorkerSupervisorTest, AWorkerThatDoesNotDrainInTimeIsKilled) {
  const auto supervisor =
      StartScripts({"trap '' TERM; echo ready >> " + folder_ + "/log; while :; do :; done"});
  ASSERT_TRUE(Eventually([&] { return LinesOf("log") == 1; }));
  const int pid = supervisor->pids().at(0);
  supervisor->Drain(absl::Milliseconds(50));
  EXPECT_FALSE(Exists(pid));
}

TEST_F(WorkerSupervisorTest, DestructionKillsWhatStillRuns) {
  auto supervisor = StartScripts({"exec sleep 1000"});
  ASSERT_TRUE(Eventually([&] { return supervisor->pids().size() == 1; }));
  const int pid = supervisor->pids()[0];
  supervisor.reset();
  EXPECT_FALSE(Exists(pid));
}

TEST_F(WorkerSupervisorTest, AProgramThatCannotBeExecutedIsToldAtOnce) {
  const auto supervisor =
      WorkerSupervisor::Start({{.name = "w", .arguments = {folder_ + "/missing"}}});
  EXPECT_THAT(supervisor, StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(GetErrorDetails(supervisor.status()).reason, "WORKER_NOT_FOUND");
}

TEST_F(WorkerSupervisorTest, AWorkerGetsNoOpenFileAndNoIgnoredSignal) {
  // Open, and not closed on exec: what a library may leave behind.
  const int leaked = ::open("/dev/zero", O_RDONLY);
  ASSERT_GE(leaked, 0);
  const auto old_action = ::signal(SIGTERM, SIG_IGN);
  const auto supervisor =
      StartScripts({"ls -l /proc/$$/fd > " + folder_ + "/fds; trap 'echo drained > " + folder_ +
                    "/log; exit 0' TERM; echo ready > " + folder_ + "/ready; while :; do :; done"});
  ASSERT_TRUE(Eventually([&] { return LinesOf("ready") == 1; }));
  ::signal(SIGTERM, old_action);
  ::close(leaked);
  supervisor->Drain(absl::Seconds(30));
  // A shell cannot trap a signal that it was started with ignored.
  EXPECT_EQ(LinesOf("log"), 1);
  const std::string fds = ReadFile(folder_ + "/fds", 1 << 20).value();
  EXPECT_EQ(fds.find("/dev/zero"), std::string::npos) << fds;
  EXPECT_NE(fds.find("0 -> /dev/null"), std::string::npos) << fds;
}

TEST_F(WorkerSupervisorTest, AWorkerDiesWithTheServerHoweverThatEnds) {
  // The orphan becomes this process's child, which can then see and reap it.
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  const pid_t server = ::fork();
  ASSERT_GE(server, 0);
  if (server == 0) {
    const auto supervisor = StartScripts({"echo $$ > " + folder_ + "/tmp; mv " + folder_ + "/tmp " +
                                          folder_ + "/pid; exec sleep 1000"});
    while (true) ::pause();
  }
  ASSERT_TRUE(Eventually([&] { return LinesOf("pid") == 1; }));
  pid_t worker = 0;
  std::ifstream(folder_ + "/pid") >> worker;
  ::kill(server, SIGKILL);
  EXPECT_EQ(::waitpid(server, nullptr, 0), server);
  int status = 0;
  EXPECT_EQ(::waitpid(worker, &status, 0), worker);
  EXPECT_EQ(ExplainEnd(status), "killed by signal 9 (Killed)");
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

}  // namespace
}  // namespace quantd
