// The measured side of speed_table.js: one model in a process of its own that runs on demand, so
// that the script can take turns between engines.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace quantd::bench {

struct ServeOptions {
  std::string model;  // Path of the .onnx file.
  std::string feeds;  // Folder that speed_table inputs wrote.
  int threads = 1;
};

// Prepares the model, says "ready", then answers lines of stdin on stdout until the input ends:
//
//   outputs      runs once and writes the outputs to the folder of feeds; "ok"
//   run N        runs the batch N times, `threads` at once; "WALL PROCESSOR", seconds
//   calibrate N  N batches plain, then N observed as calibration does; the same, twice
//
// Errors: the engine's own; INVALID_ARGUMENT for a line that is none of these.
absl::Status Serve(const ServeOptions& options);

// Runs the model a few times in this process and prints "BYTES BYTES": its peak memory before the
// model was read and at the end.
absl::Status MeasureMemory(const ServeOptions& options);

}  // namespace quantd::bench
