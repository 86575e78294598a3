#include "worker/graph/rewrites/opset_rules.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

// Operators whose definition at version 13 accepts every node that versions 7 to 12 accept, with
// the same result. Sorted.
constexpr absl::string_view kUnchanged[] = {"Abs",
                                            "Acos",
                                            "Acosh",
                                            "Add",
                                            "And",
                                            "ArgMax",
                                            "ArgMin",
                                            "Asin",
                                            "Asinh",
                                            "Atan",
                                            "Atanh",
                                            "AveragePool",
                                            "BitShift",
                                            "Cast",
                                            "Ceil",
                                            "Celu",
                                            "Compress",
                                            "Concat",
                                            "ConcatFromSequence",
                                            "ConstantOfShape",
                                            "Conv",
                                            "ConvInteger",
                                            "ConvTranspose",
                                            "Cos",
                                            "Cosh",
                                            "CumSum",
                                            "DepthToSpace",
                                            "DequantizeLinear",
                                            "Det",
                                            "Div",
                                            "DynamicQuantizeLinear",
                                            "Einsum",
                                            "Elu",
                                            "Equal",
                                            "Erf",
                                            "Exp",
                                            "Expand",
                                            "EyeLike",
                                            "Flatten",
                                            "Floor",
                                            "GRU",
                                            "Gather",
                                            "GatherElements",
                                            "GatherND",
                                            "Gemm",
                                            "GlobalAveragePool",
                                            "GlobalLpPool",
                                            "GlobalMaxPool",
                                            "Greater",
                                            "GreaterOrEqual",
                                            "HardSigmoid",
                                            "Identity",
                                            "InstanceNormalization",
                                            "IsInf",
                                            "IsNaN",
                                            "LRN",
                                            "LSTM",
                                            "LeakyRelu",
                                            "Less",
                                            "LessOrEqual",
                                            "Log",
                                            "LpNormalization",
                                            "LpPool",
                                            "MatMul",
                                            "MatMulInteger",
                                            "Max",
                                            "MaxPool",
                                            "MaxRoiPool",
                                            "MaxUnpool",
                                            "Mean",
                                            "MeanVarianceNormalization",
                                            "Min",
                                            "Mod",
                                            "Mul",
                                            "Neg",
                                            "NonMaxSuppression",
                                            "NonZero",
                                            "Not",
                                            "OneHot",
                                            "Or",
                                            "PRelu",
                                            "Pow",
                                            "QLinearConv",
                                            "QLinearMatMul",
                                            "QuantizeLinear",
                                            "RNN",
                                            "Range",
                                            "Reciprocal",
                                            "ReduceL1",
                                            "ReduceL2",
                                            "ReduceLogSum",
                                            "ReduceLogSumExp",
                                            "ReduceMax",
                                            "ReduceMean",
                                            "ReduceMin",
                                            "ReduceProd",
                                            "ReduceSumSquare",
                                            "Relu",
                                            "Reshape",
                                            "ReverseSequence",
                                            "RoiAlign",
                                            "Round",
                                            "ScatterElements",
                                            "ScatterND",
                                            "Selu",
                                            "SequenceAt",
                                            "SequenceConstruct",
                                            "SequenceEmpty",
                                            "SequenceErase",
                                            "SequenceInsert",
                                            "SequenceLength",
                                            "Shape",
                                            "Shrink",
                                            "Sigmoid",
                                            "Sign",
                                            "Sin",
                                            "Sinh",
                                            "Size",
                                            "Softplus",
                                            "Softsign",
                                            "SpaceToDepth",
                                            "SplitToSequence",
                                            "Sqrt",
                                            "StringNormalizer",
                                            "Sub",
                                            "Sum",
                                            "Tan",
                                            "Tanh",
                                            "TfIdfVectorizer",
                                            "ThresholdedRelu",
                                            "Tile",
                                            "Transpose",
                                            "Unique",
                                            "Where",
                                            "Xor"};

