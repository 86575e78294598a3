// The decisions of a quantization run: a code for every planned tensor. Graph rewriting, bias correction and
// reports all work from this.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "worker/quantize/qdq_builder.h"
#include "worker/quantize/quantization_plan.h"

namespace quantd {

struct ActivationDecision {
  AffineCode code;
  double scale = 0;
  int32_t zero_point = 0;
  double clip_lower = 0;  // The range that the code covers.
  double clip_upper = 0;
};

struct Quantization {
  std::map<std::string, ActivationDecision> activations;  // By tensor; equal for all tensors of a group.
  // Every initializer that a node reads as codes: weights of layers, and constants beside activations.
  std::map<NodeInput, CodedTensor> weights;
  std::map<NodeInput, CodedTensor> body_weights;  // By the path of the layer.
  // By node: what to add to the layer's output, one value a channel, so that its mean is that of full precision.
  std::map<std::string, std::vector<double>> output_shift;
};

}  // namespace quantd
