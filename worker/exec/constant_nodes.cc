#include "worker/exec/constant_nodes.h"

#include <algorithm>
#include <iterator>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "worker/graph/tensor_memory.h"
#include "worker/exec/one_open_mp_thread.h"

namespace quantd {
namespace {

// Operators whose work grows no faster than the number of elements that they read and make. Sorted.
constexpr absl::string_view kLinear[] = {
    "Abs", "Acos", "Acosh", "Add", "And", "ArgMax", "ArgMin", "Asin", "Asinh", "Atan", "Atanh",
    "BatchNormalization", "BitShift", "BitwiseAnd", "BitwiseNot", "BitwiseOr", "BitwiseXor", "Cast",
    "CastLike", "Ceil", "Celu", "Clip", "Compress", "Concat", "ConstantOfShape", "Cos", "Cosh",
    "CumSum", "DepthToSpace", "DequantizeLinear", "Div", "Dropout", "DynamicQuantizeLinear", "Elu",
    "Equal", "Erf", "Exp", "Expand", "EyeLike", "Flatten", "Floor", "Gather", "GatherElements",
    "GatherND", "Gelu", "Greater", "GreaterOrEqual", "HardSigmoid", "HardSwish", "Hardmax",
    "Identity", "InstanceNormalization", "IsInf", "IsNaN", "LayerNormalization", "LeakyRelu",
    "Less", "LessOrEqual", "Log", "LogSoftmax", "Max", "Mean", "Min", "Mish", "Mod", "Mul", "Neg",
    "NonZero", "Not", "OneHot", "Or", "PRelu", "Pad", "Pow", "QuantizeLinear", "Range",
    "Reciprocal", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax",
    "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare", "Relu", "Reshape",
    "Round", "ScatterElements", "ScatterND", "Selu", "Shape", "Shrink", "Sigmoid", "Sign", "Sin",
    "Sinh", "Size", "Slice", "Softmax", "Softplus", "Softsign", "SpaceToDepth", "Split", "Sqrt",
    "Squeeze", "Sub", "Sum", "Tan", "Tanh", "ThresholdedRelu", "Tile", "Transpose", "Trilu",
    "Unsqueeze", "Where", "Xor"};

bool IsLinear(const Node& node) {
  return node.domain.empty() &&
         std::binary_search(std::begin(kLinear), std::end(kLinear), absl::string_view(node.op_type));
}

bool HasBody(const Node& node) {
  return std::any_of(node.attributes.begin(), node.attributes.end(), [](const auto& attribute) {
    return std::holds_alternative<std::shared_ptr<const Graph>>(attribute.second);
  });
}

// What a kernel that walks the tensor may loop over: an extent of 0 does not stop loops over the others. At most
// kTensorElementsMax, as every tensor's shape.
size_t Positions(const Tensor& tensor) {
  size_t positions = 1;
  for (const int64_t extent : tensor.shape()) positions *= static_cast<size_t>(std::max<int64_t>(extent, 1));
  return positions;
}

// Those of bodies too: the file holds them.
size_t InitializerBytes(const Graph& graph) {
  size_t bytes = 0;
  for (const auto& [name, tensor] : graph.initializers) bytes += tensor.bytes();
  for (const Node& node : graph.nodes) {
    for (const auto& [key, value] : node.attributes) {
      if (const auto* body = std::get_if<std::shared_ptr<const Graph>>(&value)) {
        bytes += InitializerBytes(**body);
      }
    }
  }
  return bytes;
}

// Strings and sequences have no size that their shape tells, and no weight is one: what makes or reads them waits for
// the run.
bool IsNumbers(const Tensor& tensor) { return tensor.is_array() && tensor.dtype() != DataType::kString; }

// Hands out memory of the heap up to a limit, and remembers what it refused.
class LimitedMemory final : public TensorMemory {
 public:
  LimitedMemory(size_t tensor_bytes_max, size_t total_bytes_max)
      : tensor_bytes_max_(tensor_bytes_max), bytes_left_(total_bytes_max) {}

