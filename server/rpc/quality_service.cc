#include "server/rpc/quality_service.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "server/rpc/convert_catalogue.h"
#include "server/rpc/convert_job.h"
#include "server/rpc/estimate_quality.h"

namespace quantd {
namespace {

constexpr char kRowsFile[] = "rows.csv";
constexpr char kMetricAxis[] = "metric";  // Of no recipe: ListMethods tells the metrics there.
constexpr int64_t kRowsBytesMax = 256 << 20;

// Of several workers' catalogues, each method once, in order of axis and id.
std::vector<v1::Method> MethodsOf(const std::vector<v1::Catalogue>& catalogues) {
  std::map<std::pair<std::string, std::string>, v1::Method> methods;
  for (const v1::Catalogue& catalogue : catalogues) {
    for (const v1::Method& method : catalogue.methods()) {
      methods.try_emplace({method.axis(), method.id()}, method);
    }
  }
  std::vector<v1::Method> sorted;
  for (auto& [key, method] : methods) sorted.push_back(std::move(method));
  return sorted;
}

absl::StatusOr<FullJob> Finished(const JobQueue& queue, const std::string& name,
                                 const std::string& field) {
  ASSIGN_OR_RETURN(const JobName job_name, ParseJobName(name, field));
  ASSIGN_OR_RETURN(FullJob full, queue.GetFull(job_name));
  if (full.job.state == JobState::kSucceeded) return full;
  return MakeError(absl::StatusCode::kFailedPrecondition, "JOB_NOT_SUCCEEDED",
                   absl::StrCat(name, " has not succeeded, so it has no rows to compare"));
}

absl::StatusOr<v1::QualityReport> ReportOf(const FullJob& full) {
  ASSIGN_OR_RETURN(v1::Job job, ToProto(full));
  return std::move(*job.mutable_result()->mutable_report());
}

// Rows are numbered within a data set: equal numbers mean equal rows only in equal sets.
absl::Status CheckSameData(const v1::QualityReport& a, const v1::QualityReport& b) {
  const auto digests = [](const v1::QualityReport& report) {
    bool separate = false;
    for (const v1::InputDigest& input : report.inputs())
      separate |= input.role() == "evaluation_data";
    std::map<std::string, std::string> found;
    for (const v1::InputDigest& input : report.inputs()) {
      if (input.role() == (separate ? "evaluation_data" : "data"))
        found[input.name()] = input.digest();
    }
    return found;
  };
  if (digests(a) == digests(b)) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition, "ROWS_DIFFER",
                   "the jobs were evaluated on different data");
}

v1::Metric ToMetric(const RowDifference& difference, const v1::Metric& like,
                    const ComparisonOptions& options) {
  v1::Metric metric;
  metric.set_id(difference.metric);
  metric.set_summary(absl::StrCat("Candidate minus baseline: ", like.summary()));
  metric.set_unit(like.unit());
  metric.set_value(difference.value);
  metric.set_n(difference.n);
  metric.set_population(like.population());
  metric.set_status(v1::METRIC_OK);
  v1::Interval* interval = metric.add_intervals();
  interval->set_method(difference.exact ? "exact_paired" : "paired_bootstrap_bca");
  interval->set_method_version(1);
  interval->set_guarantee(difference.exact ? v1::EXACT_CONFIDENCE : v1::ASYMPTOTIC);
  interval->set_target(v1::POPULATION_MEAN);
  interval->mutable_alpha()->set_numerator(options.alpha.numerator);
  interval->mutable_alpha()->set_denominator(options.alpha.denominator);
  interval->set_lower(difference.bounds.lower);
  interval->set_upper(difference.bounds.upper);
  interval->set_n(difference.n);
  interval->set_population(like.population());
  interval->set_status(v1::INTERVAL_OK);
  if (!difference.exact) {
    interval->set_seed(options.seed);
    interval->set_replicates(options.replicates);
  }
  return metric;
}

}  // namespace

absl::StatusOr<std::vector<EvaluatedRow>> QualityService::RowsOf(const Job& job) const {
  ASSIGN_OR_RETURN(const ArtifactName name, ParseArtifactName(job.artifact));
  ASSIGN_OR_RETURN(const Artifact artifact, artifacts_->Get(name));
  for (const StoredFile& file : artifact.files) {
    if (file.name != kRowsFile) continue;
    if (file.size_bytes > kRowsBytesMax) break;
    ASSIGN_OR_RETURN(const std::string csv,
                     blobs_->Of(name.tenant)->Read(file.digest, 0, kRowsBytesMax));
    return ParseRowsCsv(csv);
  }
  return MakeError(absl::StatusCode::kFailedPrecondition, "NO_ROWS",
                   absl::StrCat(job.artifact, " has no ", kRowsFile, " of a comparable size"));
}

