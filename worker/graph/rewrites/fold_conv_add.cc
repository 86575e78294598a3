#include "worker/graph/rewrites/fold_conv_add.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "worker/graph/rewrites/parameters.h"

namespace quantd {
namespace {

// Whether `addend`, broadcast to an output of rank `rank`, has one value a channel (axis 1).
bool IsOneValueAChannel(const Tensor& addend, size_t rank, int64_t channels) {
  if (addend.rank() > rank) return false;
  if (addend.size() == 1) return true;
  // Broadcasting aligns the last axes; the channel axis is rank - 1 axes from the end.
  if (addend.rank() + 1 < rank || addend.size() != channels) return false;
  return addend.dim(addend.rank() + 1 - rank) == channels;
}

bool Fold(FoldPair pair) {
  ChannelLayout layout;
  if (!pair.linear.Is("Conv") && !pair.linear.Is("ConvTranspose")) return false;
  if (!ChannelLayout::Of(pair.graph, pair.linear, &layout)) return false;
  if (pair.follower.inputs.size() != 2) return false;
  const Tensor* const addend = FloatParameter(pair.graph, pair.follower, 1 - pair.linear_slot);
  const size_t rank = FloatParameter(pair.graph, pair.linear, 1)->rank();
  if (addend == nullptr || !IsOneValueAChannel(*addend, rank, layout.channels())) return false;
  const std::vector<double> bias = ChannelBias(pair.graph, pair.linear, layout.channels());
  if (bias.empty()) return false;

  Tensor folded(DataType::kFloat, {layout.channels()});
  for (size_t c = 0; c < bias.size(); ++c) {
    const float added = addend->data<float>()[addend->size() == 1 ? 0 : c];
    folded.mutable_data<float>()[c] = static_cast<float>(bias[c] + added);
  }
  SetParameter(pair.graph, pair.index, pair.linear, 2, std::move(folded),
               absl::StrCat(pair.linear.outputs[0], "_bias"));
  return true;
}

}  // namespace

absl::Status FoldConvAdd(Graph& graph) {
  FoldFollowers(graph, "Add", &Fold);
  return absl::OkStatus();
}

}  // namespace quantd
