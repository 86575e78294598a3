#include "tests/conformance/job_queue/queue_fixture.h"

#include "absl/strings/str_cat.h"
#include "common/digest.h"

namespace quantd::testing {

JobQueueConformance::JobQueueConformance()
    : store_(GetParam().open()),
      catalogues_(store_.get(), &clock_),
      queue_({.lease_length = kLease}, store_.get(), &blobs_, &clock_, &ids_, &signal_) {}

WorkerCatalogue JobQueueConformance::Catalogue(const std::string& engine_version) {
  return {.digest = Sha256Hex(engine_version),
          .engine_version = engine_version,
          .capabilities = {"preset:a", "preset:b"},
          .content = engine_version};
}

Submission JobQueueConformance::SomeWork() { return Work(absl::StrCat("unique ", ++works_)); }

Submission JobQueueConformance::Work(const std::string& work) {
  return {.tenant = "team",
          .traits = {.work_digest = Sha256Hex(work), .requirements = {"preset:a"}},
          .spec = "spec of " + work,
          .request_digest = Sha256Hex("request of " + work)};
}

Job JobQueueConformance::Submit(const Submission& submission) {
  absl::StatusOr<Job> job = queue_.Submit(submission);
  EXPECT_OK(job);
  return job.ok() ? *std::move(job) : Job();
}

Job JobQueueConformance::Get(const JobName& name) {
  absl::StatusOr<Job> job = queue_.Get(name);
  EXPECT_OK(job);
  return job.ok() ? *std::move(job) : Job();
}

LeasedJob JobQueueConformance::Lease(const std::string& worker) {
  std::optional<LeasedJob> leased = TryLease(worker);
  EXPECT_TRUE(leased.has_value()) << "there is no job to lease";
  return leased ? *std::move(leased) : LeasedJob();
}

std::optional<LeasedJob> JobQueueConformance::TryLease(const std::string& worker,
                                                       const WorkerCatalogue& catalogue,
                                                       const std::optional<std::string>& tenant) {
  EXPECT_OK(catalogues_.Announce(catalogue));
  absl::StatusOr<std::optional<LeasedJob>> leased = queue_.Lease(worker, catalogue, tenant);
  EXPECT_OK(leased);
  return leased.ok() ? *std::move(leased) : std::nullopt;
}

absl::Status JobQueueConformance::Complete(const LeasedJob& leased, const AttemptResult& result) {
  return queue_.Complete(leased.job.name, leased.job.lease.token, result).status();
}

std::vector<JobEvent> JobQueueConformance::Events(const JobName& name) {
  absl::StatusOr<std::vector<JobEvent>> events = queue_.Events(name, 0, 1'000'000);
  EXPECT_OK(events);
  return events.ok() ? *std::move(events) : std::vector<JobEvent>();
}

std::vector<JobState> JobQueueConformance::History(const JobName& name) {
  std::vector<JobState> states;
  for (const JobEvent& event : Events(name)) {
    if (const auto* state = std::get_if<JobState>(&event.content)) states.push_back(*state);
  }
  return states;
}

StoredFile JobQueueConformance::Upload(const std::string& name, const std::string& bytes,
                                       const std::string& tenant) {
  const std::string digest = Sha256Hex(bytes);
  const auto size_bytes = static_cast<int64_t>(bytes.size());
  auto writer = blobs_.Of(tenant)->OpenUpload("upload", digest, size_bytes);
  EXPECT_OK(writer);
  EXPECT_OK((*writer)->Append((*writer)->committed(),
                              bytes.substr(static_cast<size_t>((*writer)->committed()))));
  EXPECT_OK((*writer)->Finish());
  return {.name = name, .digest = digest, .size_bytes = size_bytes};
}

AttemptSucceeded JobQueueConformance::Success(const std::string& tenant) {
  return {.files = {Upload("model.onnx", "quantized", tenant), Upload("a.json", "{}", tenant)},
          .report = "a report"};
}

AttemptFailed JobQueueConformance::Failure(absl::StatusCode code, const std::string& message) {
  return {MakeError(code, "CHILD_DIED", message)};
}

Job JobQueueConformance::Finish(const Submission& submission) {
  const Job job = Submit(submission);
  EXPECT_OK(Complete(Lease(), Success()));
  return Get(job.name);
}

}  // namespace quantd::testing
