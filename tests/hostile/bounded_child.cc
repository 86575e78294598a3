#include "tests/hostile/bounded_child.h"

#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/check.h"

namespace quantd::hostile {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
constexpr int kSlowness = 20;
#else
constexpr bool kSanitized = false;
constexpr int kSlowness = 1;
#endif

// Ends a child that waits for something that never comes, such as a writer of a pipe.
constexpr unsigned kBlockedSeconds = 60;
constexpr size_t kToldBytesMax = 512;

int64_t StatusKibibytes(const std::string& key) {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    absl::string_view rest = line;
    if (!absl::ConsumePrefix(&rest, key)) continue;
    const std::vector<absl::string_view> words =
        absl::StrSplit(rest, absl::ByAnyChar(" \t:"), absl::SkipEmpty());
    int64_t kibibytes = 0;
    if (!words.empty() && absl::SimpleAtoi(words[0], &kibibytes)) return kibibytes;
  }
  QUANTD_CHECK(false);  // Linux has these lines.
  return 0;
}

void Limit(int resource, rlim_t soft, rlim_t hard) {
  const struct rlimit limit = {soft, hard};
  QUANTD_CHECK(::setrlimit(resource, &limit) == 0);
}

// What was freed before, in this process or in its parent, would serve new allocations without any
// growth that could be seen.
void ReturnFreeMemory() { ::malloc_trim(0); }

// A page that parent and child share.
class SharedText : public Told {
 public:
  SharedText() {
    void* const page =
        ::mmap(nullptr, kToldBytesMax, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    QUANTD_CHECK(page != MAP_FAILED);
    text_ = static_cast<char*>(page);
  }
  ~SharedText() override { ::munmap(text_, kToldBytesMax); }

  void Doing(const std::string& what) override {
    const size_t length = std::min(what.size(), kToldBytesMax - 1);
    std::memcpy(text_, what.data(), length);
    text_[length] = '\0';
  }
  std::string text() const { return text_; }

 private:
  char* text_;
};

std::string Ending(int state, const std::string& doing) {
  if (WIFSIGNALED(state)) {
    const int signal = WTERMSIG(state);
    const char* meaning = signal == SIGXCPU   ? "took too much processor time"
                          : signal == SIGALRM ? "waited for something that never came"
                                              : "died";
    const char* const name = ::sigabbrev_np(signal);
    return absl::StrCat(meaning, " (SIG", name == nullptr ? "?" : name, ") while ", doing);
  }
  return absl::StrCat("ended with exit code ", WEXITSTATUS(state), " while ", doing);
}

[[noreturn]] void RunChild(const Bounds& bounds, const std::function<std::string(Told&)>& work,
                           Told& told, int result_fd) {
  const auto cpu = static_cast<rlim_t>(bounds.cpu_seconds_max * kSlowness);
  Limit(RLIMIT_CPU, cpu, cpu + 1);
  Limit(RLIMIT_CORE, 0, 0);
  ::alarm(kBlockedSeconds);
  ReturnFreeMemory();
  if (MemoryIsBounded()) {
    const auto bytes =
        static_cast<rlim_t>(StatusKibibytes("VmSize") * 1024 + bounds.memory_bytes_max);
    Limit(RLIMIT_AS, bytes, bytes);
  }
  const std::string said = work(told);
  const ssize_t written = ::write(result_fd, said.data(), said.size());
  // Without destructors and exit handlers: those belong to the parent.
  ::_exit(written == static_cast<ssize_t>(said.size()) ? 0 : 1);
}

}  // namespace

std::string RunBounded(const Bounds& bounds, const std::function<std::string(Told&)>& work) {
  SharedText told;
  told.Doing("starting");
  int ends[2];
  QUANTD_CHECK(::pipe(ends) == 0);
  const pid_t child = ::fork();
  QUANTD_CHECK(child >= 0);
  if (child == 0) {
    ::close(ends[0]);
    RunChild(bounds, work, told, ends[1]);
  }
  ::close(ends[1]);
  std::string said;
  char buffer[1024];
  for (ssize_t n; (n = ::read(ends[0], buffer, sizeof(buffer))) > 0;) {
    said.append(buffer, static_cast<size_t>(n));
  }
  ::close(ends[0]);
  int state = 0;
  QUANTD_CHECK(::waitpid(child, &state, 0) == child);
  return state == 0 ? said : Ending(state, told.text());
}

bool MemoryIsBounded() { return !kSanitized; }

void ResetPeak() {
  ReturnFreeMemory();
  // proc(5): "5" resets the peak resident set size.
  std::ofstream file("/proc/self/clear_refs");
  file << "5" << std::flush;
  QUANTD_CHECK(file.good());
}

int64_t PeakBytes() { return StatusKibibytes("VmHWM") * 1024; }
int64_t ResidentBytes() { return StatusKibibytes("VmRSS") * 1024; }

}  // namespace quantd::hostile
