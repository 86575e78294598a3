// A vision transformer (Dosovitskiy et al., 2020) with random weights, as timm's models are
// exported at opset 17: whole LayerNormalization nodes before attention and MLP, one product for
// queries, keys and values, GELU in pieces, the class token put in front by Expand and Concat.
//
//   input   [batch, 3, image, image] float32, meant for values of standard deviation 1
//   output  [batch, classes] float32
#pragma once

#include <cstdint>

#include "worker/graph/graph.h"

namespace quantd::testing {

struct VitOptions {
  int64_t layers = 12;
  int64_t hidden = 768;  // A multiple of `heads`.
  int64_t heads = 12;
  int64_t intermediate = 3072;
  int64_t image = 224;  // A multiple of `patch`.
  int64_t patch = 16;
  int64_t classes = 1000;
  uint64_t seed = 86;
};

// The defaults are ViT-B/16: 86 million weights, 197 tokens.
Model MakeVit(const VitOptions& options = {});

}  // namespace quantd::testing
