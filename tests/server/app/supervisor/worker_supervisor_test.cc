#include "server/app/supervisor/worker_supervisor.h"

#include <signal.h>
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
  const auto supervisor = StartScripts({"trap '' TERM; echo ready >> " + folder_ +
                                        "/log; while :; do :; done"});
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

}  // namespace
}  // namespace quantd
