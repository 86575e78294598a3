#include "server/store/sqlite/sqlite_events.h"

#include "common/status_macros.h"
#include "server/core/job_codec.h"

namespace quantd {

absl::Status SqliteEventTable::Append(int64_t job_key, const std::vector<JobEvent>& events) {
  for (const JobEvent& event : events) {
    ASSIGN_OR_RETURN(Statement statement,
                     database_.Prepare("INSERT INTO events VALUES (?, ?, ?, ?)"));
    RETURN_IF_ERROR(statement.Bind(job_key)
                        .Bind(event.sequence)
                        .Bind(EncodeTime(event.time))
                        .Bind(EncodeEvent(event))
                        .Run());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<JobEvent>> SqliteEventTable::Read(int64_t job_key, int64_t after,
                                                             int limit) {
  ASSIGN_OR_RETURN(
      Statement statement,
      database_.Prepare("SELECT sequence, time, content FROM events "
                        "WHERE job_key = ? AND sequence > ? ORDER BY sequence LIMIT ?"));
  statement.Bind(job_key).Bind(after).Bind(static_cast<int64_t>(limit));
  std::vector<JobEvent> events;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return events;
    JobEvent event{.sequence = statement.Int(0), .time = DecodeTime(statement.Int(1))};
    RETURN_IF_ERROR(DecodeEvent(statement.Text(2), event));
    events.push_back(std::move(event));
  }
}

}  // namespace quantd
