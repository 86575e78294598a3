// The filter and order of ListJobs as a query of the store. Pure functions.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "server/core/job_store.h"

namespace quantd {

// Terms joined by AND: state=SUCCEEDED, labels.key=value, display_name=text; each field once. A
// value with spaces is put in double quotes. `order_by` is "", "create_time" or "create_time desc".
//
// Errors: INVALID_ARGUMENT, reason INVALID_FILTER or INVALID_ORDER.
absl::StatusOr<JobQuery> ParseJobQuery(const std::string& tenant, const std::string& filter,
                                       const std::string& order_by);

}  // namespace quantd
