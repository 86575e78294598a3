// The CPU's operators: one table a family, looked up by operator and opset.
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "worker/backend/cpu/kernel_support.h"

namespace quantd {
namespace {

class WithoutPackedInputs final : public Kernel {
 public:
  explicit WithoutPackedInputs(std::unique_ptr<Kernel> kernel) : kernel_(std::move(kernel)) {}

  absl::Status Run(const cpu::Inputs& inputs, Outputs& outputs) const override {
    for (const Tensor* input : inputs) {
      if (input != nullptr && IsPacked(input->dtype())) {
        return cpu::BadType(*input, "a type of whole bytes");
      }
    }
    return kernel_->Run(inputs, outputs);
  }

 private:
  const std::unique_ptr<Kernel> kernel_;
};

class Cpu final : public Backend {
 public:
  Cpu() {
    for (const auto family :
         {cpu::BatchNormalizationKernels(),
          cpu::BinaryKernels(),
          cpu::ChannelNormalizationKernels(),
          cpu::ChannelsLastPoolKernels(),
          cpu::ConvTransposeKernels(),
          cpu::ConvolutionKernels(),
          cpu::DepthSpaceKernels(),
          cpu::DropoutKernels(),
          cpu::EinsumKernels(),
          cpu::GridSampleKernels(),
          cpu::IndexKernels(),
          cpu::IntegerConvolutionKernels(),
          cpu::IntegerMatrixKernels(),
          cpu::LossKernels(),
          cpu::LpPoolKernels(),
          cpu::MatMulNBitsKernels(),
          cpu::MatrixKernels(),
          cpu::MaxPoolIndexKernels(),
          cpu::NonMaxSuppressionKernels(),
          cpu::NormalizationKernels(),
          cpu::PReluKernels(),
          cpu::PatchKernels(),
          cpu::PoolKernels(),
          cpu::QuantizeLinearKernels(),
          cpu::RecurrentKernels(),
          cpu::ReduceKernels(),
          cpu::ResizeKernels(),
          cpu::RoiKernels(),
          cpu::ShapeKernels(),
          cpu::SoftmaxKernels(),
          cpu::SpectrumKernels(),
          cpu::UnaryKernels(),
          cpu::WindowFunctionKernels()}) {
      entries_.insert(entries_.end(), family.begin(), family.end());
    }
  }

  absl::string_view name() const override { return "cpu"; }

  bool Supports(const Node& node, int64_t opset) const override {
    return Find(node, opset) != nullptr;
  }

  absl::StatusOr<std::unique_ptr<Kernel>> MakeKernel(const KernelContext& context) const override {
    const cpu::KernelEntry* entry = Find(context.node, context.opset);
    if (entry == nullptr) {
      return MakeError(absl::StatusCode::kUnimplemented, "UNSUPPORTED_OPERATOR",
                       absl::StrCat("operator ", context.node.op_type, " (opset ", context.opset,
                                    ") is not supported"));
    }
    absl::StatusOr<std::unique_ptr<Kernel>> kernel = entry->make(context);
    if (!kernel.ok() || entry->takes >= cpu::Takes::kPacked) return kernel;
    return std::make_unique<WithoutPackedInputs>(*std::move(kernel));
  }

 private:
  // The newest row that is not newer than the opset.
  const cpu::KernelEntry* Find(const Node& node, int64_t opset) const {
    // `opset` counts versions of the ONNX domain; of the others there is one version each.
    const int64_t version = node.domain.empty() ? opset : 1;
    const cpu::KernelEntry* best = nullptr;
    for (const cpu::KernelEntry& entry : entries_) {
      if (entry.op_type == node.op_type && entry.domain == node.domain && entry.since <= version &&
          (best == nullptr || entry.since > best->since)) {
        best = &entry;
      }
    }
    return best;
  }

  std::vector<cpu::KernelEntry> entries_;
};

}  // namespace

const Backend& CpuBackend() {
  static const Cpu* const kCpu = new Cpu();
  return *kCpu;
}

}  // namespace quantd
