// What the folding rewrites share: the weights and bias of one linear node, and how to change them
// without touching another node's.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/graph/graph.h"

namespace quantd {

// The float initializer that input `slot` of `node` names, or nullptr: absent, computed, or of
// another type.
const Tensor* FloatParameter(const Graph& graph, const Node& node, size_t slot);

// Where the output channels of a Conv, ConvTranspose or Gemm lie in its weights: element i of the
// weights belongs to channel Channel(i).
class ChannelLayout {
 public:
  // Whether `node` is one of the three, with float weights in an initializer whose shape fits.
  static bool Of(const Graph& graph, const Node& node, ChannelLayout* layout);

  int64_t channels() const { return channels_; }
  int64_t Channel(int64_t element) const {
    return element / outer_ * group_channels_ + element / inner_ % group_channels_;
  }

 private:
  int64_t channels_ = 0;
  int64_t group_channels_ = 0;  // Channels of one group: all of them but in a ConvTranspose.
  int64_t inner_ = 1;           // Elements between one channel and the next.
  int64_t outer_ = 1;           // Elements of one group.
};

// The bias of `node` as one value a channel, in double precision: zeros when absent. Empty when it
// is no float initializer or differs from row to row (a Gemm's C of shape [M,N]).
std::vector<double> ChannelBias(const Graph& graph, const Node& node, int64_t channels);

// Makes `tensor` the initializer that input `slot` of `node` reads. An initializer that somebody
// else reads too, or that is a graph output, stays as it is and the node gets one with a fresh
// name; an absent input gets the fresh name `base`. `index` is of the graph before any change of
// this pass.
void SetParameter(Graph& graph, const GraphIndex& index, Node& node, size_t slot, Tensor tensor,
                  const std::string& base);

// A pass over all pairs (linear node, follower) where the follower of type `follower_type` is the
// only reader of the linear node's output and that output is no graph output. `fold` returns
// whether the follower is now part of the linear node; then the follower is dropped and the linear
// node makes its output. `linear_slot` tells fold which input of the follower the linear node
// feeds. Runs until nothing folds (for a few passes at most, and only as long as the model does not grow by a
// multiple), then drops dead nodes.
struct FoldPair {
  Graph& graph;
  const GraphIndex& index;
  Node& linear;
  const Node& follower;
  size_t linear_slot;
};
void FoldFollowers(Graph& graph, const std::string& follower_type, bool (*fold)(FoldPair pair));

}  // namespace quantd
