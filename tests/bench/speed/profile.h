// Where an executor's time goes.
#pragma once

#include "absl/status/status.h"
#include "tests/bench/speed/serve.h"

namespace quantd::bench {

// Runs the model `rounds` times and prints, as text, the milliseconds of each operator type and of
// the slowest nodes. A node's time is what passes between the previous node's outputs and its own, in
// the round where that was least: on a shared machine the least is what repeats.
absl::Status PrintProfile(const ServeOptions& options, int rounds);

}  // namespace quantd::bench
