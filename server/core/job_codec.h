// The parts of jobs, events, artifacts and catalogues that databases keep as one text column each:
// what nothing is searched or sorted by. JSON, so that an operator can read it. Pure functions.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/core/job.h"

namespace quantd {

// "QUEUED", ... as the API spells them.
absl::string_view ToText(JobState state);
absl::StatusOr<JobState> ParseJobState(absl::string_view text);
absl::string_view ToText(AttemptOutcome outcome);

// attempts, attempts_before_redrive, progress, error, artifact, cached_from, lease.worker,
// start_time and end_time. A fraction that is no finite number becomes 0.
std::string EncodeJobDetails(const Job& job);
// Fills those fields. DATA_LOSS for text that EncodeJobDetails() did not write.
absl::Status DecodeJobDetails(absl::string_view json, Job& job);

// Kind and content of an event; not its sequence and time.
std::string EncodeEvent(const JobEvent& event);
absl::Status DecodeEvent(absl::string_view json, JobEvent& event);

std::string EncodeFiles(const std::vector<StoredFile>& files);
absl::StatusOr<std::vector<StoredFile>> DecodeFiles(absl::string_view json);

std::string EncodeMap(const std::map<std::string, std::string>& map);
absl::StatusOr<std::map<std::string, std::string>> DecodeMap(absl::string_view json);

// Sorted lists of words without a line feed, one a line.
std::string EncodeWords(const std::vector<std::string>& words);
std::vector<std::string> DecodeWords(absl::string_view text);

// Times as databases keep them: nanoseconds since 1970, UTC. The infinities stay themselves.
int64_t EncodeTime(absl::Time time);
absl::Time DecodeTime(int64_t nanoseconds);

}  // namespace quantd