  std::shared_ptr<void> Allocate(size_t bytes) override {
    if (bytes > tensor_bytes_max_ || bytes > bytes_left_) {
      refused_bytes_ = bytes;
      return nullptr;
    }
    bytes_left_ -= bytes;
    return HeapMemory().Allocate(bytes);
  }

  // The size of the tensor that was refused, 0 when none was.
  size_t refused_bytes() const { return refused_bytes_; }

 private:
  const size_t tensor_bytes_max_;
  size_t bytes_left_;
  size_t refused_bytes_ = 0;
};

absl::Status ConstantTooLarge(const Node& node, size_t bytes, size_t bytes_max) {
  const std::string field = absl::StrCat("model.graph.node[", node.name, "]");
  const std::string description =
      absl::StrCat(node.op_type, " would make a tensor of ", bytes,
                   " bytes out of constants, and at most ", bytes_max,
                   " are made before the model runs; store it as an initializer");
  return MakeError(absl::StatusCode::kInvalidArgument, absl::StrCat(field, ": ", description),
                   {.reason = "CONSTANT_TOO_LARGE",
                    .metadata = {{"node", node.name}, {"op_type", node.op_type}},
                    .violations = {{field, description}}});
}

absl::Status AtNode(const absl::Status& status, const Node& node) {
  ErrorDetails details = GetErrorDetails(status);
  if (details.violations.empty()) {
    details.violations.push_back(
        {absl::StrCat("model.graph.node[", node.name, "]"), std::string(status.message())});
  }
  return MakeError(status.code(),
                   absl::StrCat("node '", node.name, "' (", node.op_type, "): ", status.message()),
                   details);
}

}  // namespace

absl::Status CheckOutputsMade(const Node& node, const Outputs& outputs) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].defined() || node.outputs[i].empty()) continue;
    return InvalidField("BAD_GRAPH", absl::StrCat("model.graph.node[", node.name, "]"),
                        absl::StrCat("output ", i, " of ", node.op_type, " is not computed"));
  }
  return absl::OkStatus();
}

ConstantNodes::ConstantNodes(const Graph& graph)
    : constant_bytes_max_(kConstantBytesMax + kConstantGrowthMax * InitializerBytes(graph)),
      traffic_bytes_left_(kConstantTrafficBytesMax + kConstantGrowthMax * InitializerBytes(graph)) {}

absl::StatusOr<std::optional<std::vector<Tensor>>> ConstantNodes::Run(
    const Node& node, const Kernel& kernel, const std::vector<const Tensor*>& inputs,
    size_t tensor_bytes_max) {
  // A body's work is not known, nor whether what it reads from outside is.
  if (HasBody(node)) return std::nullopt;
  size_t positions = 0, bytes = 0;
  for (const Tensor* input : inputs) {
    if (input == nullptr) continue;
    if (!IsNumbers(*input)) return std::nullopt;
    positions += Positions(*input);
    bytes += BytesFor(input->dtype(), static_cast<int64_t>(Positions(*input)));
  }
  if (bytes > traffic_bytes_left_) return std::nullopt;
  size_t made_bytes_max = traffic_bytes_left_ - bytes;
  if (!IsLinear(node)) {
    if (positions > kCostlyElementsMax) return std::nullopt;
    made_bytes_max = std::min(made_bytes_max, kCostlyElementsMax * sizeof(float));
  }
  traffic_bytes_left_ -= bytes;

  LimitedMemory memory(tensor_bytes_max, made_bytes_max);
  Outputs outputs(node.outputs.size(), memory);
  const OneOpenMpThread one_thread;
  const absl::Status status = kernel.Run(inputs, outputs);
  if (memory.refused_bytes() > constant_bytes_max_) {
    return ConstantTooLarge(node, memory.refused_bytes(), constant_bytes_max_);
  }
  if (memory.refused_bytes() > 0) return std::nullopt;
  if (!status.ok()) return AtNode(status, node);
  RETURN_IF_ERROR(CheckOutputsMade(node, outputs));
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].defined() && !IsNumbers(outputs[i])) return std::nullopt;
    traffic_bytes_left_ -= std::min(traffic_bytes_left_, outputs[i].bytes());
  }
  return std::move(outputs).Take();
}

}  // namespace quantd
