#include "worker/quantize/code_values.h"

#include "common/check.h"
#include "worker/formats/convert_tensor.h"
#include "worker/methods/range/registry.h"

namespace quantd {

std::unique_ptr<RangeMethod> MakeRangeMethod(const Component& component) {
  for (const RangeInfo* info : range::All()) {
    if (info->method.id == component.id) return info->create(Params(info->method.params, component));
  }
  QUANTD_CHECK(false);  // CheckRecipe() has refused unknown ids.
  return nullptr;
}

DataType CodingType(DataType storage) {
  switch (storage) {
    case DataType::kInt4:
    case DataType::kInt2:
      return DataType::kInt8;
    case DataType::kUint4:
    case DataType::kUint2:
      return DataType::kUint8;
    default:
      return storage;
  }
}

Tensor Stored(Tensor codes, DataType storage) {
  return codes.dtype() == storage ? codes : PackIntegers(codes, storage);
}

void SetCode(Tensor& codes, int64_t index, int32_t code) {
  switch (codes.dtype()) {
    case DataType::kUint8:
      codes.mutable_data<uint8_t>()[index] = static_cast<uint8_t>(code);
      return;
    case DataType::kInt8:
      codes.mutable_data<int8_t>()[index] = static_cast<int8_t>(code);
      return;
    case DataType::kUint16:
      codes.mutable_data<uint16_t>()[index] = static_cast<uint16_t>(code);
      return;
    case DataType::kInt16:
      codes.mutable_data<int16_t>()[index] = static_cast<int16_t>(code);
      return;
    case DataType::kFloat8E4M3FN:
    case DataType::kFloat8E5M2:
      static_cast<uint8_t*>(codes.mutable_raw())[index] = static_cast<uint8_t>(code);
      return;
    default:
      QUANTD_CHECK(false);  // No format has another storage type.
  }
}

AffineCode ScalarCode(const IntFormat& format, const QuantParams& params) {
  AffineCode code{.scale = Tensor::Scalar<float>(params.scale), .zero_point = Tensor(format.storage, {})};
  SetCode(code.zero_point, 0, params.zero_point);
  return code;
}

}  // namespace quantd
