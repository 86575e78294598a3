#include "worker/sandbox/seccomp_filter.h"

#include <asm/termbits.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <initializer_list>
#include <memory>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "common/errno_status.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // Their run-time libraries trace threads and start programs at exit.
#else
constexpr bool kSanitized = false;
#endif

constexpr const char* kAllowed[] = {
    // Files. Which ones is Landlock's to say.
    "access", "close", "close_range", "copy_file_range", "creat", "dup", "dup2", "dup3", "faccessat", "faccessat2",
    "fadvise64", "fallocate", "fcntl", "fdatasync", "flock", "fstat", "fstatfs", "fsync", "ftruncate", "getcwd",
    "getdents", "getdents64", "lseek", "lstat", "mkdir", "mkdirat", "newfstatat", "pipe", "pipe2",
    "poll", "ppoll", "pread64", "preadv", "preadv2", "pselect6", "pwrite64", "pwritev", "pwritev2", "read",
    "readahead", "readlink", "readlinkat", "readv", "rename", "renameat", "renameat2", "rmdir", "select", "stat",
    "statfs", "statx", "sync_file_range", "umask", "unlink", "unlinkat", "write", "writev",
    // Memory. oneDNN writes its own code, so pages may become executable.
    "brk", "get_mempolicy", "madvise", "mincore", "mlock", "mmap", "mprotect", "mremap", "msync", "munlock", "munmap",
    // Threads and time.
    "arch_prctl", "clock_getres", "clock_gettime", "clock_nanosleep", "exit", "exit_group", "futex", "futex_waitv",
    "get_robust_list", "getcpu", "getitimer", "gettid", "gettimeofday", "membarrier", "nanosleep", "restart_syscall",
    "rseq", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait",
    "sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity", "sched_getparam", "sched_getscheduler",
    "sched_setaffinity", "sched_yield", "set_robust_list", "set_tid_address", "sigaltstack", "time", "times",
    // What the process may know of itself and of the machine.
    "getegid", "geteuid", "getgid", "getgroups", "getpgrp", "getpid", "getppid", "getrandom", "getresgid", "getresuid",
    "getrlimit", "getrusage", "getsid", "getuid", "sysinfo", "uname"};

// Known, and refused as a matter of principle. Everything else is unknown.
constexpr const char* kForbidden[] = {
    // Other programs and processes.
    "execve", "execveat", "fork", "vfork", "kill", "tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "ptrace",
    "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease", "kcmp", "pidfd_open",
    "pidfd_getfd", "pidfd_send_signal", "setpgid", "setsid", "setpriority", "sched_setscheduler", "sched_setparam",
    "sched_setattr", "ioprio_set", "migrate_pages", "move_pages",
    // Networks and other machine-wide ways to talk.
    "socket", "socketpair", "connect", "bind", "listen", "accept", "accept4", "sendto", "sendmsg", "sendmmsg",
    "recvfrom", "recvmsg", "recvmmsg", "shutdown", "getsockname", "getpeername", "setsockopt", "getsockopt", "shmget",
    "shmat", "shmctl", "shmdt", "semget", "semop", "semctl", "semtimedop", "msgget", "msgsnd", "msgrcv", "msgctl",
    "mq_open", "mq_unlink", "mq_timedsend", "mq_timedreceive", "mq_notify", "mq_getsetattr",
    // Names and rights of files, and links, through which a file could be meant that the agent does not expect.
    "chmod", "fchmod", "fchmodat", "chown", "fchown", "lchown", "fchownat", "link", "linkat", "symlink", "symlinkat",
    "mknod", "mknodat", "truncate", "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr",
    "fremovexattr", "name_to_handle_at", "open_by_handle_at", "chroot", "inotify_init", "inotify_init1",
    "fanotify_init", "fanotify_mark",
    // Privileges, namespaces and mounts.
    "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid", "setfsgid", "setgroups",
    "capset", "unshare", "setns", "mount", "umount2", "pivot_root", "move_mount", "open_tree", "fsopen", "fsconfig",
    "fsmount", "fspick", "mount_setattr", "keyctl", "add_key", "request_key", "setrlimit", "personality", "seccomp",
    "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self",
    // Memory in no address space, so that no limit of the process counts it.
    "memfd_create", "memfd_secret",
    // Large parts of the kernel that have had many faults.
    "bpf", "io_uring_setup", "io_uring_enter", "io_uring_register", "userfaultfd", "perf_event_open", "modify_ldt",
    // The machine.
    "reboot", "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "swapon", "swapoff",
    "sethostname", "setdomainname", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "acct", "quotactl",
    "syslog", "vhangup", "iopl", "ioperm", "lookup_dcookie"};

constexpr uint64_t kNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
                                 CLONE_NEWPID | CLONE_NEWNET;

