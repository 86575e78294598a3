#include "tests/onnx_backend/value_file.h"

#include <onnx/onnx_pb.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "worker/io/onnx/external_data.h"
#include "worker/io/onnx/tensor_proto.h"

namespace quantd::onnx_backend {

absl::StatusOr<Tensor> ReadValueFile(const std::string& path, const ValueInfo& info) {
  std::ifstream file(path, std::ios::binary);
  onnx::TensorProto proto;
  if (!file || !proto.ParseFromIstream(&file)) {
    return absl::InternalError(absl::StrCat("cannot read ", path, " for '", info.name, "'"));
  }
  onnx_io::ExternalData none({});
  return onnx_io::TensorFromProto(proto, info.name, none);
}

}  // namespace quantd::onnx_backend