absl::StatusOr<v1::CompareJobsResponse> QualityService::Compare(
    const v1::CompareJobsRequest& request) const {
  ASSIGN_OR_RETURN(const FullJob baseline, Finished(*queue_, request.baseline(), "baseline"));
  ASSIGN_OR_RETURN(const FullJob candidate, Finished(*queue_, request.candidate(), "candidate"));
  ASSIGN_OR_RETURN(const v1::QualityReport baseline_report, ReportOf(baseline));
  ASSIGN_OR_RETURN(const v1::QualityReport candidate_report, ReportOf(candidate));
  RETURN_IF_ERROR(CheckSameData(baseline_report, candidate_report));
  ASSIGN_OR_RETURN(const std::vector<EvaluatedRow> baseline_rows, RowsOf(baseline.job));
  ASSIGN_OR_RETURN(const std::vector<EvaluatedRow> candidate_rows, RowsOf(candidate.job));
  const ComparisonOptions options;
  ASSIGN_OR_RETURN(const std::vector<RowDifference> differences,
                   CompareRows(baseline_rows, candidate_rows, options));
  v1::CompareJobsResponse response;
  for (const RowDifference& difference : differences) {
    for (const v1::Metric& metric : candidate_report.metrics()) {
      if (metric.id() != difference.metric || metric.status() != v1::METRIC_OK) continue;
      *response.add_differences() = ToMetric(difference, metric, options);
    }
  }
  return response;
}

grpc::Status QualityService::EstimateQuality(grpc::ServerContext* context,
                                             const v1::EstimateQualityRequest* request,
                                             v1::EstimateQualityResponse* response) {
  return runner_->Unary(context, "QualityService/EstimateQuality", *request, response,
                        [&] { return EstimateFromHistory(*queue_, *request); });
}

grpc::Status QualityService::CompareJobs(grpc::ServerContext* context,
                                         const v1::CompareJobsRequest* request,
                                         v1::CompareJobsResponse* response) {
  return runner_->Unary(context, "QualityService/CompareJobs", *request, response,
                        [&] { return Compare(*request); });
}

grpc::Status QualityService::ListMethods(grpc::ServerContext* context,
                                         const v1::ListMethodsRequest* request,
                                         v1::ListMethodsResponse* response) {
  return runner_->Run(
      context, "QualityService/ListMethods", *request, [&](const Caller& caller) -> absl::Status {
        ASSIGN_OR_RETURN(const std::vector<v1::Catalogue> catalogues,
                         CurrentCatalogues(*catalogues_, caller.tenant));
        response->set_no_worker_yet(catalogues.empty());
        for (const v1::Method& method : MethodsOf(catalogues)) {
          if (request->axis().empty() || request->axis() == method.axis()) {
            *response->add_methods() = method;
          }
        }
        // All workers of one version measure the same; the latest one speaks for them.
        const bool metrics = request->axis().empty() || request->axis() == kMetricAxis;
        if (metrics && !catalogues.empty()) *response->mutable_metrics() = catalogues[0].metrics();
        return absl::OkStatus();
      });
}

grpc::Status QualityService::ListPresets(grpc::ServerContext* context,
                                         const v1::ListPresetsRequest* request,
                                         v1::ListPresetsResponse* response) {
  return runner_->Run(context, "QualityService/ListPresets", *request,
                      [&](const Caller& caller) -> absl::Status {
                        ASSIGN_OR_RETURN(const std::vector<v1::Catalogue> catalogues,
                                         CurrentCatalogues(*catalogues_, caller.tenant));
                        response->set_no_worker_yet(catalogues.empty());
                        std::map<std::string, v1::Preset> presets;
                        for (const v1::Catalogue& catalogue : catalogues) {
                          for (const v1::Preset& preset : catalogue.presets())
                            presets.try_emplace(preset.id(), preset);
                        }
                        for (auto& [id, preset] : presets)
                          *response->add_presets() = std::move(preset);
                        return absl::OkStatus();
                      });
}

grpc::Status QualityService::DescribeMethod(grpc::ServerContext* context,
                                            const v1::DescribeMethodRequest* request,
                                            v1::Method* response) {
  return runner_->Unary(context, "QualityService/DescribeMethod", *request, response,
                        [&](const Caller& caller) -> absl::StatusOr<v1::Method> {
                          ASSIGN_OR_RETURN(const std::vector<v1::Catalogue> catalogues,
                                           CurrentCatalogues(*catalogues_, caller.tenant));
                          for (v1::Method& method : MethodsOf(catalogues)) {
                            if (method.axis() == request->axis() && method.id() == request->id())
                              return method;
                          }
                          return MakeError(absl::StatusCode::kNotFound, "METHOD_NOT_FOUND",
                                           absl::StrCat("no worker offers ", request->axis(), " '",
                                                        request->id(), "'"));
                        });
}

}  // namespace quantd
