#include "worker/agent/sandbox.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>

namespace quantd {
namespace {

int Limit(int resource, int64_t soft, int64_t hard) {
  const rlimit limit{static_cast<rlim_t>(soft), static_cast<rlim_t>(hard)};
  return setrlimit(static_cast<__rlimit_resource>(resource), &limit) == 0 ? 0 : errno;
}

}  // namespace

int ApplySandbox(const SandboxLimits& limits, bool* network_isolated) {
  // A worker that is killed takes its jobs along: a lease that expired must not leave work behind.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return errno;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
  // A new network namespace has no interface but a loopback that is down. Root makes one directly; others need a
  // user namespace around it.
  *network_isolated = unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
  if (const int error = Limit(RLIMIT_CORE, 0, 0)) return error;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // Sanitizers reserve terabytes of address space.
  if (const int error = Limit(RLIMIT_AS, limits.memory_bytes_max, limits.memory_bytes_max)) return error;
#endif
  // The soft limit's SIGXCPU says what happened; SIGKILL at the hard one is for a process that ignores it.
  if (const int error = Limit(RLIMIT_CPU, limits.cpu_seconds_max, limits.cpu_seconds_max + 5)) {
    return error;
  }
  if (const int error = Limit(RLIMIT_FSIZE, limits.file_bytes_max, limits.file_bytes_max)) {
    return error;
  }
  return Limit(RLIMIT_NOFILE, limits.open_files_max, limits.open_files_max);
}

}  // namespace quantd
