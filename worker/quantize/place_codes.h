// Which tensors become codes, who reads them so, and which tensors share one code: the placement of
// QuantizeLinear/DequantizeLinear pairs, as runtimes with integer kernels fuse them. docs/qdq_placement.md says why.
//
// A tensor becomes a code because a quantized layer reads it. From there codes spread:
//   - against the flow through what carries codes unchanged (MaxPool, Reshape, Concat): its inputs and outputs share one
//     code, so that the operator runs on codes and nothing is rounded twice;
//   - against the flow through what has an integer kernel (Add, Mul, pooling by average), but only where all its
//     inputs come out of integer kernels: else coding them would cost accuracy and save nothing;
//   - against the flow through functions like HardSwish to the Conv in front of them: an integer Conv can only write
//     codes, so the function lies between two;
//   - past a Relu or Clip that alone reads a tensor: the code stands behind it, and runtimes merge the two.
// A Conv whose output no code is asked of, such as one that makes an output of the graph, writes floats.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "worker/graph/graph.h"
#include "worker/quantize/quantization_plan.h"

namespace quantd {

struct Placement {
  std::vector<std::vector<std::string>> groups;  // Of tensors that share one code; all in graph order.
  std::set<NodeInput> reads;
  std::set<std::string> replaced;
  // Nodes other than layers that read codes and make them.
  std::set<std::string> nodes;
};

// Only the inputs of layers.
Placement PlaceInputs(const Graph& graph, const std::vector<PlannedLayer>& layers);

// As described above. Nodes named in `excluded` compute with real numbers.
Placement PlaceFused(const Graph& graph, const std::vector<PlannedLayer>& layers,
                     const std::set<std::string>& excluded);

}  // namespace quantd
