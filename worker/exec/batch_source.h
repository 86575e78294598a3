// Rows of data as batches ready to feed. The same batch always holds the same rows.
#pragma once

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "worker/exec/executor.h"

namespace quantd {

struct BatchSource {
  int64_t batches = 0;
  int64_t batch_rows = 0;  // The last batch may have fewer.
  std::function<absl::StatusOr<TensorMap>(int64_t batch)> load;  // Thread-safe; 0 <= batch < batches.
  std::function<void(int64_t done)> done = [](int64_t) {};       // Called as batches are finished, in order.
};

}  // namespace quantd
