#include "tests/worker/sandbox/deed_process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/check.h"
#include "tests/worker/sandbox/forbidden_deeds.h"
#include "worker/job/protocol/job_folder.h"
#include "worker/sandbox/job_sandbox.h"

namespace quantd::testing {
namespace {

constexpr char kInside[] = "--inside";  // DEED ARGUMENT FOLDER EVENTS_FD
constexpr char kOutside[] = "--outside";  // DEED ARGUMENT
constexpr char kWorker[] = "--worker";  // FOLDER: starts a sandboxed process, tells its id, and waits.

// Lines of "+word" and "-word: reason".
std::string ToText(const SandboxReport& report) {
  std::string text;
  for (const std::string& word : report.applied) absl::StrAppend(&text, "+", word, "\n");
  for (const std::string& word : report.missing) absl::StrAppend(&text, "-", word, "\n");
  return text;
}

SandboxReport FromText(const std::string& text) {
  SandboxReport report;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    (line[0] == '+' ? report.applied : report.missing).emplace_back(line.substr(1));
  }
  return report;
}

DeedOutcome Run(const std::vector<std::string>& arguments, const StartSandbox& sandbox) {
  absl::StatusOr<ChildProcess> child = ChildProcess::Start({.arguments = arguments, .sandbox = sandbox});
  EXPECT_TRUE(child.ok()) << child.status();
  if (!child.ok()) return {};
  std::string log, events;
  const ExitState exit = child->Wait(
      {.log = [&](absl::string_view text) { log.append(text.data(), text.size()); },
       .events = [&](absl::string_view text) { events.append(text.data(), text.size()); }},
      [] { return true; }, absl::Seconds(1));
  EXPECT_EQ(log, "");
  return {exit, MergeReports(child->sandbox(), FromText(events))};
}

int Inside(char** arguments) {
  const JobFolder folder{arguments[2]};
  const SandboxReport report = EnterJobSandbox(
      {.readable_folder = folder.path, .writable_folders = {folder.CheckpointFolder(), folder.OutputFolder()}});
  const std::string text = ToText(report);
  const ssize_t told = write(std::stoi(arguments[3]), text.data(), text.size());
  return told < 0 ? 255 : TryDeed(arguments[0], arguments[1]);
}

int Worker(char** arguments) {
  const absl::StatusOr<ChildProcess> child = ChildProcess::Start(
      {.arguments = {OwnProgram(), kInside, "wait", "", arguments[0], "{events}"}, .sandbox = {}});
  QUANTD_CHECK(child.ok());
  std::printf("%d\n", child->pid());
  std::fflush(stdout);
  return pause();
}

}  // namespace

std::string OwnProgram() {
  char path[4096];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof(path));
  return std::string(path, static_cast<size_t>(std::max<ssize_t>(length, 0)));
}

DeedOutcome TryInSandbox(const std::string& deed, const std::string& argument, const std::string& folder,
                         const StartSandbox& sandbox) {
  return Run({OwnProgram(), kInside, deed, argument, folder, "{events}"}, sandbox);
}

DeedOutcome TryAfterStart(const std::string& deed, const std::string& argument, const StartSandbox& sandbox) {
  return Run({OwnProgram(), kOutside, deed, argument}, sandbox);
}

ExitState TryFreely(const std::string& deed, const std::string& argument) {
  const std::string program = OwnProgram();
  const pid_t child = fork();
  if (child == 0) {
    execl(program.c_str(), program.c_str(), kOutside, deed.c_str(), argument.c_str(), nullptr);
    _exit(254);
  }
  int state = 0;
  while (waitpid(child, &state, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(state)) return {.signalled = true, .code = WTERMSIG(state)};
  return {.signalled = false, .code = WEXITSTATUS(state)};
}

}  // namespace quantd::testing

// In the place of GoogleTest's: this program is also its own child.
int main(int argc, char** argv) {
  using namespace quantd::testing;
  if (argc == 6 && std::strcmp(argv[1], kInside) == 0) return Inside(argv + 2);
  if (argc == 4 && std::strcmp(argv[1], kOutside) == 0) return TryDeed(argv[2], argv[3]);
  if (argc == 3 && std::strcmp(argv[1], kWorker) == 0) return Worker(argv + 2);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
