#include "worker/sandbox/job_sandbox.h"

#include "absl/strings/str_cat.h"
#include "worker/sandbox/landlock.h"
#include "worker/sandbox/seccomp_filter.h"

namespace quantd {
namespace {

// What libraries read while a job runs: code that they load late, time zones and locales, the number of processors,
// and how much memory the process uses. Nothing of it differs from one installation to the next but by its version.
constexpr const char* kSystemFiles[] = {
    "/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/share", "/etc/ld.so.cache", "/etc/localtime", "/etc/ssl/openssl.cnf",
    "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys/vm/overcommit_memory",
    "/sys/devices/system/cpu", "/sys/devices/system/node", "/sys/kernel/mm/transparent_hugepage",
    "/dev/zero", "/dev/random", "/dev/urandom"};

void Describe(const char* word, const absl::Status& status, SandboxReport& report) {
  if (status.ok()) {
    report.applied.push_back(word);
  } else {
    report.missing.push_back(absl::StrCat(word, ": ", status.message()));
  }
}

}  // namespace

SandboxReport EnterJobSandbox(const JobSandbox& sandbox) {
  FileAccess access{.readable = {std::begin(kSystemFiles), std::end(kSystemFiles)},
                    .writable = sandbox.writable_folders};
  access.readable.push_back(sandbox.readable_folder);
  access.writable.push_back("/dev/null");
  SandboxReport report;
  // In this order: the filter forbids Landlock's calls.
  Describe("landlock", RestrictFiles(access), report);
  Describe("seccomp", FilterSystemCalls(), report);
  return report;
}

}  // namespace quantd
