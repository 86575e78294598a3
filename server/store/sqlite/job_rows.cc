#include "server/store/sqlite/job_rows.h"

#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/core/job_codec.h"

namespace quantd {

const char kFixedColumns[] =
    "tenant, id, request_id, request_digest, work_digest, requirements, priority, max_attempts, "
    "queue_timeout, queue_deadline, rank, create_time, display_name, labels";
const char kChangingColumns[] =
    "state, version, update_time, not_before, cancel_requested, lease_token, lease_expire, "
    "event_count, engine_version, started, cached, details";

namespace {

// A reader of columns from left to right.
class Columns {
 public:
  explicit Columns(const Statement& row) : row_(row) {}
  int64_t Int() { return row_.Int(next_++); }
  std::string Text() { return row_.Text(next_++); }
  absl::Time Time() { return DecodeTime(Int()); }

 private:
  const Statement& row_;
  int next_ = 0;
};

int64_t EncodeDuration(absl::Duration duration) {
  return duration == absl::InfiniteDuration() ? std::numeric_limits<int64_t>::max()
                                              : absl::ToInt64Nanoseconds(duration);
}

absl::Duration DecodeDuration(int64_t nanoseconds) {
  return nanoseconds == std::numeric_limits<int64_t>::max() ? absl::InfiniteDuration()
                                                            : absl::Nanoseconds(nanoseconds);
}

}  // namespace

absl::StatusOr<JobState> DecodeState(absl::string_view text) {
  absl::StatusOr<JobState> state = ParseJobState(text);
  if (!state.ok()) return absl::DataLossError(state.status().message());
  return state;
}

std::string SelectedJobs() {
  return absl::StrCat("SELECT key, ", kFixedColumns, ", ", kChangingColumns, " ");
}

std::string SelectJobs(absl::string_view where) {
  return absl::StrCat(SelectedJobs(), "FROM jobs ", where);
}

absl::StatusOr<Job> ReadJob(const Statement& row) {
  Columns columns(row);
  Job job;
  job.key = columns.Int();
  job.name.tenant = columns.Text();
  job.name.job = columns.Text();
  job.request_id = columns.Text();
  job.request_digest = columns.Text();
  job.traits.work_digest = columns.Text();
  job.traits.requirements = DecodeWords(columns.Text());
  job.traits.priority = static_cast<int>(columns.Int());
  job.traits.max_attempts = static_cast<int>(columns.Int());
  job.traits.queue_timeout = DecodeDuration(columns.Int());
  columns.Int();  // The queue's deadline and the rank follow from the others.
  columns.Int();
  job.create_time = columns.Time();
  job.display_name = columns.Text();
  ASSIGN_OR_RETURN(job.labels, DecodeMap(columns.Text()));
  ASSIGN_OR_RETURN(job.state, DecodeState(columns.Text()));
  job.version = columns.Int();
  job.update_time = columns.Time();
  job.not_before = columns.Time();
  job.cancel_requested = columns.Int() != 0;
  job.lease.token = static_cast<uint64_t>(columns.Int());
  job.lease.expire_time = columns.Time();
  job.event_count = columns.Int();
  job.engine_version = columns.Text();
  columns.Int();  // `started` and `cached` are there for the indexes.
  columns.Int();
  RETURN_IF_ERROR(DecodeJobDetails(columns.Text(), job));
  return job;
}

absl::StatusOr<std::vector<Job>> ReadJobs(Statement& statement, size_t limit,
                                          DamagedJobs& damaged) {
  std::vector<Job> jobs;
  while (jobs.size() < limit) {
    ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) break;
    absl::StatusOr<Job> job = ReadJob(statement);
    if (job.ok()) {
      jobs.push_back(*std::move(job));
    } else {
      damaged.emplace(statement.Int(0), job.status());
    }
  }
  return jobs;
}

absl::StatusOr<std::optional<Job>> ReadFirstJob(Statement& statement, DamagedJobs& damaged) {
  ASSIGN_OR_RETURN(std::vector<Job> jobs, ReadJobs(statement, 1, damaged));
  if (jobs.empty()) return std::nullopt;
  return std::move(jobs.front());
}

absl::StatusOr<std::optional<Job>> ReadTheJob(Statement& statement) {
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  if (!row) return std::nullopt;
  return ReadJob(statement);
}

void BindFixedColumns(const Job& job, Statement& statement) {
  statement.Bind(job.name.tenant).Bind(job.name.job);
  // NULL, so that the unique index leaves jobs without one alone.
  if (job.request_id.empty()) {
    statement.BindNull();
  } else {
    statement.Bind(job.request_id);
  }
  statement.Bind(job.request_digest)
      .Bind(job.traits.work_digest)
      .Bind(EncodeWords(job.traits.requirements))
      .Bind(static_cast<int64_t>(job.traits.priority))
      .Bind(static_cast<int64_t>(job.traits.max_attempts))
      .Bind(EncodeDuration(job.traits.queue_timeout))
      .Bind(EncodeTime(job.create_time + job.traits.queue_timeout))
      .Bind(EncodeTime(RankOf(job)))
      .Bind(EncodeTime(job.create_time))
      .Bind(job.display_name)
      .Bind(EncodeMap(job.labels));
}

void BindChangingColumns(const Job& job, Statement& statement) {
  statement.Bind(ToText(job.state))
      .Bind(job.version)
      .Bind(EncodeTime(job.update_time))
      .Bind(EncodeTime(job.not_before))
      .Bind(static_cast<int64_t>(job.cancel_requested))
      .Bind(static_cast<int64_t>(job.lease.token))
      .Bind(EncodeTime(job.lease.expire_time))
      .Bind(job.event_count)
      .Bind(job.engine_version)
      .Bind(static_cast<int64_t>(job.start_time.has_value()))
      .Bind(static_cast<int64_t>(!job.cached_from.empty()))
      .Bind(EncodeJobDetails(job));
}

}  // namespace quantd
