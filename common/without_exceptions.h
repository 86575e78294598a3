// Where exceptions end. Libraries throw (oneDNN, the standard library when memory runs out); one
// that left a thread would end the process.
#pragma once

#include <functional>

#include "absl/status/status.h"

namespace quantd {

// What `work` returns, or what it threw as a status: RESOURCE_EXHAUSTED, reason OUT_OF_MEMORY, or
// INTERNAL, reason UNEXPECTED_EXCEPTION.
absl::Status WithoutExceptions(const std::function<absl::Status()>& work);

}  // namespace quantd
