// Each restriction is proved from within: the same deed succeeds in a process like any other, or the test says why it
// cannot tell.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_folder.h"
#include "tests/worker/sandbox/deed_process.h"
#include "worker/job/protocol/job_folder.h"

namespace quantd {
namespace {

using ::quantd::testing::DeedOutcome;
using ::quantd::testing::OwnProgram;
using ::quantd::testing::TemporaryFolder;
using ::quantd::testing::TryAfterStart;
using ::quantd::testing::TryFreely;
using ::quantd::testing::TryInSandbox;
using ::testing::AnyOf;
using ::testing::Contains;

bool Has(const SandboxReport& report, const std::string& word) {
  return std::find(report.applied.begin(), report.applied.end(), word) != report.applied.end();
}

std::string ReasonWithout(const SandboxReport& report, const std::string& word) {
  for (const std::string& text : report.missing) {
    if (absl::StartsWith(text, word + ":")) return text;
  }
  return word + " is not applied";
}

class Sandbox : public ::testing::Test {
 protected:
  Sandbox() {
    job_.path = folder_.path() + "/job";
    for (const std::string& path : {job_.InputsFolder(), job_.CheckpointFolder(), job_.OutputFilesFolder()}) {
      EXPECT_OK(CreateFolders(path));
    }
    input_ = job_.InputsFolder() + "/model";
    EXPECT_OK(WriteFileAtomically(input_, "weights"));
    outside_ = folder_.path() + "/other-job";
    EXPECT_OK(WriteFileAtomically(outside_, "secret"));
  }

  // The deed succeeds outside, and inside `word` is there and stops it with one of the errors.
  void ExpectStopped(const std::string& word, const std::string& deed, const std::string& argument) {
    const DeedOutcome inside = TryInSandbox(deed, argument, job_.path);
    if (!Has(inside.report, word)) GTEST_SKIP() << ReasonWithout(inside.report, word);
    EXPECT_FALSE(inside.exit.signalled) << deed;
    EXPECT_THAT(inside.exit.code, AnyOf(EPERM, EACCES)) << deed << " " << argument;
    const ExitState outside = TryFreely(deed, argument);
    if (outside.code != 0) GTEST_SKIP() << deed << " fails outside as well, with errno " << outside.code;
  }

  TemporaryFolder folder_;
  JobFolder job_;
  std::string input_;    // Inside; for reading.
  std::string outside_;  // Beside the job's folder.
};

#define EXPECT_STOPPED(word, deed, argument)                        \
  do {                                                              \
    ExpectStopped(word, deed, argument);                            \
    if (::testing::Test::IsSkipped()) return;                       \
  } while (false)

TEST_F(Sandbox, LetsAJobDoItsWork) {
  for (const auto& [deed, argument] :
       {std::pair<std::string, std::string>{"read", input_},
        {"list", job_.InputsFolder()},
        {"create", job_.OutputFilesFolder() + "/result"},
        {"create", job_.CheckpointFolder() + "/stage"},
        {"unlink", job_.CheckpointFolder() + "/stage"},
        {"read", "/proc/self/status"},
        {"list", "/sys/devices/system/cpu"},
        {"create", "/dev/null"},
        {"memory", "16777216"},
        {"threads", ""}}) {
    const DeedOutcome outcome = TryInSandbox(deed, argument, job_.path);
    EXPECT_FALSE(outcome.exit.signalled);
    EXPECT_EQ(outcome.exit.code, 0) << deed << " " << argument;
  }
}

TEST_F(Sandbox, SaysOfEveryWordWhetherItIsApplied) {
  const SandboxReport report = TryInSandbox("threads", "", job_.path).report;
  for (const char* word : {"no_network", "no_new_privileges", "no_capabilities", "landlock", "seccomp", "memory_limit",
                           "cpu_limit", "file_size_limit", "open_files_limit"}) {
    EXPECT_NE(Has(report, word), absl::StartsWith(ReasonWithout(report, word), absl::StrCat(word, ":"))) << word;
  }
}

TEST_F(Sandbox, StopsConnectionsToThisMachine) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(listener, 4), 0);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::string port = absl::StrCat(ntohs(address.sin_port));
  EXPECT_EQ(TryFreely("connect", port).code, 0);
  const DeedOutcome inside = TryInSandbox("connect", port, job_.path);
  const DeedOutcome started = TryAfterStart("connect", port, {});
  close(listener);
  if (Has(started.report, "no_network")) {
    EXPECT_EQ(started.exit.code, ENETUNREACH);
  }
  if (!Has(inside.report, "no_network")) GTEST_SKIP() << ReasonWithout(inside.report, "no_network");
  EXPECT_NE(inside.exit.code, 0);
}

