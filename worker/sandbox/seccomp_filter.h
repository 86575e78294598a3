// The system calls that a job's process may make: those that computing, memory, threads and files need. No program is
// started, no socket opened, no other process looked at.
#pragma once

#include "absl/status/status.h"

namespace quantd {

// Filters the calls of this process, all its threads, for good.
//
// A forbidden call fails with EPERM, and one that the filter does not know with ENOSYS, as on a kernel that is older
// than it. Killing the process would be no safer, as the call is not carried out in either case, and it would
// turn a harmless probe of a newer C library, which then goes on without, into a job that fails. The job's own error says
// what was refused.
//
// Errors: UNIMPLEMENTED when this kernel or this build has no filter.
absl::Status FilterSystemCalls();

}  // namespace quantd
