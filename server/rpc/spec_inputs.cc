#include "server/rpc/spec_inputs.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

constexpr int kJobsPerPage = 100;

absl::Status AddInputsOf(const Job& job, JobTable& jobs) {
  ASSIGN_OR_RETURN(const std::string bytes, jobs.ReadPayload(job.key, JobPayload::kSpec));
  v1::JobSpec spec;
  if (!spec.ParseFromString(bytes)) {
    return absl::DataLossError(
        absl::StrCat("the stored spec of ", job.name.ToString(), " is damaged"));
  }
  return jobs.AddInputs(job.key, InputsOf(spec));
}

absl::Status AddInputsOfTenant(const std::string& tenant, JobTable& jobs) {
  JobQuery query{.tenant = tenant, .newest_first = false, .limit = kJobsPerPage};
  while (true) {
    ASSIGN_OR_RETURN(const std::vector<Job> page, jobs.List(query));
    for (const Job& job : page) RETURN_IF_ERROR(AddInputsOf(job, jobs));
    if (page.size() < kJobsPerPage) return absl::OkStatus();
    query.after_key = page.back().key;
  }
}

}  // namespace

std::vector<std::string> InputsOf(const v1::JobSpec& spec) {
  std::set<std::string> digests;
  for (const auto* files :
       {&spec.model().files(), &spec.data().files(), &spec.evaluation_data().files()}) {
    for (const v1::FileRef& file : *files) digests.insert(file.digest());
  }
  return {digests.begin(), digests.end()};
}

absl::Status CompleteInputs(JobStore& store) {
  return store.Write([](Transaction& transaction) -> absl::Status {
    JobTable& jobs = transaction.jobs();
    ASSIGN_OR_RETURN(const bool complete, jobs.InputsAreComplete());
    if (complete) return absl::OkStatus();
    ASSIGN_OR_RETURN(const std::vector<std::string> tenants, jobs.Tenants());
    for (const std::string& tenant : tenants) RETURN_IF_ERROR(AddInputsOfTenant(tenant, jobs));
    return jobs.SetInputsComplete();
  });
}

}  // namespace quantd
