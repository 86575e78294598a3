#include "tests/bench/latency/server_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/check.h"
#include "common/file.h"

namespace quantd::bench {
namespace {

constexpr absl::Duration kStartMax = absl::Seconds(60);
constexpr int64_t kPortFileBytesMax = 4096;

[[noreturn]] void Become(std::vector<std::string> arguments, const std::string& log) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(fd, STDOUT_FILENO);
  ::dup2(fd, STDERR_FILENO);
  std::vector<char*> words;
  for (std::string& argument : arguments) words.push_back(argument.data());
  words.push_back(nullptr);
  ::execv(words[0], words.data());
  ::_exit(127);
}

// The figure behind `name` in a file of /proc whose lines are "name: figure kB" or "name: figure".
int64_t Figure(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  std::string word;
  while (file >> word) {
    int64_t figure = 0;
    if (word == name + ":" && file >> figure) return figure;
  }
  std::fprintf(stderr, "%s does not tell %s\n", path.c_str(), name.c_str());
  std::exit(1);
}

// utime and stime, fields 14 and 15 of /proc/PID/stat (proc(5)); the second field, a name in
// brackets, may hold spaces.
absl::Duration ProcessorTime(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  std::istringstream rest(text.str().substr(text.str().rfind(')') + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) rest >> skipped;
  int64_t user = 0, system = 0;
  rest >> user >> system;
  return absl::Seconds(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace

ServerProcess::ServerProcess(const std::string& binary, const std::string& folder) {
  QUANTD_CHECK(std::filesystem::create_directory(folder));
  const std::string port_file = folder + "/ports.json", log = folder + "/log";
  pid_ = ::fork();
  QUANTD_CHECK(pid_ >= 0);
  if (pid_ == 0) {
    Become({binary, "--listen", "127.0.0.1:0", "--metrics-listen", "none", "--data-dir",
            folder + "/data", "--port-file", port_file},
           log);
  }
  const absl::Time give_up = absl::Now() + kStartMax;
  while (!FileExists(port_file)) {
    if (::waitpid(pid_, nullptr, WNOHANG) != 0 || absl::Now() > give_up) {
      std::fprintf(stderr, "%s does not serve; its log is %s\n", binary.c_str(), log.c_str());
      std::exit(1);
    }
    absl::SleepFor(absl::Milliseconds(10));
  }
  const absl::StatusOr<std::string> ports = ReadFile(port_file, kPortFileBytesMax);
  QUANTD_CHECK(ports.ok());
  port_ = nlohmann::json::parse(*ports).at("grpc").get<int>();
}

ServerProcess::~ServerProcess() {
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
}

ProcessUse ServerProcess::Use() const {
  const std::string folder = absl::StrCat("/proc/", pid_, "/");
  return {.rss_bytes = Figure(folder + "smaps_rollup", "Rss") << 10,
          .pss_bytes = Figure(folder + "smaps_rollup", "Pss") << 10,
          .threads = static_cast<int>(Figure(folder + "status", "Threads")),
          .processor = ProcessorTime(folder + "stat")};
}

}  // namespace quantd::bench
