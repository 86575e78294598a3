// The models of the quality table: which data feeds each of them, and which rows calibrate and
// evaluate.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "quantd/v1/spec.pb.h"

namespace quantd::bench {

// One job: calibration rows and evaluation rows that do not overlap. The recipe is still open.
struct Fold {
  v1::JobSpec spec;
  std::map<std::string, std::string> paths;  // Digest -> where that input lies.
};

// The folds of one model evaluate disjoint rows; the table pools them.
struct BenchModel {
  std::string name;
  int classes = 0;
  std::vector<Fold> folds;
  std::string skipped;  // Why there are no folds; empty when there are.
};

struct ModelOptions {
  std::string models;              // Folder of the .onnx files.
  std::string fashion;             // Folder of Fashion-MNIST's four IDX files.
  std::string mnist;               // Folder that mnist_digits.js wrote; empty skips the model.
  std::string cifar;               // Folder of CLASS/NAME.jpg; empty skips the model.
  std::string imagenet;            // Folder of CLASSINDEX_NAME.jpg; empty skips the model.
  int64_t vit_rows = 0;            // Test images that evaluate the ViT; 0: all of them.
  int32_t calibration_rows = 256;  // A fold calibrates on all its rows where it has fewer.
};

// All four models, those without data marked as skipped.
absl::StatusOr<std::vector<BenchModel>> MakeModels(const ModelOptions& options);

}  // namespace quantd::bench
