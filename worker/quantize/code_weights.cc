#include "worker/quantize/code_weights.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "worker/methods/code_format.h"
#include "worker/methods/granularity.h"
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

absl::Status CheckFinite(const std::vector<float>& values, const PlannedWeight& weight) {
  if (std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); })) return absl::OkStatus();
  return InvalidField("NON_FINITE_WEIGHT", absl::StrCat("model.graph.initializer[", weight.initializer, "]"),
                      "holds a NaN or an infinity");
}

int64_t BlockSizeOf(const Component& granularity) {
  return static_cast<int64_t>(Params(kPerBlockParams, granularity).Get("block_size"));
}

// Scales are [outer, blocks, inner] where the weight is [outer, extent, inner] around its input axis; the last block may
// be shorter.
absl::StatusOr<CodedTensor> CodeBlocks(const Tensor& values, const PlannedWeight& weight, const TensorRecipe& recipe,
                                       int64_t block_size) {
  const IntFormat format = MakeFormat(recipe.format);
  const std::unique_ptr<RangeMethod> method = MakeRangeMethod(recipe.range);
  const ChannelCut cut = CutWeight(values, weight.input_axis);
  const int64_t extent = values.dim(static_cast<size_t>(weight.input_axis));
  const int64_t blocks = (extent + block_size - 1) / block_size;
  Shape code_shape = values.shape();
  code_shape[static_cast<size_t>(weight.input_axis)] = blocks;
  CodedTensor coded{.codes = Tensor(CodingType(format.storage), values.shape()),
                    .code = {.scale = Tensor(DataType::kFloat, code_shape),
                             .zero_point = Tensor(CodingType(format.storage), code_shape)},
                    .axis = weight.input_axis,
                    .block_size = block_size};
  const float* w = values.data<float>();
  std::vector<float> block;
  for (int64_t i = 0; i < coded.code.scale.size(); ++i) {
    const int64_t outer = i / (blocks * cut.inner), inner = i % cut.inner;
    const int64_t first = i / cut.inner % blocks * block_size;
    const int64_t length = std::min(block_size, extent - first);
    const auto at = [&](int64_t k) { return (outer * extent + first + k) * cut.inner + inner; };
    block.clear();
    for (int64_t k = 0; k < length; ++k) block.push_back(w[at(k)]);
    RETURN_IF_ERROR(CheckFinite(block, weight));
    const ClipRange range = method->ForWeights(block, format);
    const QuantParams params = format.Params(range.lower, range.upper);
    coded.code.scale.mutable_data<float>()[i] = params.scale;
    SetCode(coded.code.zero_point, i, params.zero_point);
    for (int64_t k = 0; k < length; ++k) SetCode(coded.codes, at(k), format.Code(w[at(k)], params));
  }
  coded.codes = Stored(std::move(coded.codes), format.storage);
  coded.code.zero_point = Stored(std::move(coded.code.zero_point), format.storage);
  return coded;
}

}  // namespace

absl::StatusOr<CodedTensor> CodeWeight(const Tensor& values, const PlannedWeight& weight,
                                       const TensorRecipe& recipe, const IntegerBias& bias) {
  const IntFormat format = MakeFormat(recipe.format);
  const std::unique_ptr<RangeMethod> method = MakeRangeMethod(recipe.range);
  if (recipe.granularity.id == "per_block" && weight.input_axis >= 0) {
    return CodeBlocks(values, weight, recipe, BlockSizeOf(recipe.granularity));
  }
  const bool per_channel = recipe.granularity.id != "per_tensor" && weight.axis >= 0;
  const int64_t granules = per_channel ? weight.channels : 1;
  const ChannelCut cut = per_channel ? CutWeight(values, weight.axis)
                                     : ChannelCut{.outer = 1, .inner = values.size()};
  const Shape code_shape = per_channel ? Shape{granules} : Shape{};
  CodedTensor coded{.codes = Tensor(CodingType(format.storage), values.shape()),
                    .code = {.scale = Tensor(DataType::kFloat, code_shape),
                             .zero_point = Tensor(CodingType(format.storage), code_shape)},
                    .axis = std::max(weight.axis, 0)};
  const float* w = values.data<float>();
  std::vector<float> granule_values;
  for (int64_t granule = 0; granule < granules; ++granule) {
    granule_values.clear();
    const auto at = [&](int64_t outer) { return (outer * granules + granule) * cut.inner; };
    for (int64_t outer = 0; outer < cut.outer; ++outer) {
      granule_values.insert(granule_values.end(), w + at(outer), w + at(outer) + cut.inner);
    }
    RETURN_IF_ERROR(CheckFinite(granule_values, weight));
    const ClipRange range = method->ForWeights(granule_values, format);
    QuantParams params = format.Params(range.lower, range.upper);
    params.scale = WithRoomForBias(params.scale, granule, granules, bias);
    coded.code.scale.mutable_data<float>()[granule] = params.scale;
    SetCode(coded.code.zero_point, granule, params.zero_point);
    for (int64_t outer = 0; outer < cut.outer; ++outer) {
      for (int64_t i = at(outer); i < at(outer) + cut.inner; ++i) SetCode(coded.codes, i, format.Code(w[i], params));
    }
  }
  coded.codes = Stored(std::move(coded.codes), format.storage);
  coded.code.zero_point = Stored(std::move(coded.code.zero_point), format.storage);
  return coded;
}

}  // namespace quantd
