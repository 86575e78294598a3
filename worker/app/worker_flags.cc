#include "worker/app/worker_flags.h"

#include <functional>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/error.h"

namespace quantd {
namespace {

struct Flag {
  const char* name;
  const char* value;  // What stands behind it; null for a switch.
  const char* summary;
  std::function<bool(WorkerFlags&, const std::string&)> set;
  bool internal = false;
};

template <typename Integer>
std::function<bool(WorkerFlags&, const std::string&)> Number(Integer WorkerFlags::*field, Integer lowest) {
  return [=](WorkerFlags& flags, const std::string& text) {
    return absl::SimpleAtoi(text, &(flags.*field)) && flags.*field >= lowest;
  };
}

std::function<bool(WorkerFlags&, const std::string&)> Text(std::string WorkerFlags::*field) {
  return [=](WorkerFlags& flags, const std::string& text) {
    flags.*field = text;
    return !text.empty();
  };
}

std::function<bool(WorkerFlags&, const std::string&)> Switch(bool WorkerFlags::*field) {
  return [=](WorkerFlags& flags, const std::string&) { return flags.*field = true; };
}

const std::vector<Flag>& Flags() {
  static const auto* const kFlags = new std::vector<Flag>{
      {"server", "HOST:PORT", "the server to lease jobs from (127.0.0.1:7460)", Text(&WorkerFlags::server)},
      {"worker-name", "NAME", "how the server knows this worker (host name and process id)", Text(&WorkerFlags::worker_name)},
      {"data-dir", "DIR", "cached inputs and checkpoints (quantd-worker-data)", Text(&WorkerFlags::data_dir)},
      {"threads", "N", "threads of a job that leaves the choice open; 0: one a core (0)", Number(&WorkerFlags::threads, 0)},
      {"job-memory-bytes", "N", "address space of a job's process (17179869184)", Number<int64_t>(&WorkerFlags::job_memory_bytes, 1 << 20)},
      {"job-cpu-seconds", "N", "CPU time of a job's process (86400)", Number<int64_t>(&WorkerFlags::job_cpu_seconds, 1)},
      {"cache-bytes", "N", "inputs kept for later jobs (21474836480)", Number<int64_t>(&WorkerFlags::cache_bytes, 0)},
      {"log-level", "LEVEL", "debug, info, warning or error (info)", Text(&WorkerFlags::log_level)},
      {"log-format", "FORMAT", "text or json (text)", Text(&WorkerFlags::log_format)},
      {"help", nullptr, "print this and exit", Switch(&WorkerFlags::help)},
      {"version", nullptr, "print the version and exit", Switch(&WorkerFlags::version)},
      {"run-job", "DIR", "run the job of this folder and exit", Text(&WorkerFlags::run_job), true},
      {"events-fd", "FD", "where to write its events", Number(&WorkerFlags::events_fd, 0), true},
  };
  return *kFlags;
}

absl::Status BadFlag(absl::string_view flag, absl::string_view problem) {
  return InvalidField("INVALID_FLAG", flag, absl::StrCat(problem, "; see quantd-worker --help"));
}

}  // namespace

absl::StatusOr<WorkerFlags> ParseWorkerFlags(int argc, char** argv) {
  WorkerFlags flags;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const size_t equals = argument.find('=');
    const std::string name = argument.substr(0, equals);
    const Flag* flag = nullptr;
    for (const Flag& known : Flags()) {
      if (name == absl::StrCat("--", known.name)) flag = &known;
    }
    if (flag == nullptr) return BadFlag(name, "is no flag");
    std::string value;
    if (equals != std::string::npos) {
      value = argument.substr(equals + 1);
    } else if (flag->value != nullptr) {
      if (i + 1 >= argc) return BadFlag(name, absl::StrCat("needs a value: ", flag->value));
      value = argv[++i];
    }
    if (!flag->set(flags, value)) return BadFlag(name, absl::StrCat("'", value, "' is not a ", flag->value));
  }
  return flags;
}

std::string WorkerHelp() {
  std::string help =
      "quantd-worker leases jobs from a quantd server and runs each in a process of its own.\n\n"
      "usage: quantd-worker [flags]\n\n";
  for (const Flag& flag : Flags()) {
    if (flag.internal) continue;
    const std::string left = absl::StrCat("--", flag.name, flag.value == nullptr ? "" : " ",
                                          flag.value == nullptr ? "" : flag.value);
    absl::StrAppendFormat(&help, "  %-26s %s\n", left, flag.summary);
  }
  return help +
         "\nSIGTERM hands the running job back and exits. Exit codes: 0 done, 2 wrong flags, 3 the machine or the "
         "server failed.\n";
}

}  // namespace quantd
