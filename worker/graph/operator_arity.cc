#include "worker/graph/operator_arity.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "absl/strings/str_cat.h"

namespace quantd {
namespace {

constexpr size_t kAny = std::numeric_limits<size_t>::max();

struct Arity {
  absl::string_view op_type;
  size_t inputs_required;  // The first ones, which must be named.
  size_t inputs_max;
  size_t outputs_max;
};

// What versions 7 to 21 of the ONNX domain allow, all together: the fewest required inputs, the most of the rest (ONNX,
// docs/Operators.md and docs/Changelog.md). Sorted.
constexpr Arity kArities[] = {
    {"Abs", 1, 1, 1}, {"Acos", 1, 1, 1}, {"Acosh", 1, 1, 1}, {"Add", 2, 2, 1}, {"AffineGrid", 2, 2, 1},
    {"And", 2, 2, 1}, {"ArgMax", 1, 1, 1}, {"ArgMin", 1, 1, 1}, {"Asin", 1, 1, 1}, {"Asinh", 1, 1, 1},
    {"Atan", 1, 1, 1}, {"Atanh", 1, 1, 1}, {"AveragePool", 1, 1, 1}, {"BatchNormalization", 5, 5, 5},
    {"Bernoulli", 1, 1, 1}, {"BitShift", 2, 2, 1}, {"BitwiseAnd", 2, 2, 1}, {"BitwiseNot", 1, 1, 1},
    {"BitwiseOr", 2, 2, 1}, {"BitwiseXor", 2, 2, 1}, {"BlackmanWindow", 1, 1, 1}, {"Cast", 1, 1, 1},
    {"CastLike", 2, 2, 1}, {"Ceil", 1, 1, 1}, {"Celu", 1, 1, 1}, {"CenterCropPad", 2, 2, 1}, {"Clip", 1, 3, 1},
    {"Col2Im", 3, 3, 1}, {"Compress", 2, 2, 1}, {"Concat", 1, kAny, 1}, {"ConcatFromSequence", 1, 1, 1},
    {"ConstantOfShape", 1, 1, 1}, {"Conv", 2, 3, 1}, {"ConvInteger", 2, 4, 1}, {"ConvTranspose", 2, 3, 1},
    {"Cos", 1, 1, 1}, {"Cosh", 1, 1, 1}, {"CumSum", 2, 2, 1}, {"DFT", 1, 3, 1}, {"DeformConv", 3, 5, 1},
    {"DepthToSpace", 1, 1, 1}, {"DequantizeLinear", 2, 3, 1}, {"Det", 1, 1, 1}, {"Div", 2, 2, 1},
    {"Dropout", 1, 3, 2}, {"DynamicQuantizeLinear", 1, 1, 3}, {"Einsum", 1, kAny, 1}, {"Elu", 1, 1, 1},
    {"Equal", 2, 2, 1}, {"Erf", 1, 1, 1}, {"Exp", 1, 1, 1}, {"Expand", 2, 2, 1}, {"EyeLike", 1, 1, 1},
    {"Flatten", 1, 1, 1}, {"Floor", 1, 1, 1}, {"GRU", 3, 6, 2}, {"Gather", 2, 2, 1}, {"GatherElements", 2, 2, 1},
    {"GatherND", 2, 2, 1}, {"Gelu", 1, 1, 1}, {"Gemm", 2, 3, 1}, {"GlobalAveragePool", 1, 1, 1},
    {"GlobalLpPool", 1, 1, 1}, {"GlobalMaxPool", 1, 1, 1}, {"Greater", 2, 2, 1}, {"GreaterOrEqual", 2, 2, 1},
    {"GridSample", 2, 2, 1}, {"GroupNormalization", 3, 3, 1}, {"HammingWindow", 1, 1, 1}, {"HannWindow", 1, 1, 1},
    {"HardSigmoid", 1, 1, 1}, {"HardSwish", 1, 1, 1}, {"Hardmax", 1, 1, 1}, {"Identity", 1, 1, 1}, {"If", 1, 1, kAny},
    {"ImageDecoder", 1, 1, 1}, {"InstanceNormalization", 3, 3, 1}, {"IsInf", 1, 1, 1}, {"IsNaN", 1, 1, 1},
    {"LRN", 1, 1, 1}, {"LSTM", 3, 8, 3}, {"LayerNormalization", 2, 3, 3}, {"LeakyRelu", 1, 1, 1}, {"Less", 2, 2, 1},
    {"LessOrEqual", 2, 2, 1}, {"Log", 1, 1, 1}, {"LogSoftmax", 1, 1, 1}, {"Loop", 0, kAny, kAny},
    {"LpNormalization", 1, 1, 1}, {"LpPool", 1, 1, 1}, {"MatMul", 2, 2, 1}, {"MatMulInteger", 2, 4, 1},
    {"Max", 1, kAny, 1}, {"MaxPool", 1, 1, 2}, {"MaxRoiPool", 2, 2, 1}, {"MaxUnpool", 2, 3, 1}, {"Mean", 1, kAny, 1},
    {"MeanVarianceNormalization", 1, 1, 1}, {"MelWeightMatrix", 5, 5, 1}, {"Min", 1, kAny, 1}, {"Mish", 1, 1, 1},
    {"Mod", 2, 2, 1}, {"Mul", 2, 2, 1}, {"Multinomial", 1, 1, 1}, {"Neg", 1, 1, 1},
    {"NegativeLogLikelihoodLoss", 2, 3, 1}, {"NonMaxSuppression", 2, 5, 1}, {"NonZero", 1, 1, 1}, {"Not", 1, 1, 1},
    {"OneHot", 3, 3, 1}, {"Optional", 0, 1, 1}, {"OptionalGetElement", 1, 1, 1}, {"OptionalHasElement", 0, 1, 1},
    {"Or", 2, 2, 1}, {"PRelu", 2, 2, 1}, {"Pad", 1, 4, 1}, {"Pow", 2, 2, 1}, {"QLinearConv", 8, 9, 1},
    {"QLinearMatMul", 8, 8, 1}, {"QuantizeLinear", 2, 3, 1}, {"RNN", 3, 6, 2}, {"RandomNormal", 0, 0, 1},
    {"RandomNormalLike", 1, 1, 1}, {"RandomUniform", 0, 0, 1}, {"RandomUniformLike", 1, 1, 1}, {"Range", 3, 3, 1},
    {"Reciprocal", 1, 1, 1}, {"ReduceL1", 1, 2, 1}, {"ReduceL2", 1, 2, 1}, {"ReduceLogSum", 1, 2, 1},
    {"ReduceLogSumExp", 1, 2, 1}, {"ReduceMax", 1, 2, 1}, {"ReduceMean", 1, 2, 1}, {"ReduceMin", 1, 2, 1},
    {"ReduceProd", 1, 2, 1}, {"ReduceSum", 1, 2, 1}, {"ReduceSumSquare", 1, 2, 1}, {"RegexFullMatch", 1, 1, 1},
    {"Relu", 1, 1, 1}, {"Reshape", 2, 2, 1}, {"Resize", 1, 4, 1}, {"ReverseSequence", 2, 2, 1}, {"RoiAlign", 3, 3, 1},
    {"Round", 1, 1, 1}, {"STFT", 2, 4, 1}, {"Scan", 0, kAny, kAny}, {"Scatter", 3, 3, 1},
    {"ScatterElements", 3, 3, 1}, {"ScatterND", 3, 3, 1}, {"Selu", 1, 1, 1}, {"SequenceAt", 2, 2, 1},
    {"SequenceConstruct", 1, kAny, 1}, {"SequenceEmpty", 0, 0, 1}, {"SequenceErase", 1, 2, 1},
    {"SequenceInsert", 2, 3, 1}, {"SequenceLength", 1, 1, 1}, {"SequenceMap", 1, kAny, kAny}, {"Shape", 1, 1, 1},
    {"Shrink", 1, 1, 1}, {"Sigmoid", 1, 1, 1}, {"Sign", 1, 1, 1}, {"Sin", 1, 1, 1}, {"Sinh", 1, 1, 1},
    {"Size", 1, 1, 1}, {"Slice", 1, 5, 1}, {"Softmax", 1, 1, 1}, {"SoftmaxCrossEntropyLoss", 2, 3, 2},
    {"Softplus", 1, 1, 1}, {"Softsign", 1, 1, 1}, {"SpaceToDepth", 1, 1, 1}, {"Split", 1, 2, kAny},
    {"SplitToSequence", 1, 2, 1}, {"Sqrt", 1, 1, 1}, {"Squeeze", 1, 2, 1}, {"StringConcat", 2, 2, 1},
    {"StringNormalizer", 1, 1, 1}, {"StringSplit", 1, 1, 2}, {"Sub", 2, 2, 1}, {"Sum", 1, kAny, 1}, {"Tan", 1, 1, 1},
    {"Tanh", 1, 1, 1}, {"TfIdfVectorizer", 1, 1, 1}, {"ThresholdedRelu", 1, 1, 1}, {"Tile", 2, 2, 1},
    {"TopK", 1, 2, 2}, {"Transpose", 1, 1, 1}, {"Trilu", 1, 2, 1}, {"Unique", 1, 1, 4}, {"Unsqueeze", 1, 2, 1},
    {"Upsample", 1, 2, 1}, {"Where", 3, 3, 1}, {"Xor", 2, 2, 1},
};

}  // namespace

std::string ArityProblem(const Node& node) {
  if (node.outputs.empty()) return "has no outputs";
  if (!node.domain.empty()) return "";
  const auto* const arity =
      std::lower_bound(std::begin(kArities), std::end(kArities), absl::string_view(node.op_type),
                       [](const Arity& row, absl::string_view op_type) { return row.op_type < op_type; });
  if (arity == std::end(kArities) || arity->op_type != node.op_type) return "";
  size_t given = node.inputs.size();
  while (given > 0 && node.inputs[given - 1].empty()) --given;
  for (size_t i = 0; i < arity->inputs_required; ++i) {
    if (i >= given || node.inputs[i].empty()) {
      return absl::StrCat(node.op_type, " needs ", arity->inputs_required, " inputs, and number ", i + 1,
                          " is not given");
    }
  }
  if (given > arity->inputs_max) {
    return absl::StrCat(node.op_type, " has ", given, " inputs, and takes at most ", arity->inputs_max);
  }
  if (node.outputs.size() > arity->outputs_max) {
    return absl::StrCat(node.op_type, " has ", node.outputs.size(), " outputs, and makes at most ",
                        arity->outputs_max);
  }
  return "";
}

}  // namespace quantd