TEST_F(Sandbox, StopsSockets) {
  EXPECT_STOPPED("seccomp", "socket", "");
  EXPECT_STOPPED("seccomp", "unix-socket", "");
}

TEST_F(Sandbox, StopsReadingOtherFiles) {
  EXPECT_STOPPED("landlock", "read", "/etc/passwd");
  EXPECT_STOPPED("landlock", "read", outside_);
  EXPECT_STOPPED("landlock", "list", folder_.path());
  EXPECT_STOPPED("landlock", "list", "/");
  EXPECT_STOPPED("landlock", "list", "/proc");
}

TEST_F(Sandbox, StopsWritingOtherFiles) {
  EXPECT_STOPPED("landlock", "overwrite", outside_);
  EXPECT_STOPPED("landlock", "create", folder_.path() + "/new");
  EXPECT_STOPPED("landlock", "create", job_.path + "/new");
}

TEST_F(Sandbox, StopsChangesOfTheInputs) {
  EXPECT_STOPPED("landlock", "overwrite", input_);
  EXPECT_STOPPED("landlock", "create", job_.InputsFolder() + "/new");
  EXPECT_STOPPED("seccomp", "empty-by-reading", input_);
  EXPECT_STOPPED("seccomp", "truncate", input_);
  EXPECT_STOPPED("landlock", "unlink", input_);
}

TEST_F(Sandbox, StopsLinksAndSetuidFiles) {
  EXPECT_STOPPED("seccomp", "symlink", job_.OutputFilesFolder() + "/link");
  const std::string own = job_.OutputFilesFolder() + "/own";
  ASSERT_OK(WriteFileAtomically(own, ""));
  EXPECT_STOPPED("seccomp", "make-setuid", own);
}

TEST_F(Sandbox, StopsOtherPrograms) {
  EXPECT_STOPPED("seccomp", "execute", "/bin/true");
  EXPECT_STOPPED("seccomp", "fork", "");
}

TEST_F(Sandbox, StopsLookingAtOtherProcesses) {
  EXPECT_STOPPED("seccomp", "trace", "");
  EXPECT_STOPPED("seccomp", "signal-parent", "");
}

TEST_F(Sandbox, StopsReadingTheWorkersMemory) {
  // Outside the address is not the parent's, or a security module objects: any other error proves as much.
  const DeedOutcome inside = TryInSandbox("read-parents-memory", "", job_.path);
  if (!Has(inside.report, "seccomp")) GTEST_SKIP() << ReasonWithout(inside.report, "seccomp");
  EXPECT_EQ(inside.exit.code, EPERM);
}

TEST_F(Sandbox, StopsNewNamespaces) {
  EXPECT_STOPPED("seccomp", "user-namespace", "");
  EXPECT_STOPPED("seccomp", "user-namespace-by-clone", "");
}

TEST_F(Sandbox, StopsMounts) { EXPECT_STOPPED("seccomp", "mount", folder_.path()); }

TEST_F(Sandbox, StopsSharedMemory) { EXPECT_STOPPED("seccomp", "shared-memory", ""); }

TEST_F(Sandbox, StopsMemoryOutsideOfItsAddressSpace) { EXPECT_STOPPED("seccomp", "memory-file", ""); }

