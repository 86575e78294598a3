#include <sys/statvfs.h>

#include "absl/strings/str_cat.h"
#include "client/cli/commands/registry.h"
#include "client/cli/exit_code.h"
#include "client/cli/output.h"
#include "common/status_macros.h"
#include "common/version.h"
#include "nlohmann/json.hpp"

namespace quantd::commands::doctor {
namespace {

constexpr absl::Duration kClockSkewMax = absl::Seconds(5);
constexpr absl::Duration kSlowCall = absl::Milliseconds(500);
constexpr int64_t kFreeBytesMin = int64_t{1} << 30;

struct Finding {
  std::string level;  // "ok", "warn", "fail"
  std::string check;
  std::string text;    // What was found.
  std::string advice;  // What to do; empty when all is well.
};

Finding CheckServer(Invocation& invocation) {
  const absl::Time before = invocation.env.clock->Now();
  const absl::Status health = invocation.client.CheckHealth();
  const absl::Duration took = invocation.env.clock->Now() - before;
  if (!health.ok()) {
    return {"fail", "server", absl::StrCat(invocation.server, ": ", std::string(health.message())),
            "start it with 'quantd --embedded --workers 1 --data-dir DIR', or set --server or "
            "QUANTD_SERVER"};
  }
  const std::string text = absl::StrCat(invocation.server, " is serving, answered in ",
                                        absl::ToInt64Milliseconds(took), " ms");
  if (took > kSlowCall) return {"warn", "server", text, "the network or the server is slow"};
  return {"ok", "server", text, ""};
}

Finding CheckTenant(Invocation& invocation, absl::StatusOr<v1::ListJobsResponse>& newest) {
  v1::ListJobsRequest request;
  request.set_parent(invocation.parent());
  request.set_page_size(1);
  newest = invocation.client.ListJobs(request);
  if (newest.ok())
    return {"ok", "tenant", absl::StrCat("'", invocation.tenant, "' may list jobs"), ""};
  return {"fail", "tenant",
          absl::StrCat("'", invocation.tenant, "': ", std::string(newest.status().message())),
          "check --tenant or QUANTD_TENANT, and your credentials"};
}

Finding CheckWorkers(Invocation& invocation) {
  const auto methods = invocation.client.ListMethods("");
  if (!methods.ok()) {
    return {"fail", "workers", std::string(methods.status().message()),
            absl::IsUnauthenticated(methods.status()) ? "see --token-file and QUANTD_TOKEN_FILE"
                                                      : "see the server's log"};
  }
  if (methods->no_worker_yet()) {
    return {"warn", "workers", "no worker has ever announced itself: jobs would wait",
            absl::StrCat("start one with 'quantd-worker --server ", invocation.server, "'")};
  }
  return {"ok", "workers",
          absl::StrCat("a worker has announced ", methods->methods_size(), " methods and ",
                       methods->metrics_size(), " metrics"),
          ""};
}

// The API tells no server time; but no job can have been made in the future.
Finding CheckClock(Invocation& invocation, const v1::ListJobsResponse& newest) {
  if (newest.jobs_size() == 0) return {"ok", "clock", "no job yet to compare the clocks by", ""};
  const absl::Duration ahead = ToTime(newest.jobs(0).update_time()) - invocation.env.clock->Now();
  if (ahead > kClockSkewMax) {
    return {"warn", "clock",
            absl::StrCat("the server is ", FormatSpan(ahead), " ahead of this machine"),
            "synchronize both clocks (NTP); ages and times look wrong until then"};
  }
  return {"ok", "clock", "the newest job is not from the future", ""};
}

Finding CheckDisk() {
  struct statvfs disk = {};
  if (statvfs(".", &disk) != 0)
    return {"warn", "disk", "cannot tell how much space is free here", ""};
  const int64_t free_bytes =
      static_cast<int64_t>(disk.f_bavail) * static_cast<int64_t>(disk.f_frsize);
  const std::string text = absl::StrCat(FormatBytes(free_bytes), " free in the current folder");
  if (free_bytes < kFreeBytesMin)
    return {"warn", "disk", text, "free some before you download models here"};
  return {"ok", "disk", text, ""};
}

absl::StatusOr<int> Run(Invocation& invocation) {
  std::vector<Finding> findings = {{"ok", "client", absl::StrCat("quantctl ", kVersion), ""}};
  findings.push_back(CheckServer(invocation));
  if (findings.back().level != "fail") {
    absl::StatusOr<v1::ListJobsResponse> newest;
    findings.push_back(CheckTenant(invocation, newest));
    findings.push_back(CheckWorkers(invocation));
    if (newest.ok()) findings.push_back(CheckClock(invocation, *newest));
  }
  findings.push_back(CheckDisk());

  int code = kExitOk;
  auto json = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    if (finding.level == "fail") code = kExitInfrastructure;
    json.push_back({{"level", finding.level},
                    {"check", finding.check},
                    {"text", finding.text},
                    {"advice", finding.advice}});
    if (invocation.json()) continue;
    invocation.env.out << finding.level << std::string(6 - finding.level.size(), ' ')
                       << finding.check << ": " << finding.text << "\n";
    if (!finding.advice.empty()) invocation.env.out << "      -> " << finding.advice << "\n";
  }
  if (invocation.json())
    invocation.env.out << nlohmann::ordered_json({{"checks", json}})
                              .dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)
                       << "\n";
  return code;
}

}  // namespace

const Command& Info() {
  static const Command kCommand = {
      .name = "doctor",
      .position = 130,
      .summary = "Check that server, workers and this machine are ready for a job.",
      .description =
          "One line a check: ok, warn or fail, and what to do about it. Exit code 0 unless a check "
          "fails, then 3.",
      .examples = {"quantctl doctor", "quantctl doctor --server gpu-box:7460"},
      .run = Run};
  return kCommand;
}

}  // namespace quantd::commands::doctor
