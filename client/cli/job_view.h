// Everything about one job, for people.
#pragma once

#include <ostream>

#include "absl/time/time.h"
#include "quantd/v1/job.pb.h"

namespace quantd {

void PrintJob(const v1::Job& job, absl::Time now, std::ostream& out);

}  // namespace quantd
