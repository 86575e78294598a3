// The measurements of queue_load. Each prints its figures, the last line as "NAME VALUE".
#pragma once

#include <string>

namespace quantd::bench {

// JobQueue against bare SQLite, both in `folder`, `jobs` a round.
void MeasureThroughput(const std::string& folder, int jobs);

}  // namespace quantd::bench