TEST_F(Sandbox, StopsWaysIntoTheKernelThatNoJobNeeds) {
  for (const char* deed : {"keyctl", "bpf", "io-uring", "userfaultfd"}) {
    const DeedOutcome inside = TryInSandbox(deed, "", job_.path);
    if (!Has(inside.report, "seccomp")) GTEST_SKIP() << ReasonWithout(inside.report, "seccomp");
    EXPECT_EQ(inside.exit.code, EPERM) << deed;
    // With these arguments a kernel that lets the call through finds another fault, or none.
    if (TryFreely(deed, "").code == EPERM) std::printf("%s is forbidden on this whole machine\n", deed);
  }
}

TEST_F(Sandbox, StopsHigherLimits) {
  const DeedOutcome inside = TryInSandbox("raise-limit", "", job_.path);
  EXPECT_EQ(inside.exit.code, EPERM);
  if (geteuid() == 0) {
    EXPECT_EQ(TryFreely("raise-limit", "").code, 0);
  }
}

TEST_F(Sandbox, AJobMayStillAbort) {
  const DeedOutcome inside = TryInSandbox("abort", "", job_.path);
  EXPECT_TRUE(inside.exit.signalled);
  EXPECT_EQ(inside.exit.code, SIGABRT);
}

TEST_F(Sandbox, LimitsMemory) {
  StartSandbox sandbox;
  sandbox.limits.memory_bytes_max = 512 << 20;
  const DeedOutcome limited = TryAfterStart("memory", "805306368", sandbox);
  if (!Has(limited.report, "memory_limit")) GTEST_SKIP() << ReasonWithout(limited.report, "memory_limit");
  EXPECT_EQ(limited.exit.code, ENOMEM);
  EXPECT_EQ(TryFreely("memory", "805306368").code, 0);
}

TEST_F(Sandbox, LimitsProcessorTime) {
  StartSandbox sandbox;
  sandbox.limits.cpu_seconds_max = 1;
  EXPECT_THAT(ExplainExit(TryAfterStart("spin", "", sandbox).exit), testing::HasReason("CPU_LIMIT"));
}

TEST_F(Sandbox, LimitsTheSizeOfFiles) {
  StartSandbox sandbox;
  sandbox.limits.file_bytes_max = 4096;
  const std::string path = job_.OutputFilesFolder() + "/large";
  EXPECT_EQ(TryInSandbox("write-64k", path, job_.path, sandbox).exit.code, EFBIG);
  EXPECT_EQ(TryFreely("write-64k", path).code, 0);
}

TEST_F(Sandbox, LimitsOpenFiles) {
  StartSandbox sandbox;
  sandbox.limits.open_files_max = 20;
  EXPECT_LE(TryAfterStart("open-files", "", sandbox).exit.code, 20);
  EXPECT_EQ(TryFreely("open-files", "").code, 200);
}

TEST_F(Sandbox, ASetuidFileGivesNoPrivileges) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can make a file that gives root's rights";
  const absl::StatusOr<JobUser> nobody = FindJobUser("nobody");
  if (!nobody.ok()) GTEST_SKIP() << nobody.status();
  // Where the unprivileged user can reach it.
  ASSERT_EQ(chmod(folder_.path().c_str(), 0755), 0);
  const std::string program = folder_.path() + "/setuid";
  ASSERT_OK_AND_ASSIGN(const std::string content, ReadFile(OwnProgram(), int64_t{1} << 30));
  ASSERT_OK(WriteFileAtomically(program, content));
  ASSERT_EQ(chmod(program.c_str(), 04755), 0);
  const auto run = [&](bool sandboxed) {
    StartSandbox sandbox{.user = *nobody};
    if (sandboxed) {
      absl::StatusOr<ChildProcess> child =
          ChildProcess::Start({.arguments = {program, "--outside", "is-root", ""}, .sandbox = sandbox});
      EXPECT_OK(child);
      return child->Wait({[](absl::string_view) {}, [](absl::string_view) {}}, [] { return true; },
                         absl::Seconds(1)).code;
    }
    const std::string command = absl::StrCat("setpriv --reuid ", nobody->uid, " --clear-groups ", program,
                                             " --outside is-root ''");
    return WEXITSTATUS(std::system(command.c_str()));
  };
  EXPECT_EQ(run(/*sandboxed=*/true), EPERM);
  if (run(/*sandboxed=*/false) != 0) GTEST_SKIP() << "setuid files give no rights here at all (nosuid)";
}