absl::Status Refused(const Node& node, absl::string_view why) {
  const std::string message = absl::StrCat("node '", node.name, "' (", node.op_type,
                                           ") cannot be raised to operator set 13: ", why,
                                           "; export the model with version 13 or above");
  return MakeError(absl::StatusCode::kUnimplemented, message,
                   ErrorDetails{.reason = "UNSUPPORTED_OPSET",
                                .metadata = {{"node", node.name}, {"op_type", node.op_type}}});
}

Tensor Vector(const std::vector<int64_t>& values) {
  return Tensor::Of<int64_t>({static_cast<int64_t>(values.size())}, values);
}

// Whether the attribute is there as a list of integers; an error when it is of another kind.
absl::StatusOr<bool> HasInts(const Node& node, const std::string& key) {
  const auto it = node.attributes.find(key);
  if (it == node.attributes.end()) return false;
  if (!std::holds_alternative<std::vector<int64_t>>(it->second)) {
    return Refused(node, absl::StrCat("attribute '", key, "' is no list of integers"));
  }
  return true;
}

// A list of integers that was an attribute and is now input 1.
absl::Status IntsToInput(Node node, const std::string& key, bool required,
                         OpsetConversion& conversion) {
  ASSIGN_OR_RETURN(const bool given, HasInts(node, key));
  if (node.inputs.size() != 1) return Refused(node, "it has other inputs than its data");
  if (!given && required) return Refused(node, absl::StrCat("it lacks attribute '", key, "'"));
  const std::vector<int64_t> values = node.Ints(key);
  node.attributes.erase(key);
  if (!values.empty() || required) {
    node.inputs.push_back(
        conversion.AddConstant(absl::StrCat(node.name, "_", key), Vector(values)));
  }
  conversion.Emit(std::move(node));
  return absl::OkStatus();
}

// Up to version 12 the input counts as a matrix, split before `axis` (default 1), and each row is
// normalized; from 13 on only `axis` is (default -1). They agree on the last axis; elsewhere the
// matrix is made explicit.
absl::Status ConvertSoftmax(Node node, OpsetConversion& conversion) {
  if (node.inputs.size() != 1 || node.outputs.size() != 1)
    return Refused(node, "it has extra inputs");
  const int64_t axis = node.Int("axis", 1);
  const std::string input = node.inputs[0];
  const std::string output = node.outputs[0];
  const int64_t rank = std::max(conversion.RankOf(input), conversion.RankOf(output));
  node.attributes["axis"] = int64_t{-1};
  if (axis == -1 || (rank > 0 && axis == rank - 1)) {
    conversion.Emit(std::move(node));
    return absl::OkStatus();
  }
  const std::string shape = conversion.FreshName(absl::StrCat(output, "_shape"));
  const std::string matrix = conversion.FreshName(absl::StrCat(output, "_matrix"));
  const std::string rows = conversion.FreshName(absl::StrCat(output, "_rows"));
  const std::string& name = node.name;
  conversion.Emit({.name = absl::StrCat(name, "_shape"),
                   .op_type = "Shape",
                   .inputs = {input},
                   .outputs = {shape}});
  conversion.Emit({.name = absl::StrCat(name, "_matrix"),
                   .op_type = "Flatten",
                   .inputs = {input},
                   .outputs = {matrix},
                   .attributes = {{"axis", axis}}});
  conversion.Emit({.name = absl::StrCat(name, "_restore"),
                   .op_type = "Reshape",
                   .inputs = {rows, shape},
                   .outputs = {output}});
  node.inputs = {matrix};
  node.outputs = {rows};
  conversion.Emit(std::move(node));
  return absl::OkStatus();
}

