// The models of the export form suite: the real ones of tests/data, and generated ones for what those lack.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/graph/graph.h"

namespace quantd::testing {

// What one model takes: extents of its inputs but the leading ones, which count rows.
struct SuiteModel {
  Model model;  // As a reader gives it: nothing folded yet.
  // The shapes to feed, in the order of the graph's inputs, for a batch of `rows`. Dynamic extents get a size of their own.
  std::vector<Shape> Shapes(int64_t rows) const;
  int64_t sequence = 1;   // What a dynamic extent behind the batch stands for.
  int64_t vocabulary = 0; // Integer inputs hold values below it.
  float scale = 1;        // Float inputs are uniform in [-scale, scale], plus shift.
  float shift = 0;
};

// "mnist_cnn", "mobilenet_v1_025_224", "resnet8_cifar10", "vit_fmnist" from the folder of test models, or one of:
//   detector  a backbone with residual adds and a concatenation, and two heads that share it: boxes and scores
//   encoder   embeddings, two blocks of attention and GELU with LayerNormalization, a pooled class; batch and
//             sequence are dynamic
//   lstm      a bidirectional LSTM over a dynamic sequence, and a classifier
//   branches  an If whose bodies hold weights
// NOT_FOUND for another name.
absl::StatusOr<SuiteModel> MakeSuiteModel(const std::string& name, const std::string& folder);

}  // namespace quantd::testing
