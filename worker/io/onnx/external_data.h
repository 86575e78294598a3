// The files beside a model that hold its large tensors. A model names them by relative location;
// only files that came with it under exactly that name are ever opened.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/graph/tensor.h"
#include "worker/io/onnx/mapped_file.h"

namespace onnx {
class TensorProto;
}  // namespace onnx

namespace quantd::onnx_io {

// Opens each file once, when a tensor first needs it. Not thread-safe.
class ExternalData {
 public:
  // `files`: location as the model writes it -> path on this machine.
  explicit ExternalData(const std::map<std::string, std::string>& files) : files_(files) {}

  // The tensor's bytes in the file. A view of the mapped file where the offset is a multiple of 64
  // bytes (the alignment of every Tensor), else a copy.
  //
  // Errors: EXTERNAL_DATA names `field`. REQUIRES: BitsOf(dtype) > 0 and a checked shape.
  absl::StatusOr<Tensor> Load(const onnx::TensorProto& proto, absl::string_view field,
                              DataType dtype, const Shape& shape);

 private:
  absl::StatusOr<std::shared_ptr<const MappedFile>> File(const std::string& location,
                                                         absl::string_view field);

  const std::map<std::string, std::string> files_;
  std::map<std::string, std::shared_ptr<const MappedFile>> open_;
};

}  // namespace quantd::onnx_io
