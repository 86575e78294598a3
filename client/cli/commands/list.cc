#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/commands/registry.h"
#include "client/cli/exit_code.h"
#include "client/cli/output.h"
#include "common/status_macros.h"

namespace quantd::commands::list {
namespace {

constexpr int64_t kPageSizeMax = 1000;

absl::StatusOr<v1::ListJobsResponse> FetchPages(Invocation& invocation) {
  const ParsedFlags& flags = invocation.flags;
  ASSIGN_OR_RETURN(const int64_t limit, flags.Integer("limit", 1, 1'000'000, 50));
  ASSIGN_OR_RETURN(const int64_t page_size,
                   flags.Integer("page-size", 1, kPageSizeMax, std::min(limit, kPageSizeMax)));
  v1::ListJobsRequest request;
  request.set_parent(invocation.parent());
  request.set_filter(flags.Get("filter"));
  request.set_order_by(flags.Get("order-by"));
  v1::ListJobsResponse all;
  while (true) {
    request.set_page_size(
        static_cast<int32_t>(std::min<int64_t>(page_size, limit - all.jobs_size())));
    ASSIGN_OR_RETURN(v1::ListJobsResponse page, invocation.client.ListJobs(request));
    for (v1::Job& job : *page.mutable_jobs()) {
      if (all.jobs_size() < limit) *all.add_jobs() = std::move(job);
    }
    all.set_next_page_token(page.next_page_token());
    if (page.next_page_token().empty() || all.jobs_size() >= limit) return all;
    request.set_page_token(page.next_page_token());
  }
}

std::string ProgressCell(const v1::Job& job) {
  if (job.state() == v1::Job::QUEUED && job.conditions_size() > 0)
    return Printable(job.conditions(0));
  if (job.state() != v1::Job::RUNNING) return "-";
  return absl::StrFormat("%.0f%% %s", 100 * job.progress().fraction(),
                         Printable(job.progress().stage()));
}

void PrintTable(const v1::ListJobsResponse& jobs, absl::Time now, std::ostream& out) {
  Table table({"NAME", "STATE", "PROGRESS", "AGE", "PRESET", "DISPLAY NAME"});
  for (const v1::Job& job : jobs.jobs()) {
    const std::string preset = Printable(job.spec().recipe().preset());
    table.Add({job.name(), v1::Job::State_Name(job.state()), ProgressCell(job),
               FormatSpan(now - ToTime(job.create_time())), preset.empty() ? "-" : preset,
               Printable(job.display_name())});
  }
  table.Print(out);
}

absl::StatusOr<int> Run(Invocation& invocation) {
  ASSIGN_OR_RETURN(const v1::ListJobsResponse jobs, FetchPages(invocation));
  if (invocation.json()) {
    RETURN_IF_ERROR(PrintJson(jobs, invocation.env.out));
    return kExitOk;
  }
  if (jobs.jobs_size() == 0) {
    invocation.env.err << "no jobs" << (invocation.flags.Has("filter") ? " match" : " yet") << "\n";
    return kExitOk;
  }
  PrintTable(jobs, invocation.env.clock->Now(), invocation.env.out);
  if (!jobs.next_page_token().empty()) invocation.env.err << "there are more; see --limit\n";
  return kExitOk;
}

}  // namespace

const Command& Info() {
  static const Command kCommand = {
      .name = "list",
      .position = 50,
      .summary = "List jobs, newest first.",
      .flags = {{"filter", Arity::kOne, "TERMS",
                 "Terms joined by AND: state=SUCCEEDED, labels.KEY=VALUE, display_name=TEXT."},
                {"order-by", Arity::kOne, "ORDER",
                 "create_time or 'create_time desc'. Default: 'create_time desc'."},
                {"limit", Arity::kOne, "N", "Jobs at most. Default: 50."},
                {"page-size", Arity::kOne, "N",
                 "Jobs per call to the server, 1 to 1000. Default: the limit."}},
      .examples = {"quantctl list",
                   "quantctl list --filter 'state=FAILED AND labels.team=vision' --limit 200"},
      .run = Run};
  return kCommand;
}

}  // namespace quantd::commands::list
