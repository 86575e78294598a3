// The measurements of queue_load. Each prints its figures, the last line as "NAME VALUE".
#pragma once

#include <string>

namespace quantd::bench {

// JobQueue against bare SQLite, both in `folder`, `jobs` a round.
void MeasureThroughput(const std::string& folder, int jobs);

// The lease of a job among 100,000 rows against one among 1,000, both in `folder`. The transactions
// do not wait for the disk: its time would hide that of the search.
void MeasureLease(const std::string& folder);

}  // namespace quantd::bench
