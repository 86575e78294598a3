// A job as the server keeps it. Plain data. What the job is asked to do and what it found out are
// bytes here: only the wire layer and the workers understand them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/core/names.h"

namespace quantd {

// docs/job_states.md draws them.
enum class JobState { kQueued, kRunning, kSucceeded, kFailed, kCancelled, kDeadLettered };

inline constexpr JobState kJobStates[] = {JobState::kQueued,    JobState::kRunning,
                                          JobState::kSucceeded, JobState::kFailed,
                                          JobState::kCancelled, JobState::kDeadLettered};

// Nothing more happens to the job by itself; a dead-lettered one can be redriven.
constexpr bool IsFinished(JobState state) { return state > JobState::kRunning; }

struct JobProgress {
  std::string stage;  // "calibrate"
  int64_t step = 0;   // Steps of the stage that are done.
  int64_t steps = 0;  // Steps of the stage; 0 when unknown.
  std::optional<absl::Duration> eta;
  double fraction = 0;  // Of the whole job, 0 to 1.

  friend bool operator==(const JobProgress&, const JobProgress&) = default;
};

enum class AttemptOutcome { kRunning, kSucceeded, kFailed, kLeaseExpired, kHandedBack, kCancelled };

// What kept an attempt's process apart from the worker's machine: words of docs/sandbox.md. The
// worker tells.
struct SandboxRecord {
  std::vector<std::string> applied;
  std::vector<std::string> missing;  // "word: reason"

  friend bool operator==(const SandboxRecord&, const SandboxRecord&) = default;
};

// One run of a job on one worker.
struct Attempt {
  int number = 1;  // From 1.
  std::string worker;
  absl::Time start_time;
  std::optional<absl::Time> end_time;
  AttemptOutcome outcome = AttemptOutcome::kRunning;
  absl::Status error;
  std::optional<SandboxRecord> sandbox;  // None until the worker has told it.

  friend bool operator==(const Attempt&, const Attempt&) = default;
};

// What the queue must know of a job's spec.
struct JobTraits {
  // SHA-256 of all that determines the result, the engine's version apart: jobs of equal work share
  // one result.
  std::string work_digest;
  // What a worker must be able to do, sorted: "preset:w8a8-mse", "range:mse", ...
  std::vector<std::string> requirements;
  // Digests of the files that the job reads, sorted, each once. They matter when the job is stored;
  // a job that a store gives back has none here: JobTable tells about them.
  std::vector<std::string> inputs;
  int priority = 0;      // Higher runs earlier: RankOf().
  int max_attempts = 3;  // Failures, lost leases included, before the job is dead-lettered.
  absl::Duration queue_timeout = absl::InfiniteDuration();  // From creation to the first start.

  friend bool operator==(const JobTraits&, const JobTraits&) = default;
};

struct JobLease {
  std::string worker;
  uint64_t token = 0;  // Of the latest lease; 0 before the first. Stays when the lease has ended.
  absl::Time expire_time;

  friend bool operator==(const JobLease&, const JobLease&) = default;
};

struct Job {
  int64_t key = 0;  // Chosen by the store; ascending in order of creation, never reused.
  JobName name;
  std::string display_name;
  std::map<std::string, std::string> labels;
  std::string request_id;      // Empty: none.
  std::string request_digest;  // Of the whole creation request, to tell a repetition from a reuse.
  JobTraits traits;

  JobState state = JobState::kQueued;
  int64_t version = 1;  // Counts changes; the etag.
  absl::Time create_time;
  absl::Time update_time;
  std::optional<absl::Time> start_time;
  std::optional<absl::Time> end_time;
  absl::Time not_before;  // A queued job is not leased earlier (backoff).
  bool cancel_requested = false;
  JobLease lease;
  JobProgress progress;
  std::vector<Attempt> attempts;
  // The first so many attempts were before the latest redrive and count no more.
  size_t attempts_before_redrive = 0;
  int64_t event_count = 0;  // The sequence number of the latest event.

  std::string engine_version;  // Of the worker that made the result, or of the one that runs it.
  std::string artifact;        // Resource name; when succeeded.
  std::string cached_from;     // Job that did the work; empty when this one did.
  absl::Status error;          // When failed, dead-lettered or cancelled.

  friend bool operator==(const Job&, const Job&) = default;
};

// A step of priority is worth so much waiting.
inline constexpr absl::Duration kAgingPerPriority = absl::Minutes(10);

// Within a tenant the job of the lowest rank runs first. It never changes, so a job can be
// overtaken only by those created within (difference of priorities) * kAgingPerPriority after it:
// however many urgent ones keep coming, it gets its turn.
inline absl::Time RankOf(const Job& job) {
  return job.create_time - job.traits.priority * kAgingPerPriority;
}

struct LogText {
  std::string text;
  friend bool operator==(const LogText&, const LogText&) = default;
};

struct WarningText {
  std::string text;
  friend bool operator==(const WarningText&, const WarningText&) = default;
};

struct JobEvent {
  int64_t sequence = 0;  // From 1, without gaps in a job.
  absl::Time time;
  std::variant<JobState, JobProgress, LogText, WarningText, SandboxRecord> content;

  friend bool operator==(const JobEvent&, const JobEvent&) = default;
};

// A file by content.
struct StoredFile {
  std::string name;
  std::string digest;
  int64_t size_bytes = 0;

  friend bool operator==(const StoredFile&, const StoredFile&) = default;
};

// A named set of blobs.
struct Artifact {
  int64_t key = 0;  // Chosen by the store, ascending.
  ArtifactName name;
  std::vector<StoredFile> files;  // In byte order of their names.
  absl::Time create_time;
  std::string job;  // Resource name; empty for uploads.
  std::map<std::string, std::string> labels;
  std::string digest;  // ArtifactDigest(files).

  friend bool operator==(const Artifact&, const Artifact&) = default;
};

// What one kind of worker can do. Equal catalogues are one entry, however many workers announce it.
struct WorkerCatalogue {
  std::string digest;  // SHA-256 of `content`.
  std::string engine_version;
  std::vector<std::string>
      capabilities;     // Sorted; of the same vocabulary as JobTraits::requirements.
  std::string content;  // As the worker sent it; bytes to the core.
  absl::Time last_seen;
  std::string tenant = kEveryTenant;  // For whose jobs it counts.

  friend bool operator==(const WorkerCatalogue&, const WorkerCatalogue&) = default;
};

}  // namespace quantd
