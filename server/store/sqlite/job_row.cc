#include "server/store/sqlite/job_row.h"

#include <limits>
#include <utility>

#include "common/status_macros.h"
#include "server/core/job_codec.h"

namespace quantd::sqlite {
namespace {

absl::Duration DecodeDuration(int64_t nanoseconds) {
  // What absl::ToInt64Nanoseconds() makes of the infinite one.
  if (nanoseconds == std::numeric_limits<int64_t>::max()) return absl::InfiniteDuration();
  return absl::Nanoseconds(nanoseconds);
}

absl::StatusOr<JobState> DecodeState(const std::string& text) {
  const absl::StatusOr<JobState> state = ParseJobState(text);
  if (!state.ok()) return absl::DataLossError(state.status().message());
  return state;
}

// The job in the statement's row.
absl::StatusOr<Job> ReadJob(const Statement& row) {
  int column = 0;  // In the order of kJobColumns.
  const auto integer = [&] { return row.Int(column++); };
  const auto text = [&] { return row.Text(column++); };
  const auto time = [&] { return DecodeTime(row.Int(column++)); };

  Job job;
  job.key = integer();
  job.name.tenant = text();
  job.name.job = text();
  job.display_name = text();
  ASSIGN_OR_RETURN(job.labels, DecodeMap(text()));
  job.request_id = text();
  job.request_digest = text();
  job.traits.work_digest = text();
  job.traits.requirements = DecodeWords(text());
  job.traits.priority = static_cast<int>(integer());
  job.traits.max_attempts = static_cast<int>(integer());
  job.traits.queue_timeout = DecodeDuration(integer());
  ASSIGN_OR_RETURN(job.state, DecodeState(text()));
  job.version = integer();
  job.create_time = time();
  job.update_time = time();
  job.not_before = time();
  job.cancel_requested = integer() != 0;
  job.lease.token = static_cast<uint64_t>(integer());
  job.lease.expire_time = time();
  job.event_count = integer();
  job.engine_version = text();
  RETURN_IF_ERROR(DecodeJobDetails(text(), job));
  return job;
}

}  // namespace

absl::StatusOr<std::vector<Job>> ReadJobs(Statement& statement) {
  std::vector<Job> jobs;
  while (true) {
    ASSIGN_OR_RETURN(const bool found, statement.Step());
    if (!found) return jobs;
    ASSIGN_OR_RETURN(Job job, ReadJob(statement));
    jobs.push_back(std::move(job));
  }
}

absl::StatusOr<std::optional<Job>> ReadFirstJob(Statement& statement) {
  ASSIGN_OR_RETURN(const bool found, statement.Step());
  if (!found) return std::nullopt;
  ASSIGN_OR_RETURN(Job job, ReadJob(statement));
  return job;
}

void BindRequest(const Job& job, Statement& statement) {
  statement.BindText(":tenant", job.name.tenant);
  statement.BindText(":id", job.name.job);
  statement.BindText(":request_id", job.request_id);
  statement.BindText(":request_digest", job.request_digest);
  statement.BindText(":work_digest", job.traits.work_digest);
  statement.BindText(":requirements", EncodeWords(job.traits.requirements));
  statement.BindInt(":priority", job.traits.priority);
  statement.BindInt(":max_attempts", job.traits.max_attempts);
  statement.BindInt(":queue_timeout", absl::ToInt64Nanoseconds(job.traits.queue_timeout));
}

void BindProgress(const Job& job, Statement& statement) {
  statement.BindText(":display_name", job.display_name);
  statement.BindText(":labels", EncodeMap(job.labels));
  if (!job.start_time) {
    statement.BindInt(":queue_deadline", EncodeTime(job.create_time + job.traits.queue_timeout));
  }
  statement.BindText(":state", ToText(job.state));
  statement.BindInt(":version", job.version);
  statement.BindInt(":create_time", EncodeTime(job.create_time));
  statement.BindInt(":update_time", EncodeTime(job.update_time));
  statement.BindInt(":not_before", EncodeTime(job.not_before));
  statement.BindInt(":cancel_requested", job.cancel_requested ? 1 : 0);
  statement.BindInt(":lease_token", static_cast<int64_t>(job.lease.token));
  statement.BindInt(":lease_expire_time", EncodeTime(job.lease.expire_time));
  statement.BindInt(":event_count", job.event_count);
  statement.BindText(":engine_version", job.engine_version);
  statement.BindInt(":did_work", job.cached_from.empty() ? 1 : 0);
  statement.BindText(":details", EncodeJobDetails(job));
}

}  // namespace quantd::sqlite
