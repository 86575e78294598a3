#include "worker/io/data/tensor_proto.h"

#include <onnx/onnx_pb.h>

#include <climits>

#include "absl/strings/str_cat.h"
#include "worker/io/data/array_limits.h"
#include "worker/io/onnx/tensor_proto.h"

namespace quantd {
namespace {

absl::Status Bad(absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("not a readable onnx.TensorProto: ", problem));
}

}  // namespace

absl::StatusOr<NamedTensor> ParseTensorProto(absl::string_view bytes) {
  onnx::TensorProto proto;
  if (bytes.size() > INT_MAX ||
      !proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Bad("the bytes are not such a message");
  }
  if (proto.dims_size() > static_cast<int>(kArrayRankMax)) {
    return Bad(absl::StrCat(proto.dims_size(), " axes; at most ", kArrayRankMax, " are read"));
  }
  onnx_io::ExternalData none({});
  absl::StatusOr<Tensor> tensor = onnx_io::TensorFromProto(proto, "tensor", none);
  if (!tensor.ok()) return Bad(tensor.status().message());
  return NamedTensor{proto.name(), *std::move(tensor)};
}

}  // namespace quantd
