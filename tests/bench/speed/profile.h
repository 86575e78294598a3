// Where an executor's time goes.
#pragma once

#include "absl/status/status.h"
#include "tests/bench/speed/serve.h"

namespace quantd::bench {

// Runs the model `rounds` times and prints, as text, the milliseconds of each operator type and of
// the slowest nodes, and what the executor takes beside its kernels. Of every kernel the fastest
// round counts: on a shared machine the least is what repeats.
absl::Status PrintProfile(const ServeOptions& options, int rounds);

}  // namespace quantd::bench