struct Release {
  void operator()(void* filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<std::remove_pointer_t<scmp_filter_ctx>, Release>;

absl::Status Check(int result, absl::string_view what) {
  if (result == 0) return absl::OkStatus();
  errno = -result;
  return ErrnoStatus("filter", what);
}

// Conditions hold together; rules for one call are alternatives.
absl::Status Add(scmp_filter_ctx filter, uint32_t action, const char* name,
                 std::initializer_list<scmp_arg_cmp> conditions = {}) {
  const int number = seccomp_syscall_resolve_name(name);
  // This architecture, or this version of libseccomp, has no such call: the filter's default applies.
  if (number == __NR_SCMP_ERROR) return absl::OkStatus();
  return Check(seccomp_rule_add_array(filter, action, number, static_cast<unsigned>(conditions.size()),
                                      conditions.begin()),
               name);
}

// Calls that are good or bad by their arguments.
absl::Status AddConditional(scmp_filter_ctx filter) {
  constexpr uint32_t kForbid = SCMP_ACT_ERRNO(EPERM);
  // Threads, but no processes and no namespaces. clone3 hides its flags from filters: unknown, so that the C library
  // uses clone.
  RETURN_IF_ERROR(Add(filter, SCMP_ACT_ALLOW, "clone",
                      {SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | kNamespaces, CLONE_THREAD)}));
  RETURN_IF_ERROR(Add(filter, kForbid, "clone", {SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0)}));
  for (const int flag : {CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID,
                         CLONE_NEWNET}) {
    const auto bit = static_cast<scmp_datum_t>(static_cast<unsigned>(flag));
    RETURN_IF_ERROR(Add(filter, kForbid, "clone", {SCMP_A0(SCMP_CMP_MASKED_EQ, bit, bit)}));
  }
  // abort() ends the process by a signal to itself.
  const auto self = static_cast<scmp_datum_t>(::getpid());
  RETURN_IF_ERROR(Add(filter, SCMP_ACT_ALLOW, "tgkill", {SCMP_A0(SCMP_CMP_EQ, self)}));
  RETURN_IF_ERROR(Add(filter, kForbid, "tgkill", {SCMP_A0(SCMP_CMP_NE, self)}));
  // Landlock before its third version does not see that a file which may only be read is emptied at its opening.
  constexpr uint64_t kOpening = O_ACCMODE | O_TRUNC;
  constexpr uint64_t kEmptied = O_RDONLY | O_TRUNC;
  RETURN_IF_ERROR(Add(filter, kForbid, "open", {SCMP_A1(SCMP_CMP_MASKED_EQ, kOpening, kEmptied)}));
  RETURN_IF_ERROR(Add(filter, kForbid, "openat", {SCMP_A2(SCMP_CMP_MASKED_EQ, kOpening, kEmptied)}));
  for (const uint64_t mode : {O_WRONLY, O_RDWR}) {
    RETURN_IF_ERROR(Add(filter, SCMP_ACT_ALLOW, "open", {SCMP_A1(SCMP_CMP_MASKED_EQ, O_ACCMODE, mode)}));
    RETURN_IF_ERROR(Add(filter, SCMP_ACT_ALLOW, "openat", {SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE, mode)}));
  }
  RETURN_IF_ERROR(Add(filter, SCMP_ACT_ALLOW, "open", {SCMP_A1(SCMP_CMP_MASKED_EQ, kOpening, O_RDONLY)}));
  RETURN_IF_ERROR(Add(filter, SCMP_ACT_ALLOW, "openat", {SCMP_A2(SCMP_CMP_MASKED_EQ, kOpening, O_RDONLY)}));
  // Limits may be read, one's own.
  RETURN_IF_ERROR(Add(filter, SCMP_ACT_ALLOW, "prlimit64",
                      {SCMP_A0(SCMP_CMP_EQ, 0), SCMP_A2(SCMP_CMP_EQ, 0)}));
  RETURN_IF_ERROR(Add(filter, kForbid, "prlimit64", {SCMP_A2(SCMP_CMP_NE, 0)}));
  // Names of threads and of memory; and what the standard library asks of every stream.
  for (const uint64_t option : {PR_SET_NAME, PR_GET_NAME, PR_SET_VMA}) {
    RETURN_IF_ERROR(Add(filter, SCMP_ACT_ALLOW, "prctl", {SCMP_A0(SCMP_CMP_EQ, option)}));
  }
  for (const uint64_t request : {TCGETS, FIONREAD}) {
    RETURN_IF_ERROR(Add(filter, SCMP_ACT_ALLOW, "ioctl", {SCMP_A1(SCMP_CMP_EQ, request)}));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status FilterSystemCalls() {
  if (kSanitized) return absl::UnimplementedError("this build has sanitizers");
  const Filter filter(seccomp_init(SCMP_ACT_ERRNO(ENOSYS)));
  if (!filter) return absl::UnimplementedError("libseccomp cannot make a filter here");
  RETURN_IF_ERROR(Check(seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1), "all threads"));
  // A binary tree instead of a list: the filter runs at every call.
  RETURN_IF_ERROR(Check(seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2), "quickly"));
  for (const char* name : kAllowed) RETURN_IF_ERROR(Add(filter.get(), SCMP_ACT_ALLOW, name));
  for (const char* name : kForbidden) RETURN_IF_ERROR(Add(filter.get(), SCMP_ACT_ERRNO(EPERM), name));
  RETURN_IF_ERROR(AddConditional(filter.get()));
  const int loaded = seccomp_load(filter.get());
  if (loaded == -EINVAL || loaded == -ENOSYS) return absl::UnimplementedError("the kernel has none");
  return Check(loaded, "system calls");
}

}  // namespace quantd
