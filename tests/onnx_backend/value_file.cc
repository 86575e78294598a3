#include "tests/onnx_backend/value_file.h"

#include <onnx/onnx-data_pb.h>
#include <onnx/onnx_pb.h>

#include <fstream>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/io/onnx/external_data.h"
#include "worker/io/onnx/tensor_proto.h"

namespace quantd::onnx_backend {

namespace {

absl::StatusOr<Tensor> FromTensor(const onnx::TensorProto& proto) {
  onnx_io::ExternalData none({});
  return onnx_io::TensorFromProto(proto, proto.name(), none);
}

absl::StatusOr<Tensor> FromSequence(const onnx::SequenceProto& proto, DataType dtype) {
  std::vector<Tensor> elements;
  for (const onnx::TensorProto& element : proto.tensor_values()) {
    ASSIGN_OR_RETURN(Tensor tensor, FromTensor(element));
    if (tensor.dtype() != dtype) return absl::InternalError("an element has another type than the sequence");
    elements.push_back(std::move(tensor));
  }
  return Tensor::Sequence(dtype, std::move(elements));
}

absl::StatusOr<Tensor> FromOptional(const onnx::OptionalProto& proto, DataType dtype) {
  if (proto.has_tensor_value()) return FromTensor(proto.tensor_value());
  if (proto.has_sequence_value()) return FromSequence(proto.sequence_value(), dtype);
  return Tensor::None();
}

}  // namespace

absl::StatusOr<Tensor> ReadValueFile(const std::string& path, const ValueInfo& info) {
  std::ifstream file(path, std::ios::binary);
  onnx::TensorProto tensor;
  onnx::SequenceProto sequence;
  onnx::OptionalProto optional;
  google::protobuf::Message& proto = info.is_optional   ? static_cast<google::protobuf::Message&>(optional)
                                     : info.is_sequence ? static_cast<google::protobuf::Message&>(sequence)
                                                        : tensor;
  if (!file || !proto.ParseFromIstream(&file)) {
    return absl::InternalError(absl::StrCat("cannot read ", path, " for '", info.name, "'"));
  }
  if (info.is_optional) return FromOptional(optional, info.dtype);
  if (info.is_sequence) return FromSequence(sequence, info.dtype);
  ASSIGN_OR_RETURN(Tensor value, FromTensor(tensor));
  // NumPy, which wrote the files, has no bfloat16: they hold the bit patterns as uint16.
  if (info.dtype == DataType::kBfloat16 && value.dtype() == DataType::kUint16) {
    const auto held = std::make_shared<const Tensor>(std::move(value));
    return Tensor::View(DataType::kBfloat16, held->shape(), held->raw(), held);
  }
  return value;
}

}  // namespace quantd::onnx_backend
