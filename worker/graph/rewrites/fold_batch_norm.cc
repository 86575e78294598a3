#include "worker/graph/rewrites/fold_batch_norm.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "worker/graph/rewrites/parameters.h"

namespace quantd {
namespace {

// y = x factor + offset, for each channel.
struct Affine {
  std::vector<double> factor;
  std::vector<double> offset;
};

// Inference only: outputs beyond the first, or attribute training_mode, ask for batch statistics;
// spatial = 0 (opset 8 and below) has statistics for every pixel.
bool IsPlainInference(const Node& norm) {
  const bool batch_statistics = std::any_of(norm.outputs.begin() + 1, norm.outputs.end(),
                                            [](const std::string& name) { return !name.empty(); });
  return !batch_statistics && norm.Int("training_mode", 0) == 0 && norm.Int("spatial", 1) == 1;
}

// Empty when a parameter is not a float initializer of one finite value a channel.
Affine AffineOf(const Graph& graph, const Node& norm, int64_t channels) {
  const Tensor* parameters[4];
  for (size_t i = 0; i < 4; ++i) {
    parameters[i] = FloatParameter(graph, norm, i + 1);
    if (parameters[i] == nullptr || parameters[i]->shape() != Shape{channels}) return {};
  }
  const double epsilon = norm.Float("epsilon", 1e-5f);
  Affine affine;
  for (int64_t c = 0; c < channels; ++c) {
    const double scale = parameters[0]->data<float>()[c];
    const double shift = parameters[1]->data<float>()[c];
    const double mean = parameters[2]->data<float>()[c];
    const double variance = parameters[3]->data<float>()[c];
    const double factor = scale / std::sqrt(variance + epsilon);
    const double offset = shift - mean * factor;
    if (!std::isfinite(factor) || !std::isfinite(offset)) return {};
    affine.factor.push_back(factor);
    affine.offset.push_back(offset);
  }
  return affine;
}

bool Fold(FoldPair pair) {
  ChannelLayout layout;
  if (pair.linear_slot != 0 || !IsPlainInference(pair.follower)) return false;
  if (!ChannelLayout::Of(pair.graph, pair.linear, &layout)) return false;
  const Affine affine = AffineOf(pair.graph, pair.follower, layout.channels());
  std::vector<double> bias = ChannelBias(pair.graph, pair.linear, layout.channels());
  if (affine.factor.empty() || bias.empty()) return false;

  const Tensor& weights = *FloatParameter(pair.graph, pair.linear, 1);
  Tensor folded(DataType::kFloat, weights.shape());
  for (int64_t i = 0; i < weights.size(); ++i) {
    const double factor = affine.factor[static_cast<size_t>(layout.Channel(i))];
    folded.mutable_data<float>()[i] = static_cast<float>(weights.data<float>()[i] * factor);
  }
  Tensor folded_bias(DataType::kFloat, {layout.channels()});
  for (size_t c = 0; c < bias.size(); ++c) {
    folded_bias.mutable_data<float>()[c] =
        static_cast<float>(bias[c] * affine.factor[c] + affine.offset[c]);
  }
  const std::string& output = pair.linear.outputs[0];
  SetParameter(pair.graph, pair.index, pair.linear, 1, std::move(folded),
               absl::StrCat(output, "_weight"));
  SetParameter(pair.graph, pair.index, pair.linear, 2, std::move(folded_bias),
               absl::StrCat(output, "_bias"));
  pair.linear.attributes.erase("beta");  // Already inside the new bias.
  return true;
}

}  // namespace

absl::Status FoldBatchNorm(Graph& graph) {
  FoldFollowers(graph, "BatchNormalization", &Fold);
  return absl::OkStatus();
}

}  // namespace quantd
