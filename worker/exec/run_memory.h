// The memory of one executor's runs. The first run for a set of input shapes takes its tensors from the heap and
// writes down their lives; later ones find every tensor's place in one block, planned from that.
//
// A plan is only a suggestion: whoever asks for another size than planned (a shape that depends on values), or while a
// tensor that somebody kept still lies in that place, gets heap memory. So tensors may be kept for as long as one likes.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "worker/exec/memory_plan.h"
#include "worker/graph/tensor.h"

namespace quantd {

// Thread-safe: each run on its own thread takes a memory of its own.
class RunMemory {
 public:
  RunMemory();
  ~RunMemory();

  // A run's memory. Tensors made in it may outlive it. Use it on one thread.
  class Session : public TensorMemory {
   public:
    // To be called when the run has succeeded and dropped everything but its results.
    virtual void Finish() = 0;
  };
  std::unique_ptr<Session> Begin(const std::vector<Shape>& input_shapes);

  // The largest block that a plan asked for so far: what the activations of one run need.
  size_t block_bytes() const;

 private:
  struct Shared;
  class Recording;
  class Planned;
  std::shared_ptr<Shared> shared_;
};

}  // namespace quantd
