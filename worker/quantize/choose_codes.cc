#include "worker/quantize/choose_codes.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "worker/exec/executor.h"
#include "worker/formats/int_format.h"
#include "worker/methods/range/registry.h"

namespace quantd {
namespace {

std::unique_ptr<RangeMethod> MakeRangeMethod(const Component& component) {
  for (const RangeInfo* info : range::All()) {
    if (info->method.id == component.id) return info->create(Params(info->method.params, component));
  }
  QUANTD_CHECK(false);  // CheckRecipe() has refused unknown ids.
  return nullptr;
}

Tensor CodeTensor(DataType storage, const Shape& shape) { return Tensor(storage, shape); }

void SetCode(Tensor& codes, int64_t index, int32_t code) {
  if (codes.dtype() == DataType::kUint8) {
    codes.mutable_data<uint8_t>()[index] = static_cast<uint8_t>(code);
  } else {
    codes.mutable_data<int8_t>()[index] = static_cast<int8_t>(code);
  }
}

AffineCode ScalarCode(const IntFormat& format, const QuantParams& params) {
  AffineCode code{.scale = Tensor::Scalar<float>(params.scale), .zero_point = CodeTensor(format.storage, {})};
  SetCode(code.zero_point, 0, params.zero_point);
  return code;
}

ActivationDecision DecideActivation(const IntFormat& format, const ClipRange& range) {
  const QuantParams params = format.Params(range.lower, range.upper);
  return {.code = ScalarCode(format, params),
          .scale = params.scale,
          .zero_point = params.zero_point,
          .clip_lower = format.Lower(params),
          .clip_upper = format.Upper(params)};
}

// Integer sums add the bias as int32 with scale = activation scale x weight scale. A channel of tiny weights
// would make that code overflow, so its weight scale is at least this; the weights it rounds to zero are as small
// against the bias. A quarter of the range is left for what bias correction adds.
double LeastScale(double bias, double activation_scale) {
  return std::fabs(bias) / (activation_scale * 0x1p29);
}

// The weight as [outer, channels, inner] around its channel axis.
struct ChannelCut {
  int64_t outer = 1;
  int64_t inner = 1;
};

ChannelCut CutWeight(const Tensor& weight, int axis) {
  ChannelCut cut;
  for (size_t i = 0; i < weight.rank(); ++i) {
    if (static_cast<int>(i) < axis) cut.outer *= weight.dim(i);
    if (static_cast<int>(i) > axis) cut.inner *= weight.dim(i);
  }
  return cut;
}

absl::StatusOr<CodedTensor> CodeWeight(const Tensor& weight, const PlannedLayer& layer,
                                       const TensorRecipe& recipe, const Tensor* bias,
                                       double activation_scale) {
  const IntFormat& format = *FindIntFormat(recipe.format.id);
  const std::unique_ptr<RangeMethod> method = MakeRangeMethod(recipe.range);
  const bool per_channel = recipe.granularity.id == "per_channel";
  const int64_t granules = per_channel ? layer.channels : 1;
  const ChannelCut cut = per_channel ? CutWeight(weight, layer.weight_axis)
                                     : ChannelCut{.outer = 1, .inner = weight.size()};
  CodedTensor coded{.codes = CodeTensor(format.storage, weight.shape()),
                    .code = {.scale = Tensor(DataType::kFloat, per_channel ? Shape{granules} : Shape{}),
                             .zero_point = CodeTensor(format.storage, per_channel ? Shape{granules} : Shape{})},
                    .axis = layer.weight_axis};
  const float* w = weight.data<float>();
  std::vector<float> values;
  for (int64_t granule = 0; granule < granules; ++granule) {
    values.clear();
    const auto at = [&](int64_t outer) { return (outer * granules + granule) * cut.inner; };
    for (int64_t outer = 0; outer < cut.outer; ++outer) {
      values.insert(values.end(), w + at(outer), w + at(outer) + cut.inner);
    }
    if (!std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); })) {
      return InvalidField("NON_FINITE_WEIGHT", absl::StrCat("model.graph.initializer[", layer.weight, "]"),
                          "holds a NaN or an infinity");
    }
    const ClipRange range = method->ForWeights(values, format);
    QuantParams params = format.Params(range.lower, range.upper);
    for (int64_t c = 0; bias != nullptr && c < bias->size(); ++c) {
      if (per_channel && c != granule) continue;
      const double least = LeastScale(bias->data<float>()[c], activation_scale);
      params.scale = std::max(params.scale, static_cast<float>(least));
    }
    coded.code.scale.mutable_data<float>()[granule] = params.scale;
    SetCode(coded.code.zero_point, granule, params.zero_point);
    for (int64_t outer = 0; outer < cut.outer; ++outer) {
      for (int64_t i = at(outer); i < at(outer) + cut.inner; ++i) {
        SetCode(coded.codes, i, format.Code(w[i], params));
      }
    }
  }
  return coded;
}

}  // namespace

absl::StatusOr<Quantization> ChooseCodes(const Graph& graph, const std::vector<PlannedLayer>& layers,
                                         const Recipe& recipe,
                                         const std::map<std::string, TensorStatistics>& statistics,
                                         int threads) {
  Quantization quantization;
  const IntFormat& format = *FindIntFormat(recipe.activation.format.id);
  const std::unique_ptr<RangeMethod> method = MakeRangeMethod(recipe.activation.range);
  const GraphIndex index(graph);
  for (const std::string& tensor : TensorsToObserve(layers)) {
    const Node* producer = index.Producer(tensor);
    const bool probabilities = producer != nullptr && producer->Is("Softmax");
    const ClipRange range =
        probabilities ? ClipRange{0, 1} : method->ForActivation(statistics.at(tensor), format);
    quantization.activations[tensor] = DecideActivation(format, range);
  }

  std::vector<const PlannedLayer*> weighted;
  for (const PlannedLayer& layer : layers) {
    if (!layer.excluded && !layer.weight.empty()) weighted.push_back(&layer);
  }
  std::vector<CodedTensor> coded(weighted.size());
  RETURN_IF_ERROR(ParallelFor(static_cast<int64_t>(weighted.size()), threads, [&](int64_t i) -> absl::Status {
    const PlannedLayer& layer = *weighted[static_cast<size_t>(i)];
    const Tensor* bias = layer.bias.empty() ? nullptr : &graph.initializers.at(layer.bias);
    ASSIGN_OR_RETURN(coded[static_cast<size_t>(i)],
                     CodeWeight(graph.initializers.at(layer.weight), layer, recipe.weight, bias,
                                quantization.activations.at(layer.activations[0]).scale));
    return absl::OkStatus();
  }));
  for (size_t i = 0; i < weighted.size(); ++i) {
    quantization.weights[weighted[i]->node] = std::move(coded[i]);
  }
  return quantization;
}

}  // namespace quantd
