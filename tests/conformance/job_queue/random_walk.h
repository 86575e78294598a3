// Random operations on the queue and on the model of it, and what must hold after each.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/random.h"
#include "server/core/tenant_registry.h"
#include "tests/conformance/job_queue/queue_fixture.h"
#include "tests/conformance/job_queue/queue_model.h"

namespace quantd::testing {

class JobQueueRandom : public JobQueueConformance {
 protected:
  void Run(uint64_t seed, int operations);

 private:
  // The worker's catalogue decides what it can do and with which engine.
  struct Worker {
    std::string name;
    WorkerCatalogue catalogue;
    std::optional<std::string> tenant;
  };

  void Step();
  void SubmitOne();
  void LeaseOne();
  void CompleteOne();
  void CompleteHeard(ModelJob& job, const AttemptResult& result);
  void ReportOne();
  void HeartbeatOne();
  void CancelOne();
  void DeleteOne();
  void DeleteArtifactOfOne();
  void RedriveOne();
  void SetTenant();
  void SetPaused();
  void Maintain();
  void Check(const ModelJob& expected);
  void CheckHistory(const ModelJob& expected, const Job& job);
  void CheckAll();

  // Any job of the model; null when it has none. Mostly one in this state, if there are several.
  ModelJob* AnyJob(JobState preferred = JobState::kRunning);
  std::string AnyTenant();
  // The job's token, or now and then one that is out of date.
  uint64_t TokenFor(const ModelJob& job);
  bool Heard(const ModelJob& job, uint64_t token) const {
    return job.state == JobState::kRunning && job.token == token;
  }
  absl::Time now() const { return clock_.Now(); }

  Random random_{0};
  QueueModel model_{kLease};
  std::vector<Worker> workers_;
  std::map<std::string, int> seen_;  // How often what is worth testing has happened.
  AttemptSucceeded success_;
  TenantRegistry tenants_{store_.get(), {}};
  uint64_t last_token_ = 0;
  int requests_ = 0;
};

}  // namespace quantd::testing
