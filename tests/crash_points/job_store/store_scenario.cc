#include "tests/crash_points/job_store/store_scenario.h"

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/digest.h"
#include "common/error.h"
#include "common/status_macros.h"

namespace quantd::testing {
namespace {

constexpr absl::Duration kLease = absl::Seconds(15);

WorkerCatalogue Catalogue() {
  return {.digest = Sha256Hex("catalogue"),
          .engine_version = "1.0.0",
          .capabilities = {"preset:a"},
          .content = "catalogue"};
}

absl::Status Wanted(absl::StatusCode code, const absl::Status& status) {
  if (status.code() == code) return absl::OkStatus();
  return status.ok() ? absl::InternalError("should have been refused") : status;
}

}  // namespace

StoreScenario::StoreScenario()
    : catalogues_(&store_, &clock_),
      tenants_(&store_, TenantLimits()),
      artifacts_(&store_, &blobs_, &clock_, &ids_),
      queue_({.lease_length = kLease}, &store_, &blobs_, &clock_, &ids_, &signal_) {}

absl::Status StoreScenario::Run(const std::vector<Step>& steps) {
  for (const Step& step : steps) {
    const int ids = ids_.last();
    absl::Status status = step();
    while (!status.ok() && on_error_ && on_error_(status)) {
      ids_.Rewind(ids);
      status = step();
    }
    RETURN_IF_ERROR(status);
  }
  return absl::OkStatus();
}

std::vector<StoreScenario::Step> StoreScenario::FirstHalf() {
  return {
      [this] { return catalogues_.Announce(Catalogue()); },
      [this] { return tenants_.Set("team", {.queued_jobs_max = 100}, 2).status(); },
      Submit("team", "one"),
      Submit("team", "one"),  // The same request: the same job.
      Submit("others", "two"),
      Lease("w1"),
      Heartbeat(),
      Report(3),
      Complete(Success("result of one")),
      Submit("team", "twin of one"),
      Lease("w1"),
      Complete(AttemptFailed{MakeError(absl::StatusCode::kInternal, "CHILD_DIED", "died")}),
      Submit("team", "three", /*max_attempts=*/1),
      Cancel("two"),
      [this] { return tenants_.SetPaused(true); },
      [this] { return tenants_.SetPaused(false); },
      [this]() -> absl::Status {
        std::vector<StoredFile> files = {Upload("model.onnx", "a model")};
        const absl::Status status = artifacts_.Create("team", files, {{"k", "v"}}).status();
        // It is written and then read; after an error of the reading it is there.
        if (!absl::IsAlreadyExists(status)) RETURN_IF_ERROR(status);
        ASSIGN_OR_RETURN(const std::vector<Artifact> newest,
                         artifacts_.List("team", std::nullopt, 1));
        uploaded_ = newest.at(0).name;
        return absl::OkStatus();
      },
  };
}

std::vector<StoreScenario::Step> StoreScenario::SecondHalf() {
  return {
      [this] { return queue_.RenewRunningLeases(); },
      Lease("w2"),
      Report(2),
      Pass(kLease + absl::Seconds(1)),
      [this] { return queue_.Reap().status(); },  // The lease of "three" has ended, its last.
      Submit("team", "four"),
      Submit("team", "four"),
      Lease("w1"),
      Complete(AttemptHandedBack{}),
      Lease("w2"),
      Cancel("four"),
      Heartbeat(),
      Complete(AttemptCancelled{}),
      Submit("others", "five"),
      Lease("w1"),
      Report(1),
      Complete(Success(std::string(9'000, 'r'))),  // More than a page.
      Delete("one"),
      Delete("four"),
      [this] { return artifacts_.Delete(*uploaded_); },
      [this] { return tenants_.Set("team", {}, 1).status(); },
      [this] {  // The rules refuse; nothing is written.
        return Wanted(absl::StatusCode::kNotFound, queue_.Cancel(jobs_.at("one")).status());
      },
  };
}

absl::Status StoreScenario::RunOneMoreJob(uint64_t last_token) {
  constexpr int kUnusedIds = 900'000;
  ids_.Rewind(kUnusedIds);
  last_token_ = last_token;
  // Whatever waited before may be the job that is leased.
  return Run({[this] { return tenants_.SetPaused(false); }, Submit("team", "one more"), Lease("w9"),
              Report(1), Complete(Success("one more"))});
}

Submission StoreScenario::Work(const std::string& tenant, const std::string& work) const {
  const std::string digest = Sha256Hex(work == "twin of one" ? "one" : work);
  return {.tenant = tenant,
          .display_name = work,
          .labels = {{"work", work}},
          .traits = {.work_digest = digest, .requirements = {"preset:a"}},
          .spec = "spec of " + work,
          .request_id = "request " + work,
          .request_digest = Sha256Hex("request of " + work)};
}

StoreScenario::Step StoreScenario::Submit(const std::string& tenant, const std::string& work,
                                          int max_attempts) {
  return [=, this]() -> absl::Status {
    Submission submission = Work(tenant, work);
    submission.traits.max_attempts = max_attempts;
    ASSIGN_OR_RETURN(const Job job, queue_.Submit(submission));
    const auto [known, is_new] = jobs_.emplace(work, job.name);
    return known->second == job.name ? absl::OkStatus()
                                     : absl::InternalError("one request made two jobs");
  };
}

StoreScenario::Step StoreScenario::Lease(const std::string& worker) {
  return [=, this]() -> absl::Status {
    ASSIGN_OR_RETURN(std::optional<LeasedJob> leased, queue_.Lease(worker, Catalogue(), std::nullopt));
    if (!leased) return absl::InternalError("there is no job to lease");
    leased_ = *std::move(leased);
    const uint64_t token = leased_.job.lease.token;
    if (token <= last_token_) return absl::InternalError(absl::StrCat("token ", token, " again"));
    last_token_ = token;
    return absl::OkStatus();
  };
}

StoreScenario::Step StoreScenario::Report(int lines) {
  return [=, this] {
    const std::vector<JobEvent> events(static_cast<size_t>(lines), {.content = LogText{"line"}});
    return queue_.Report(leased_.job.name, leased_.job.lease.token, events);
  };
}

StoreScenario::Step StoreScenario::Heartbeat() {
  return [this] { return queue_.Heartbeat(leased_.job.name, leased_.job.lease.token).status(); };
}

StoreScenario::Step StoreScenario::Complete(const AttemptResult& result) {
  return [=, this] { return queue_.Complete(leased_.job.name, leased_.job.lease.token, result).status(); };
}

StoreScenario::Step StoreScenario::Cancel(const std::string& work) {
  return [=, this] { return queue_.Cancel(jobs_.at(work)).status(); };
}

StoreScenario::Step StoreScenario::Delete(const std::string& work) {
  return [=, this] { return queue_.Delete(jobs_.at(work), std::nullopt); };
}

StoreScenario::Step StoreScenario::Pass(absl::Duration time) {
  return [=, this] {
    clock_.Advance(time);
    return absl::OkStatus();
  };
}

AttemptSucceeded StoreScenario::Success(const std::string& content) {
  return {.files = {Upload("model.onnx", content)}, .report = "report of " + content};
}

StoredFile StoreScenario::Upload(const std::string& name, const std::string& bytes) {
  const std::string digest = Sha256Hex(bytes);
  const auto size_bytes = static_cast<int64_t>(bytes.size());
  for (const std::string& tenant : Tenants()) {
    auto writer = blobs_.Of(tenant)->OpenUpload("upload", digest, size_bytes);
    QUANTD_CHECK(writer.ok());
    QUANTD_CHECK((*writer)->Append(0, bytes).ok());
    QUANTD_CHECK((*writer)->Finish().ok());
  }
  return {.name = name, .digest = digest, .size_bytes = size_bytes};
}

}  // namespace quantd::testing