// Version 11 moved the bounds to inputs of the data's own type.
absl::Status ConvertClip(Node node, OpsetConversion& conversion) {
  if (!conversion.is_float32()) return Refused(node, "the model has other types than float32");
  if (node.inputs.size() != 1) return Refused(node, "it has other inputs than its data");
  const bool has_max = node.Has("max");
  if (node.Has("min")) {
    const float bound = node.Float("min", std::numeric_limits<float>::lowest());
    node.inputs.push_back(conversion.AddConstant(node.name + "_min", Tensor::Scalar(bound)));
  } else if (has_max) {
    node.inputs.push_back("");
  }
  if (has_max) {
    const float bound = node.Float("max", std::numeric_limits<float>::max());
    node.inputs.push_back(conversion.AddConstant(node.name + "_max", Tensor::Scalar(bound)));
  }
  node.attributes.erase("min");
  node.attributes.erase("max");
  conversion.Emit(std::move(node));
  return absl::OkStatus();
}

// Version 11 moved pads and value to inputs.
absl::Status ConvertPad(Node node, OpsetConversion& conversion) {
  ASSIGN_OR_RETURN(const bool given, HasInts(node, "pads"));
  if (!given || node.inputs.size() != 1) return Refused(node, "it lacks attribute 'pads'");
  const float value = node.Float("value", 0.0f);
  if (value != 0.0f && !conversion.is_float32()) {
    return Refused(node, "the model has other types than float32");
  }
  node.inputs.push_back(conversion.AddConstant(node.name + "_pads", Vector(node.Ints("pads"))));
  if (value != 0.0f) {
    node.inputs.push_back(conversion.AddConstant(node.name + "_value", Tensor::Scalar(value)));
  }
  node.attributes.erase("pads");
  node.attributes.erase("value");
  conversion.Emit(std::move(node));
  return absl::OkStatus();
}

// Version 10 moved starts, ends and axes to inputs. Without axes the first ones are meant, in
// order.
absl::Status ConvertSlice(Node node, OpsetConversion& conversion) {
  ASSIGN_OR_RETURN(const bool has_starts, HasInts(node, "starts"));
  ASSIGN_OR_RETURN(const bool has_ends, HasInts(node, "ends"));
  ASSIGN_OR_RETURN(const bool has_axes, HasInts(node, "axes"));
  const std::vector<int64_t> starts = node.Ints("starts");
  const std::vector<int64_t> ends = node.Ints("ends");
  std::vector<int64_t> axes = node.Ints("axes");
  if (!has_axes) {
    axes.resize(starts.size());
    std::iota(axes.begin(), axes.end(), int64_t{0});
  }
  if (!has_starts || !has_ends || starts.size() != ends.size() || starts.size() != axes.size() ||
      node.inputs.size() != 1) {
    return Refused(node, "its starts, ends and axes do not fit together");
  }
  node.inputs.push_back(conversion.AddConstant(node.name + "_starts", Vector(starts)));
  node.inputs.push_back(conversion.AddConstant(node.name + "_ends", Vector(ends)));
  node.inputs.push_back(conversion.AddConstant(node.name + "_axes", Vector(axes)));
  for (const char* key : {"starts", "ends", "axes"}) node.attributes.erase(key);
  conversion.Emit(std::move(node));
  return absl::OkStatus();
}

// Version 12 moved the ratio to an input; version 10 made the mask boolean.
absl::Status ConvertDropout(Node node, OpsetConversion& conversion) {
  if (node.outputs.size() > 1 && conversion.from() < 10 && conversion.IsRead(node.outputs[1])) {
    return Refused(node, "its mask changed its type");
  }
  if (node.inputs.size() != 1) return Refused(node, "it has other inputs than its data");
  // The ratio may be of any floating-point type, whatever the data's.
  const float ratio = node.Float("ratio", 0.5f);
  node.inputs.push_back(conversion.AddConstant(node.name + "_ratio", Tensor::Scalar(ratio)));
  node.attributes.erase("ratio");
  conversion.Emit(std::move(node));
  return absl::OkStatus();
}

