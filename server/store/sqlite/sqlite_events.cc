#include "server/store/sqlite/sqlite_events.h"

#include <algorithm>
#include <utility>

#include "common/status_macros.h"
#include "server/core/job_codec.h"

namespace quantd::sqlite {

absl::Status SqliteEventTable::Append(int64_t job_key, const std::vector<JobEvent>& events) {
  for (const JobEvent& event : events) {
    ASSIGN_OR_RETURN(Statement insert,
                     connection_.Prepare("INSERT INTO events (job_key, sequence, time, content) "
                                         "VALUES (:job_key, :sequence, :time, :content)"));
    insert.BindInt(":job_key", job_key);
    insert.BindInt(":sequence", event.sequence);
    insert.BindInt(":time", EncodeTime(event.time));
    insert.BindText(":content", EncodeEvent(event));
    RETURN_IF_ERROR(insert.Run());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<JobEvent>> SqliteEventTable::Read(int64_t job_key, int64_t after,
                                                             int limit) {
  ASSIGN_OR_RETURN(Statement select,
                   connection_.Prepare("SELECT sequence, time, content FROM events "
                                       "WHERE job_key = :job_key AND sequence > :after "
                                       "ORDER BY sequence LIMIT :limit"));
  select.BindInt(":job_key", job_key);
  select.BindInt(":after", after);
  select.BindInt(":limit", std::max(limit, 0));
  std::vector<JobEvent> events;
  while (true) {
    ASSIGN_OR_RETURN(const bool found, select.Step());
    if (!found) return events;
    JobEvent event{.sequence = select.Int(0), .time = DecodeTime(select.Int(1))};
    RETURN_IF_ERROR(DecodeEvent(select.Text(2), event));
    events.push_back(std::move(event));
  }
}

}  // namespace quantd::sqlite
