#include "worker/io/onnx/tensor_proto.h"

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/io/onnx/errors.h"

namespace quantd::onnx_io {
namespace {

// raw_data is little-endian by definition and copied as it is.
static_assert(std::endian::native == std::endian::little);

absl::Status WrongCount(absl::string_view field, const Tensor& tensor, int64_t found,
                        absl::string_view unit) {
  return BadTensor(
      field, absl::StrCat(DataTypeName(tensor.dtype()), ShapeString(tensor.shape()), " needs ",
                          tensor.size(), " elements of ", BitsOf(tensor.dtype()),
                          " bits, but the file holds ", found, " ", unit));
}

// Booleans are stored as bytes; any other value than 0 and 1 in a C++ bool is undefined behaviour.
void NormalizeBools(Tensor& tensor) {
  auto* bytes = static_cast<uint8_t*>(tensor.mutable_raw());
  for (int64_t i = 0; i < tensor.size(); ++i) bytes[i] = bytes[i] != 0 ? 1 : 0;
}

// What stands behind the last packed element is not part of the value: equal tensors have equal bytes.
void ClearPadding(Tensor& tensor) {
  const auto used = static_cast<size_t>(tensor.size()) * static_cast<size_t>(BitsOf(tensor.dtype())) % 8;
  if (used == 0) return;
  static_cast<uint8_t*>(tensor.mutable_raw())[tensor.bytes() - 1] &= static_cast<uint8_t>((1 << used) - 1);
}

template <typename Stored, typename Field>
absl::StatusOr<Tensor> FromField(const Field& values, absl::string_view field, DataType dtype,
                                 const Shape& shape, int64_t count) {
  if (values.size() != count) {
    return WrongCount(field, Tensor::View(dtype, shape, nullptr, nullptr), values.size(),
                      "elements");
  }
  Tensor tensor(dtype, shape);
  auto* out = static_cast<Stored*>(tensor.mutable_raw());
  for (int64_t i = 0; i < count; ++i) out[i] = static_cast<Stored>(values.Get(static_cast<int>(i)));
  return tensor;
}

// The narrow types share int32_data; a value that its type cannot hold is an error. Floats of
// 8 and 16 bits travel as their bit pattern, which some writers sign-extend.
template <typename Stored>
absl::StatusOr<Tensor> FromInt32Data(const onnx::TensorProto& proto, absl::string_view field,
                                     DataType dtype, const Shape& shape, int64_t count) {
  const bool bit_pattern = std::is_unsigned_v<Stored> && dtype != DataType::kUint8 &&
                           dtype != DataType::kUint16 && dtype != DataType::kBool;
  const int32_t lowest = bit_pattern ? std::numeric_limits<std::make_signed_t<Stored>>::min()
                                     : std::numeric_limits<Stored>::min();
  const int32_t highest = std::numeric_limits<Stored>::max();
  for (const int32_t value : proto.int32_data()) {
    if (value < lowest || value > highest) {
      return BadTensor(
          field, absl::StrCat("int32_data holds ", value, ", which is no ", DataTypeName(dtype)));
    }
  }
  return FromField<Stored>(proto.int32_data(), field, dtype, shape, count);
}

// Packed types put one byte of elements into each entry.
absl::StatusOr<Tensor> FromPackedInt32Data(const onnx::TensorProto& proto, absl::string_view field,
                                           DataType dtype, const Shape& shape, int64_t count) {
  ASSIGN_OR_RETURN(const Tensor bytes,
                   FromInt32Data<uint8_t>(proto, field, DataType::kUint8,
                                          {static_cast<int64_t>(BytesFor(dtype, count))},
                                          static_cast<int64_t>(BytesFor(dtype, count))));
  Tensor tensor(dtype, shape);
  if (bytes.bytes() > 0) std::memcpy(tensor.mutable_raw(), bytes.raw(), bytes.bytes());
  return tensor;
}

absl::StatusOr<Tensor> FromTypedData(const onnx::TensorProto& proto, absl::string_view field,
                                     DataType dtype, const Shape& shape, int64_t count) {
  switch (dtype) {
    case DataType::kFloat:
      return FromField<float>(proto.float_data(), field, dtype, shape, count);
    case DataType::kDouble:
      return FromField<double>(proto.double_data(), field, dtype, shape, count);
    case DataType::kInt64:
      return FromField<int64_t>(proto.int64_data(), field, dtype, shape, count);
    case DataType::kUint64:
      return FromField<uint64_t>(proto.uint64_data(), field, dtype, shape, count);
    case DataType::kUint32:
      for (const uint64_t value : proto.uint64_data()) {
        if (value > std::numeric_limits<uint32_t>::max()) {
          return BadTensor(field,
                           absl::StrCat("uint64_data holds ", value, ", which is no uint32"));
        }
      }
      return FromField<uint32_t>(proto.uint64_data(), field, dtype, shape, count);
    case DataType::kInt32:
      return FromField<int32_t>(proto.int32_data(), field, dtype, shape, count);
    case DataType::kInt16:
      return FromInt32Data<int16_t>(proto, field, dtype, shape, count);
    case DataType::kInt8:
      return FromInt32Data<int8_t>(proto, field, dtype, shape, count);
    case DataType::kBool:
    case DataType::kUint8:
    case DataType::kFloat8E4M3FN:
    case DataType::kFloat8E4M3FNUZ:
    case DataType::kFloat8E5M2:
    case DataType::kFloat8E5M2FNUZ:
      return FromInt32Data<uint8_t>(proto, field, dtype, shape, count);
    case DataType::kUint4:
    case DataType::kInt4:
    case DataType::kFloat4E2M1:
    case DataType::kUint2:
    case DataType::kInt2:
      return FromPackedInt32Data(proto, field, dtype, shape, count);
    default:
      return FromInt32Data<uint16_t>(proto, field, dtype, shape, count);
  }
}

absl::StatusOr<Tensor> FromRawData(const std::string& raw, absl::string_view field, DataType dtype,
                                   const Shape& shape, int64_t count) {
  if (raw.size() != BytesFor(dtype, count)) {
    return WrongCount(field, Tensor::View(dtype, shape, nullptr, nullptr),
                      static_cast<int64_t>(raw.size()), "bytes");
  }
  Tensor tensor(dtype, shape);
  if (!raw.empty()) std::memcpy(tensor.mutable_raw(), raw.data(), raw.size());
  return tensor;
}

absl::StatusOr<Tensor> FromStringData(const onnx::TensorProto& proto, absl::string_view field,
                                      const Shape& shape, int64_t count) {
  if (proto.string_data_size() != count) {
    return BadTensor(field, absl::StrCat("string", ShapeString(shape), " needs ", count,
                                         " elements, but the file holds ", proto.string_data_size()));
  }
  Tensor tensor(DataType::kString, shape);
  std::string* out = tensor.mutable_data<std::string>();
  std::copy(proto.string_data().begin(), proto.string_data().end(), out);
  return tensor;
}

absl::StatusOr<Tensor> Elements(const onnx::TensorProto& proto, absl::string_view field,
                                ExternalData& external_data, DataType dtype, const Shape& shape,
                                int64_t count) {
  // ONNX keeps strings in this field only, never as raw or external data.
  if (dtype == DataType::kString) return FromStringData(proto, field, shape, count);
  if (proto.data_location() == onnx::TensorProto::EXTERNAL) {
    return external_data.Load(proto, field, dtype, shape);
  }
  if (proto.has_raw_data()) return FromRawData(proto.raw_data(), field, dtype, shape, count);
  return FromTypedData(proto, field, dtype, shape, count);
}

}  // namespace

absl::StatusOr<Tensor> TensorFromProto(const onnx::TensorProto& proto, absl::string_view field,
                                       ExternalData& external_data) {
  const auto dtype = static_cast<DataType>(proto.data_type());
  if (dtype == DataType::kUndefined) return BadTensor(field, "has no element type");
  if (BitsOf(dtype) == 0 && dtype != DataType::kString) return UnsupportedDataType(field, proto.data_type());
  if (proto.has_segment()) return UnsupportedModel(field, "is stored in segments");
  if (proto.dims_size() > kTensorRankMax) {
    return BadTensor(field, absl::StrCat("has ", proto.dims_size(), " axes; at most ",
                                         kTensorRankMax, " are supported"));
  }
  const Shape shape(proto.dims().begin(), proto.dims().end());
  const absl::StatusOr<int64_t> count = CheckedElementCount(shape);
  if (!count.ok()) {
    return BadTensor(field, absl::string_view(count.status().message()));
  }
  ASSIGN_OR_RETURN(Tensor tensor, Elements(proto, field, external_data, dtype, shape, *count));
  if (dtype == DataType::kBool) NormalizeBools(tensor);
  if (IsPacked(dtype)) ClearPadding(tensor);
  return tensor;
}

absl::StatusOr<Tensor> TakeTensor(onnx::TensorProto& proto, absl::string_view field, ExternalData& external_data) {
  absl::StatusOr<Tensor> tensor = TensorFromProto(proto, field, external_data);
  // Clear() would keep the memory for the next message.
  onnx::TensorProto gone;
  gone.Swap(&proto);
  proto.set_name(gone.name());
  return tensor;
}

void TensorToProto(const Tensor& tensor, absl::string_view name, onnx::TensorProto& proto) {
  QUANTD_CHECK(tensor.defined());
  proto.set_name(std::string(name));
  proto.set_data_type(static_cast<int32_t>(tensor.dtype()));
  for (const int64_t extent : tensor.shape()) proto.add_dims(extent);
  if (tensor.dtype() == DataType::kString) {
    for (int64_t i = 0; i < tensor.size(); ++i) proto.add_string_data(tensor.data<std::string>()[i]);
  } else if (tensor.bytes() > 0) {
    proto.set_raw_data(tensor.raw(), tensor.bytes());
  } else {
    proto.set_raw_data("");
  }
}

}  // namespace quantd::onnx_io
