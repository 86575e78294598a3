#include "tests/worker/sandbox/forbidden_deeds.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <map>
#include <thread>

#include "common/check.h"

namespace quantd::testing {
namespace {

int ErrorOf(long result) { return result >= 0 ? 0 : errno; }

int Open(const std::string& path, int flags) {
  const int fd = open(path.c_str(), flags | O_CLOEXEC, 0600);
  const int error = ErrorOf(fd);
  if (fd >= 0) close(fd);
  return error;
}

int Connect(const std::string& port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return errno;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(std::stoi(port)));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ErrorOf(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)));
}

int Execute(const std::string& path) {
  char* const arguments[] = {const_cast<char*>(path.c_str()), nullptr};
  execv(path.c_str(), arguments);
  return errno;
}

int Fork() {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  if (child < 0) return errno;
  waitpid(child, nullptr, 0);
  return 0;
}

int NewUserNamespaceByClone() {
  const long child = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (child == 0) _exit(0);
  if (child < 0) return errno;
  waitpid(static_cast<pid_t>(child), nullptr, 0);
  return 0;
}

int Mount(const std::string& folder) {
  if (mount("none", folder.c_str(), "tmpfs", 0, nullptr) != 0) return errno;
  umount2(folder.c_str(), MNT_DETACH);
  return 0;
}

// How many more files could be opened, as the exit code.
int CountOpenFiles() {
  int count = 0;
  while (count < 200 && open("/dev/null", O_RDONLY) >= 0) ++count;
  return count;
}

int UseMemory(const std::string& bytes) {
  void* mapped = mmap(nullptr, std::stoul(bytes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return mapped == MAP_FAILED ? errno : 0;
}

int WriteBytes(const std::string& path, size_t bytes) {
  signal(SIGXFSZ, SIG_IGN);
  const int fd = open(path.c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0600);
  if (fd < 0) return errno;
  const std::string block(bytes, 'x');
  ssize_t written = 0;
  for (size_t done = 0; done < bytes; done += static_cast<size_t>(written)) {
    written = write(fd, block.data(), bytes - done);
    if (written < 0) return errno;
  }
  return 0;
}

int RunThreads() {
  int sum = 0;
  std::thread thread([&sum] { sum = 41; });
  thread.join();
  return sum + 1 == 42 ? 0 : EINVAL;
}

// A process that another program is the owner of: its worker.
int SignalParent() { return ErrorOf(kill(getppid(), 0)); }

int UseProcessorForever() {
  volatile unsigned spin = 0;
  while (true) spin = spin + 1;
}

}  // namespace

int TryDeed(const std::string& deed, const std::string& argument) {
  const std::map<std::string, std::function<int()>> deeds = {
      {"socket", [] { return ErrorOf(socket(AF_INET, SOCK_STREAM, 0)); }},
      {"unix-socket", [] { return ErrorOf(socket(AF_UNIX, SOCK_STREAM, 0)); }},
      {"connect", [&] { return Connect(argument); }},
      {"read", [&] { return Open(argument, O_RDONLY); }},
      {"list", [&] { return Open(argument, O_RDONLY | O_DIRECTORY); }},
      {"create", [&] { return Open(argument, O_WRONLY | O_CREAT); }},
      {"overwrite", [&] { return Open(argument, O_WRONLY); }},
      {"empty-by-reading", [&] { return Open(argument, O_RDONLY | O_TRUNC); }},
      {"truncate", [&] { return ErrorOf(truncate(argument.c_str(), 0)); }},
      {"unlink", [&] { return ErrorOf(unlink(argument.c_str())); }},
      {"symlink", [&] { return ErrorOf(symlink("/etc/passwd", argument.c_str())); }},
      {"make-setuid", [&] { return ErrorOf(chmod(argument.c_str(), 04755)); }},
      {"execute", [&] { return Execute(argument); }},
      {"fork", Fork},
      {"threads", RunThreads},
      {"signal-parent", SignalParent},
      {"trace", [] { return ErrorOf(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)); }},
      {"read-parents-memory", [] {
         char byte = 0;
         iovec to{&byte, 1}, from{&byte, 1};
         return ErrorOf(syscall(SYS_process_vm_readv, getppid(), &to, 1, &from, 1, 0));
       }},
      {"user-namespace", [] { return ErrorOf(unshare(CLONE_NEWUSER)); }},
      {"user-namespace-by-clone", NewUserNamespaceByClone},
      {"mount", [&] { return Mount(argument); }},
      {"shared-memory", [] { return ErrorOf(shmget(IPC_PRIVATE, 4096, 0600)); }},
      {"memory-file", [] { return ErrorOf(memfd_create("hidden", MFD_CLOEXEC)); }},
      {"keyctl", [] { return ErrorOf(syscall(SYS_keyctl, 0 /* KEYCTL_GET_KEYRING_ID */, -3, 0)); }},
      {"bpf", [] { return ErrorOf(syscall(SYS_bpf, 0, nullptr, 0)); }},
      {"io-uring", [] { return ErrorOf(syscall(SYS_io_uring_setup, 0, nullptr)); }},
      {"userfaultfd", [] { return ErrorOf(syscall(SYS_userfaultfd, 0)); }},
      {"raise-limit", [] {
         const rlimit limit{RLIM_INFINITY, RLIM_INFINITY};
         return ErrorOf(setrlimit(RLIMIT_CORE, &limit));
       }},
      {"memory", [&] { return UseMemory(argument); }},
      {"open-files", CountOpenFiles},
      {"write-64k", [&] { return WriteBytes(argument, 64 << 10); }},
      {"abort", [] { abort(); return 0; }},
      {"spin", UseProcessorForever},
      {"is-root", [] { return geteuid() == 0 ? 0 : EPERM; }},
      {"wait", [] { return ErrorOf(pause()); }}};
  const auto found = deeds.find(deed);
  QUANTD_CHECK(found != deeds.end());
  return found->second();
}

}  // namespace quantd::testing
