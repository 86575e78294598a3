#include "worker/sandbox/start_sandbox.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error.h"

namespace quantd {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kLimitsAddressSpace = false;  // Sanitizers reserve terabytes of it.
#else
constexpr bool kLimitsAddressSpace = true;
#endif

int ErrorOf(int result) { return result == 0 ? 0 : errno; }

int Limit(int resource, int64_t soft, int64_t hard) {
  const rlimit limit{static_cast<rlim_t>(soft), static_cast<rlim_t>(hard)};
  return ErrorOf(setrlimit(static_cast<__rlimit_resource>(resource), &limit));
}

int ApplyLimits(const SandboxLimits& limits) {
  if (const int error = Limit(RLIMIT_CORE, 0, 0)) return error;
  if (kLimitsAddressSpace) {
    if (const int error = Limit(RLIMIT_AS, limits.memory_bytes_max, limits.memory_bytes_max)) return error;
  }
  // The soft limit's SIGXCPU says what happened; SIGKILL at the hard one is for a process that ignores it.
  if (const int error = Limit(RLIMIT_CPU, limits.cpu_seconds_max, limits.cpu_seconds_max + 5)) return error;
  if (const int error = Limit(RLIMIT_FSIZE, limits.file_bytes_max, limits.file_bytes_max)) return error;
  return Limit(RLIMIT_NOFILE, limits.open_files_max, limits.open_files_max);
}

int BecomeUser(const JobUser& user) {
  // The raw calls: libc's would stop and ask the other threads, which this copy of the process does not have.
  if (syscall(SYS_setgroups, 0, nullptr) != 0 || syscall(SYS_setresgid, user.gid, user.gid, user.gid) != 0 ||
      syscall(SYS_setresuid, user.uid, user.uid, user.uid) != 0) {
    return errno;
  }
  // A process that changed its user may not open its own /proc/self/uid_map, which comes next.
  return ErrorOf(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

int WriteText(const char* path, const char* text, size_t bytes) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const int error = write(fd, text, bytes) == static_cast<ssize_t>(bytes) ? 0 : errno;
  close(fd);
  return error;
}

// Writes "ID ID 1", which maps one id to itself.
int MapId(const char* path, unsigned id) {
  char digits[16];
  size_t count = 0;
  do {
    digits[count++] = static_cast<char>('0' + id % 10);
  } while ((id /= 10) > 0);
  char text[40];
  size_t size = 0;
  for (int copy = 0; copy < 2; ++copy) {
    for (size_t i = count; i > 0; --i) text[size++] = digits[i - 1];
    text[size++] = ' ';
  }
  text[size++] = '1';
  return WriteText(path, text, size);
}

int EnterUserNamespace() {
  const uid_t uid = geteuid();
  const gid_t gid = getegid();
  if (const int error = ErrorOf(unshare(CLONE_NEWUSER))) return error;
  // Without this an unprivileged process may not map its group.
  WriteText("/proc/self/setgroups", "deny", 4);
  if (const int error = MapId("/proc/self/gid_map", gid)) return error;
  return MapId("/proc/self/uid_map", uid);
}

int DropPrivileges() {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
  // Root keeps its capabilities over exec, others' are those of the new user namespace. After no_new_privs, what is
  // gone stays gone.
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  return ErrorOf(static_cast<int>(syscall(SYS_capset, &header, none)));
}

void Describe(const char* word, int error, SandboxReport& report) {
  if (error == 0) {
    report.applied.push_back(word);
  } else {
    report.missing.push_back(absl::StrCat(word, ": ", std::strerror(error)));
  }
}

}  // namespace

absl::StatusOr<JobUser> FindJobUser(const std::string& name) {
  std::vector<char> buffer(64 << 10);
  passwd entry;
  passwd* found = nullptr;
  if (getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
    return MakeError(absl::StatusCode::kNotFound, "NO_SUCH_USER",
                     absl::StrCat("this machine has no user '", name, "' to run jobs as"));
  }
  if (entry.pw_uid == 0) {
    return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_JOB_USER",
                     absl::StrCat("jobs cannot run as '", name, "': that is root"));
  }
  return JobUser{.set = true, .uid = entry.pw_uid, .gid = entry.pw_gid};
}

StartState ApplyStartSandbox(const StartSandbox& sandbox) {
  StartState state;
  const auto failed = [&state](StartState::Step step, int error) {
    state.failed_step = step;
    state.error = error;
    return state;
  };
  if (sandbox.cgroup_procs_fd >= 0) {
    // "0" is the process that writes.
    if (write(sandbox.cgroup_procs_fd, "0", 1) != 1) return failed(StartState::kCgroup, errno);
    state.cgroup = true;
  }
  if (sandbox.user.set) {
    if (const int error = BecomeUser(sandbox.user)) return failed(StartState::kUser, error);
    state.unprivileged_user = true;
  }
  // Inside the user namespace the others need no privilege. Where it is refused, root can make them anyway.
  state.user_namespace_error = EnterUserNamespace();
  // A new network namespace has no interface but a loopback that is down.
  state.network_error = ErrorOf(unshare(CLONE_NEWNET));
  state.ipc_error = ErrorOf(unshare(CLONE_NEWIPC));
  state.host_name_error = ErrorOf(unshare(CLONE_NEWUTS));
  // A worker that is killed takes its jobs along: a lease that expired must not leave work behind. A change of user
  // would have undone this, so it comes after. The parent may have died before it.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return failed(StartState::kParent, errno);
  if (sandbox.parent != 0 && getppid() != sandbox.parent) return failed(StartState::kParent, ESRCH);
  if (const int error = ApplyLimits(sandbox.limits)) return failed(StartState::kLimits, error);
  if (const int error = DropPrivileges()) return failed(StartState::kPrivileges, error);
  return state;
}

SandboxReport DescribeStart(const StartState& state) {
  SandboxReport report;
  if (state.unprivileged_user) report.applied.push_back("unprivileged_user");
  // Either keeps root's privileges, and the worker's, from the job.
  if (!state.unprivileged_user || state.user_namespace_error == 0) {
    Describe("user_namespace", state.user_namespace_error, report);
  }
  Describe("no_network", state.network_error, report);
  // What these two are for, the system call filter forbids as well: nothing is missing without them.
  if (state.ipc_error == 0) report.applied.push_back("ipc_namespace");
  if (state.host_name_error == 0) report.applied.push_back("uts_namespace");
  report.applied.insert(report.applied.end(), {"no_new_privileges", "no_capabilities"});
  if (kLimitsAddressSpace) {
    report.applied.push_back("memory_limit");
  } else {
    report.missing.push_back("memory_limit: this build has sanitizers");
  }
  report.applied.insert(report.applied.end(), {"cpu_limit", "file_size_limit", "open_files_limit"});
  if (state.cgroup) report.applied.push_back("memory_cgroup");
  return report;
}

const char* ExplainStep(StartState::Step step) {
  switch (step) {
    case StartState::kParent: return "tie its life to the worker's";
    case StartState::kCgroup: return "enter its control group";
    case StartState::kUser: return "become the user for jobs";
    case StartState::kLimits: return "set its limits";
    case StartState::kPrivileges: return "drop its privileges";
    case StartState::kOutput: return "connect its output";
    case StartState::kExec: return "execute the program";
    case StartState::kNone: break;
  }
  return "start";
}

}  // namespace quantd