// Version 10 moved k to an input of one element.
absl::Status ConvertTopK(Node node, OpsetConversion& conversion) {
  if (!node.Has("k") || node.inputs.size() != 1) return Refused(node, "it lacks attribute 'k'");
  const std::vector<int64_t> k = {node.Int("k", 0)};
  node.inputs.push_back(conversion.AddConstant(node.name + "_k", Vector(k)));
  node.attributes.erase("k");
  conversion.Emit(std::move(node));
  return absl::OkStatus();
}

absl::Status ConvertBatchNorm(Node node, OpsetConversion& conversion) {
  if (node.Int("spatial", 1) != 1) {
    return Refused(node, "it has statistics for every position (spatial = 0)");
  }
  for (size_t i = 1; i < node.outputs.size(); ++i) {
    if (!node.outputs[i].empty()) return Refused(node, "it asks for statistics of training");
  }
  node.outputs.resize(1);
  node.attributes.erase("spatial");
  conversion.Emit(std::move(node));
  return absl::OkStatus();
}

bool HasBody(const Node& node) {
  return std::any_of(node.attributes.begin(), node.attributes.end(), [](const auto& attribute) {
    return std::holds_alternative<std::shared_ptr<const Graph>>(attribute.second);
  });
}

// The operators that run graphs mean the same in version 13; what is inside them is converted.
absl::Status ConvertBodies(const Node& node, OpsetConversion& conversion) {
  const bool known = node.Is("If") || node.Is("Loop") || (node.Is("Scan") && conversion.from() >= 9);
  if (!known) return Refused(node, "it holds a graph of its own");
  Node converted = node;
  for (auto& [key, value] : converted.attributes) {
    auto* body = std::get_if<std::shared_ptr<const Graph>>(&value);
    if (body == nullptr || *body == nullptr) continue;
    ASSIGN_OR_RETURN(*body, conversion.ConvertBody(**body));
  }
  conversion.Emit(std::move(converted));
  return absl::OkStatus();
}

}  // namespace

absl::Status ConvertNode(const Node& node, OpsetConversion& conversion) {
  const int64_t from = conversion.from();
  if (HasBody(node)) return ConvertBodies(node, conversion);
  const bool unchanged = !node.domain.empty() || from >= 13 ||
                         std::binary_search(std::begin(kUnchanged), std::end(kUnchanged),
                                            absl::string_view(node.op_type)) ||
                         (from >= 10 && (node.op_type == "Slice" || node.op_type == "TopK")) ||
                         (from >= 11 && (node.op_type == "Clip" || node.op_type == "Pad" ||
                                         node.op_type == "Resize")) ||
                         (from >= 12 && node.op_type == "Dropout");
  if (unchanged) {
    conversion.Emit(node);
    return absl::OkStatus();
  }
  const std::string& type = node.op_type;
  if (type == "Squeeze") return IntsToInput(node, "axes", /*required=*/false, conversion);
  if (type == "Unsqueeze") return IntsToInput(node, "axes", /*required=*/true, conversion);
  if (type == "ReduceSum") return IntsToInput(node, "axes", /*required=*/false, conversion);
  if (type == "Split") return IntsToInput(node, "split", /*required=*/false, conversion);
  if (type == "Softmax" || type == "LogSoftmax" || type == "Hardmax") {
    return ConvertSoftmax(node, conversion);
  }
  if (type == "Clip") return ConvertClip(node, conversion);
  if (type == "Pad") return ConvertPad(node, conversion);
  if (type == "Slice") return ConvertSlice(node, conversion);
  if (type == "Dropout") return ConvertDropout(node, conversion);
  if (type == "TopK") return ConvertTopK(node, conversion);
  if (type == "BatchNormalization") return ConvertBatchNorm(node, conversion);
  if (type == "Scatter") {  // Version 11 renamed it.
    Node renamed = node;
    renamed.op_type = "ScatterElements";
    conversion.Emit(std::move(renamed));
    return absl::OkStatus();
  }
  return Refused(node, "no equivalent is known");
}

}  // namespace quantd
