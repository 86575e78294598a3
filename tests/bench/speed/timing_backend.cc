#include "tests/bench/speed/timing_backend.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/status_macros.h"

namespace quantd::bench {
namespace {

class TimedKernel final : public Kernel {
 public:
  TimedKernel(std::unique_ptr<Kernel> kernel, KernelTime* time, double* total_seconds)
      : kernel_(std::move(kernel)), time_(time), total_seconds_(total_seconds) {}

  absl::Status Run(const std::vector<const Tensor*>& inputs, Outputs& outputs) const override {
    const auto start = std::chrono::steady_clock::now();
    RETURN_IF_ERROR(kernel_->Run(inputs, outputs));
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    time_->seconds = std::min(time_->seconds, elapsed.count());
    *total_seconds_ += elapsed.count();
    if (outputs.size() > 0) time_->shape = outputs[0].shape();
    return absl::OkStatus();
  }

 private:
  std::unique_ptr<Kernel> kernel_;
  KernelTime* time_;
  double* total_seconds_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Kernel>> TimingBackend::MakeKernel(
    const KernelContext& context) const {
  ASSIGN_OR_RETURN(std::unique_ptr<Kernel> kernel, backend_->MakeKernel(context));
  times_.push_back({.op_type = context.node.op_type, .node = context.node.name});
  return std::make_unique<TimedKernel>(std::move(kernel), &times_.back(), &total_seconds_);
}

void TimingBackend::Restart() {
  total_seconds_ = 0;
  for (KernelTime& time : times_) time.seconds = std::numeric_limits<double>::infinity();
}

}  // namespace quantd::bench
