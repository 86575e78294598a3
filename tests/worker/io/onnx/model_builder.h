// Small ONNX files for tests, made field by field.
#pragma once

#include <onnx/onnx_pb.h>

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/graph/graph.h"

namespace quantd::testing {

// y = Relu(x), opset 17, float [2].
onnx::ModelProto ReluModel();

onnx::NodeProto* AddNode(onnx::GraphProto* graph, const std::string& op_type,
                         const std::vector<std::string>& inputs,
                         const std::vector<std::string>& outputs);

onnx::TensorProto* AddInitializer(onnx::GraphProto* graph, const std::string& name, int data_type,
                                  const std::vector<int64_t>& dims);

// Writes bytes into a new folder, which the object removes.
class FileFolder {
 public:
  FileFolder();
  ~FileFolder();
  FileFolder(const FileFolder&) = delete;
  FileFolder& operator=(const FileFolder&) = delete;

  std::string Write(const std::string& name, const std::string& bytes) const;

 private:
  std::string path_;
};

// Reads the bytes as a model file.
absl::StatusOr<Model> ReadBytes(const std::string& bytes,
                                const std::map<std::string, std::string>& external_files = {});
absl::StatusOr<Model> Read(const onnx::ModelProto& proto,
                           const std::map<std::string, std::string>& external_files = {});

// "" when both are the same, else the first difference.
std::string Difference(const Model& a, const Model& b);

}  // namespace quantd::testing
