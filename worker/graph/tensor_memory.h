// Where the bytes of new tensors come from: an executor that runs the same graph again and again gives
// the same buffers out again.
#pragma once

#include <cstddef>
#include <memory>

namespace quantd {

class TensorMemory {
 public:
  virtual ~TensorMemory() = default;

  // At least `bytes` bytes, 64-byte aligned, of unspecified content; they go back when the last owner
  // goes. Null when there is no memory.
  virtual std::shared_ptr<void> Allocate(size_t bytes) = 0;
};

// From the heap. Thread-safe; lives for ever.
TensorMemory& HeapMemory();

}  // namespace quantd
