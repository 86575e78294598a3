#include "worker/quantize/code_weights.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "worker/quantize/code_values.h"

namespace quantd {
namespace {

// A channel of tiny weights would make the code of its bias overflow, so its weight scale is at least this; the weights
// that it rounds to zero are as small against the bias. A quarter of the range is left for what bias correction adds.
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

// Output channel c of a grouped ConvTranspose has the scale of granule c modulo their number; elsewhere these are equal.
float WithRoomForBias(float scale, int64_t granule, int64_t granules, const IntegerBias& bias) {
  for (int64_t c = granule; bias.values != nullptr && c < bias.values->size(); c += granules) {
    const double least = LeastScale(bias.values->data<float>()[c], bias.activation_scale);
    scale = std::max(scale, static_cast<float>(least));
  }
  return scale;
}

}  // namespace

absl::StatusOr<CodedTensor> CodeWeight(const Tensor& values, const PlannedWeight& weight,
                                       const TensorRecipe& recipe, const IntegerBias& bias) {
  const IntFormat& format = *FindIntFormat(recipe.format.id);
  const std::unique_ptr<RangeMethod> method = MakeRangeMethod(recipe.range);
  const bool per_channel = recipe.granularity.id == "per_channel" && weight.axis >= 0;
  const int64_t granules = per_channel ? weight.channels : 1;
  const ChannelCut cut = per_channel ? CutWeight(values, weight.axis)
                                     : ChannelCut{.outer = 1, .inner = values.size()};
  const Shape code_shape = per_channel ? Shape{granules} : Shape{};
  CodedTensor coded{.codes = Tensor(format.storage, values.shape()),
                    .code = {.scale = Tensor(DataType::kFloat, code_shape),
                             .zero_point = Tensor(format.storage, code_shape)},
                    .axis = std::max(weight.axis, 0)};
  const float* w = values.data<float>();
  std::vector<float> granule_values;
  for (int64_t granule = 0; granule < granules; ++granule) {
    granule_values.clear();
    const auto at = [&](int64_t outer) { return (outer * granules + granule) * cut.inner; };
    for (int64_t outer = 0; outer < cut.outer; ++outer) {
      granule_values.insert(granule_values.end(), w + at(outer), w + at(outer) + cut.inner);
    }
    if (!std::all_of(granule_values.begin(), granule_values.end(), [](float x) { return std::isfinite(x); })) {
      return InvalidField("NON_FINITE_WEIGHT",
                          absl::StrCat("model.graph.initializer[", weight.initializer, "]"),
                          "holds a NaN or an infinity");
    }
    const ClipRange range = method->ForWeights(granule_values, format);
    QuantParams params = format.Params(range.lower, range.upper);
    params.scale = WithRoomForBias(params.scale, granule, granules, bias);
    coded.code.scale.mutable_data<float>()[granule] = params.scale;
    SetCode(coded.code.zero_point, granule, params.zero_point);
    for (int64_t outer = 0; outer < cut.outer; ++outer) {
      for (int64_t i = at(outer); i < at(outer) + cut.inner; ++i) SetCode(coded.codes, i, format.Code(w[i], params));
    }
  }
  return coded;
}

}  // namespace quantd
