// ResNet with bottleneck blocks (He et al., 2015; stride in the 3x3 convolution, as torchvision's
// v1.5), with random weights, as exporters write it while training: every convolution is followed
// by a BatchNormalization of its own. Opset 13.
//
//   input   [N, 3, image, image] float32, meant for values of standard deviation 1
//   output  [N, classes] float32
#pragma once

#include <cstdint>
#include <vector>

#include "worker/graph/graph.h"

namespace quantd::testing {

struct ResNetOptions {
  std::vector<int64_t> blocks = {3, 4, 6, 3};  // Of each stage.
  int64_t width = 64;                          // Of the first stage; doubles from stage to stage.
  int64_t image = 224;                         // At least 32.
  int64_t classes = 1000;
  uint64_t seed = 50;
};

// The defaults are ResNet-50: 25.6 million weights, 4.1 billion multiply-adds an image.
Model MakeResNet(const ResNetOptions& options = {});

}  // namespace quantd::testing
