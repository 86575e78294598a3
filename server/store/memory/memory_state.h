// The rows of a MemoryJobStore. Plain data; not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "server/core/job_store.h"

namespace quantd {

struct MemoryState {
  std::map<int64_t, Job> jobs;
  std::map<JobName, int64_t> job_keys;
  std::map<std::pair<int64_t, JobPayload>, std::string> payloads;
  std::map<int64_t, std::vector<std::string>> inputs;      // By job; sorted.
  std::map<std::pair<int64_t, int64_t>, JobEvent> events;  // By job and sequence.
  std::map<int64_t, Artifact> artifacts;
  std::map<ArtifactName, int64_t> artifact_keys;
  // By tenant and digest.
  std::map<std::pair<std::string, std::string>, WorkerCatalogue> catalogues;
  std::map<std::string, Tenant> tenants;
  std::map<int64_t, AccessToken> tokens;
  std::map<std::string, int64_t> token_keys;  // By the last part of the name.
  bool paused = false;
  int64_t last_job_key = 0;
  int64_t last_artifact_key = 0;
  int64_t last_token_key = 0;
  uint64_t last_token = 0;
};

}  // namespace quantd