TEST_F(Sandbox, AJobOfAnotherUserCanReadItsInputsAndWriteItsOutput) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  const absl::StatusOr<JobUser> nobody = FindJobUser("nobody");
  if (!nobody.ok()) GTEST_SKIP() << nobody.status();
  const StartSandbox sandbox{.user = *nobody};
  ASSERT_EQ(chmod(outside_.c_str(), 0600), 0);
  ASSERT_EQ(chmod(folder_.path().c_str(), 0711), 0);
  ASSERT_EQ(chmod(job_.path.c_str(), 0711), 0);
  ASSERT_EQ(chmod(job_.InputsFolder().c_str(), 0711), 0);
  ASSERT_EQ(chmod(input_.c_str(), 0644), 0);
  for (const std::string& path : {job_.CheckpointFolder(), job_.OutputFolder(), job_.OutputFilesFolder()}) {
    ASSERT_EQ(chown(path.c_str(), nobody->uid, nobody->gid), 0);
  }
  if (access(OwnProgram().c_str(), X_OK) != 0 || TryAfterStart("threads", "", sandbox).exit.code != 0) {
    GTEST_SKIP() << "nobody cannot reach this program";
  }
  EXPECT_EQ(TryInSandbox("read", input_, job_.path, sandbox).exit.code, 0);
  EXPECT_EQ(TryInSandbox("create", job_.OutputFilesFolder() + "/result", job_.path, sandbox).exit.code, 0);
  EXPECT_EQ(TryAfterStart("read", outside_, sandbox).exit.code, EACCES);
  EXPECT_EQ(TryAfterStart("overwrite", input_, sandbox).exit.code, EACCES);
  EXPECT_EQ(TryAfterStart("is-root", "", sandbox).exit.code, EPERM);
  EXPECT_THAT(TryInSandbox("threads", "", job_.path, sandbox).report.applied, Contains("unprivileged_user"));
}

TEST_F(Sandbox, AJobEndsWithItsWorker) {
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  const pid_t worker = fork();
  if (worker == 0) {
    dup2(fds[1], 1);
    close(fds[0]);
    close(fds[1]);
    execl(OwnProgram().c_str(), "worker", "--worker", job_.path.c_str(), nullptr);
    _exit(254);
  }
  close(fds[1]);
  FILE* said = fdopen(fds[0], "r");
  int job = 0;
  ASSERT_EQ(std::fscanf(said, "%d", &job), 1);
  std::fclose(said);
  const int watched = static_cast<int>(syscall(SYS_pidfd_open, job, 0));
  ASSERT_GE(watched, 0);
  pollfd ended{watched, POLLIN, 0};
  EXPECT_EQ(poll(&ended, 1, 0), 0) << "the job runs as long as its worker does";
  kill(worker, SIGKILL);
  waitpid(worker, nullptr, 0);
  EXPECT_EQ(poll(&ended, 1, 30'000), 1);
  close(watched);
}

TEST(JobUser, IsLookedUpByName) {
  EXPECT_THAT(FindJobUser("no-such-user-here"), testing::HasReason("NO_SUCH_USER"));
  EXPECT_THAT(FindJobUser("root"), testing::HasReason("INVALID_JOB_USER"));
}

TEST(MergeReports, AProcessWithoutSocketsHasNoNetwork) {
  const SandboxReport start{.applied = {"cpu_limit"}, .missing = {"user_namespace: no", "no_network: no"}};
  EXPECT_EQ(MergeReports(start, {.applied = {"seccomp"}}),
            (SandboxReport{{"cpu_limit", "seccomp", "no_network"}, {"user_namespace: no"}}));
  EXPECT_EQ(MergeReports(start, {.applied = {"landlock"}, .missing = {"seccomp: none"}}),
            (SandboxReport{{"cpu_limit", "landlock"}, {"user_namespace: no", "no_network: no", "seccomp: none"}}));
}

}  // namespace
}  // namespace quantd
