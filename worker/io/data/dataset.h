// Rows of samples, ready to feed to a model, whatever files they come from.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/graph/graph.h"
#include "worker/io/data/data_spec.h"

namespace quantd {

// Rows are numbered 0..rows()-1: by position in arrays, by file name in byte order for images and
// for folders of ONNX tensors. Thread-safe.
class Dataset {
 public:
  virtual ~Dataset() = default;

  virtual int64_t rows() const = 0;

  // Every model input's name -> tensor of the input's type, [indices.size(), ...] in the order of
  // `indices` (repeats are allowed). Images are decoded here, one after the other.
  //
  // Errors: OUT_OF_RANGE      an index is not a row.
  //         INVALID_ARGUMENT  an image is damaged or of another shape; names the file.
  virtual absl::StatusOr<std::map<std::string, Tensor>> Batch(
      std::span<const int64_t> indices) const = 0;

  virtual bool has_labels() const = 0;
  // The class index, >= 0. REQUIRES: has_labels() and 0 <= row < rows().
  virtual int64_t Label(int64_t row) const = 0;
  // Class index -> name where folders name the classes, else empty.
  virtual const std::vector<std::string>& class_names() const = 0;

  // What a report says was sampled: "10,000 rows of t10k-images-idx3-ubyte.gz".
  virtual const std::string& description() const = 0;
};

// Opens `files` (manifest name -> local path) for a model with these inputs. Arrays are read,
// checked and kept in memory in their own element type; of images the first one is decoded, the
// others when a batch needs them. All the images feed the one input of the model. Arrays are bound
// by `spec.bindings`, by name (array key, TensorProto name, file name without extension, or
// input_<i>.pb for input i), or because there is one of each; others are not used.
//
// Files named input_<i>.pb in several folders are the rows of one array, folder after folder in
// byte order.
//
// Errors: INVALID_ARGUMENT with a reason and a field (data_errors.h).
absl::StatusOr<std::unique_ptr<Dataset>> OpenDataset(
    const DataSpec& spec, const std::map<std::string, std::string>& files,
    const std::vector<ValueInfo>& model_inputs);

}  // namespace quantd
