// Conv, by oneDNN.
#include <map>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"
#include "worker/backend/cpu/onednn.h"
#include "worker/backend/cpu/window.h"

namespace quantd::cpu {
namespace {

// Prepared problems kept per node: one a batch size, usually two (full batches and the last one).
constexpr size_t kPreparedMax = 8;

class ConvKernel final : public Kernel {
 public:
  ConvKernel(const Node& node, bool constant_weights)
      : node_(node), groups_(node.Int("group", 1)), constant_weights_(constant_weights) {}

  absl::Status Run(const Inputs& inputs, Outputs& outputs) const override {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    RETURN_IF_ERROR(RequireFloat(inputs, 1));
    const bool has_bias = inputs.size() > 2 && inputs[2] != nullptr;
    if (has_bias) RETURN_IF_ERROR(RequireFloat(inputs, 2));
    const Tensor& x = *inputs[0];
    const Tensor& w = *inputs[1];
    ASSIGN_OR_RETURN(OneDnnConvolution::Problem problem, MakeProblem(x.shape(), w.shape()));
    problem.has_bias = has_bias;
    if (has_bias && inputs[2]->shape() != Shape{w.dim(0)}) {
      return BadShape(absl::StrCat("the bias has shape ", ShapeString(inputs[2]->shape()),
                                   ", expected [", w.dim(0), "]"));
    }
    Shape shape = {x.dim(0), w.dim(0)};
    const size_t first = problem.window.output.size() - (x.rank() - 2);
    shape.insert(shape.end(), problem.window.output.begin() + static_cast<std::ptrdiff_t>(first),
                 problem.window.output.end());
    ASSIGN_OR_RETURN(Tensor out, MakeOutput(DataType::kFloat, shape));
    if (out.size() > 0) {
      ASSIGN_OR_RETURN(const std::shared_ptr<const OneDnnConvolution> convolution,
                       Prepare(problem, w.data<float>(),
                               has_bias ? inputs[2]->data<float>() : nullptr));
      RETURN_IF_ERROR(convolution->Run(x.data<float>(), out.mutable_data<float>()));
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  }

 private:
  absl::StatusOr<OneDnnConvolution::Problem> MakeProblem(const Shape& x, const Shape& w) const {
    if (x.size() < 3 || x.size() > 5 || w.size() != x.size()) {
      return BadShape(absl::StrCat("input ", ShapeString(x), " and weight ", ShapeString(w),
                                   " are no convolution over one to three axes"));
    }
    if (groups_ < 1 || w[0] < 1 || x[1] < 1 || x[1] % groups_ != 0 || w[0] % groups_ != 0 ||
        w[1] != x[1] / groups_) {
      return BadShape(absl::StrCat("input ", ShapeString(x), ", weight ", ShapeString(w), " and group ",
                                   groups_, " do not fit"));
    }
    OneDnnConvolution::Problem problem{.input = x, .weight = w, .groups = groups_};
    ASSIGN_OR_RETURN(problem.window, ResolveWindow(node_, {w.begin() + 2, w.end()},
                                                   {x.begin() + 2, x.end()}, false));
    if (x.size() == 3) {
      // One axis: a plane of height 1.
      problem.input.insert(problem.input.begin() + 2, 1);
      problem.weight.insert(problem.weight.begin() + 2, 1);
      for (std::vector<int64_t>* ones : {&problem.window.kernel, &problem.window.strides,
                                         &problem.window.dilations, &problem.window.output}) {
        ones->insert(ones->begin(), 1);
      }
      problem.window.pads_begin.insert(problem.window.pads_begin.begin(), 0);
      problem.window.pads_end.insert(problem.window.pads_end.begin(), 0);
    }
    return problem;
  }

  absl::StatusOr<std::shared_ptr<const OneDnnConvolution>> Prepare(
      const OneDnnConvolution::Problem& problem, const float* weights, const float* bias) const {
    const std::lock_guard lock(mutex_);
    const auto it = prepared_.find(problem.input);
    if (it != prepared_.end()) return it->second;
    ASSIGN_OR_RETURN(std::shared_ptr<const OneDnnConvolution> made,
                     OneDnnConvolution::Create(problem, weights, bias));
    if (constant_weights_) {
      if (prepared_.size() >= kPreparedMax) prepared_.clear();
      prepared_[problem.input] = made;
    }
    return made;
  }

  const Node node_;
  const int64_t groups_;
  const bool constant_weights_;
  mutable std::mutex mutex_;
  mutable std::map<Shape, std::shared_ptr<const OneDnnConvolution>> prepared_;
};

absl::StatusOr<std::unique_ptr<Kernel>> MakeConv(const KernelContext& context) {
  // A bias that is absent is as constant as one that is stored.
  bool constant = context.constants.size() >= 2 && context.constants[1].defined();
  if (context.node.inputs.size() > 2 && !context.node.inputs[2].empty()) {
    constant &= context.constants[2].defined();
  }
  return std::make_unique<ConvKernel>(context.node, constant);
}

constexpr KernelEntry kEntries[] = {{"Conv", 1, &MakeConv}};

}  // namespace

std::span<const KernelEntry> ConvolutionKernels() { return kEntries; }

}  // namespace quantd::cpu
