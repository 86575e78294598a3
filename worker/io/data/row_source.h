// Rows for one input of a model, one at a time.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "worker/graph/tensor.h"

namespace quantd {

class RowSource {
 public:
  virtual ~RowSource() = default;

  virtual int64_t rows() const = 0;
  // One row, without the batch axis. Every row has it.
  virtual const Shape& row_shape() const = 0;
  // The model's element type.
  virtual DataType dtype() const = 0;
  // Writes one row to `out`, at any address. REQUIRES: 0 <= row < rows(). Thread-safe.
  virtual absl::Status Read(int64_t row, void* out) const = 0;
};

}  // namespace quantd
