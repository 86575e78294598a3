// A backend that runs another one's kernels with a stopwatch beside each. What an executor makes of
// a graph, fused nodes included, is thereby timed as it runs.
#pragma once

#include <deque>
#include <limits>
#include <string>

#include "worker/backend/backend.h"

namespace quantd::bench {

struct KernelTime {
  std::string op_type;
  std::string node;
  Shape shape;                                               // Of the first output.
  double seconds = std::numeric_limits<double>::infinity();  // The least of all runs.
};

// One thread at a time may run what this backend made.
class TimingBackend final : public Backend {
 public:
  // Borrowed.
  explicit TimingBackend(const Backend* backend) : backend_(backend) {}

  absl::string_view name() const override { return backend_->name(); }
  bool Supports(const Node& node, int64_t opset) const override {
    return backend_->Supports(node, opset);
  }
  absl::StatusOr<std::unique_ptr<Kernel>> MakeKernel(const KernelContext& context) const override;

  // One a kernel, in the order in which they were made; infinite for one that never ran.
  const std::deque<KernelTime>& times() const { return times_; }

  // What all runs of all kernels took together.
  double total_seconds() const { return total_seconds_; }

  // Forgets what ran so far, such as constant subgraphs while compiling.
  void Restart();

 private:
  const Backend* backend_;
  // Kernels point into both.
  mutable std::deque<KernelTime> times_;
  mutable double total_seconds_ = 0;
};

}  // namespace quantd::bench
