// The CPU's operators: one table a family, looked up by operator and opset.
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "worker/backend/cpu/array_kernels.h"
#include "worker/backend/cpu/guard.h"
#include "worker/backend/cpu/kernel_table.h"

namespace quantd {
namespace cpu {

const std::vector<KernelEntry>& AllKernels() {
  static const auto* const kAll = [] {
    auto* all = new std::vector<KernelEntry>();
    for (const auto family :
         {ActivationKernels(),
          ArgKernels(),
          AttentionKernels(),
          BatchNormalizationKernels(),
          BinaryKernels(),
          CastKernels(),
          ChannelNormalizationKernels(),
          ChannelsLastPoolKernels(),
          ConvTransposeKernels(),
          ConvolutionKernels(),
          CumSumKernels(),
          DepthSpaceKernels(),
          DropoutKernels(),
          EinsumKernels(),
          FillKernels(),
          FusedLayerKernels(),
          FusedMatMulKernels(),
          GridSampleKernels(),
          IndexKernels(),
          IntegerConvolutionKernels(),
          IntegerLayerKernels(),
          IntegerMatrixKernels(),
          JoinKernels(),
          LogicKernels(),
          LossKernels(),
          LpPoolKernels(),
          MatMulNBitsKernels(),
          MatrixKernels(),
          MaxPoolIndexKernels(),
          MicrosoftKernels(),
          NonMaxSuppressionKernels(),
          NormalizationKernels(),
          PReluKernels(),
          PadKernels(),
          PatchKernels(),
          PoolKernels(),
          PowerKernels(),
          QuantizeLinearKernels(),
          RecurrentKernels(),
          ReduceKernels(),
          RepeatKernels(),
          ResizeKernels(),
          RoiKernels(),
          ScatterKernels(),
          SelectKernels(),
          SequenceKernels(),
          ShapeKernels(),
          SliceKernels(),
          SoftmaxKernels(),
          SpectrumKernels(),
          StringNormalizerKernels(),
          TfIdfVectorizerKernels(),
          TopKKernels(),
          TransposeKernels(),
          UnaryKernels(),
          UniqueKernels(),
          WindowFunctionKernels()}) {
      all->insert(all->end(), family.begin(), family.end());
    }
    return all;
  }();
  return *kAll;
}

}  // namespace cpu

namespace {

class Cpu final : public Backend {
 public:
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
    return cpu::MakeGuardedKernel(*entry, context);
  }

 private:
  // The newest row that is not newer than the opset.
  const cpu::KernelEntry* Find(const Node& node, int64_t opset) const {
    // `opset` counts versions of the ONNX domain; of the others there is one version each.
    const int64_t version = node.domain.empty() ? opset : 1;
    const cpu::KernelEntry* best = nullptr;
    for (const cpu::KernelEntry& entry : cpu::AllKernels()) {
      if (entry.op_type == node.op_type && entry.domain == node.domain && entry.since <= version &&
          (best == nullptr || entry.since > best->since)) {
        best = &entry;
      }
    }
    return best;
  }
};

}  // namespace

const Backend& CpuBackend() {
  static const Cpu* const kCpu = new Cpu();
  return *kCpu;
}

}  // namespace quantd
