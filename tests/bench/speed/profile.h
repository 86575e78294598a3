// Where an executor's time goes.
#pragma once

#include "absl/status/status.h"
#include "tests/bench/speed/serve.h"

namespace quantd::bench {

// Runs the model `rounds` times and prints, as text, the median milliseconds of each operator type
// and of the slowest nodes. A node's time is what passes between the previous node's outputs and
// its own; reading the clock is included.
absl::Status PrintProfile(const ServeOptions& options, int rounds);

}  // namespace quantd::bench
