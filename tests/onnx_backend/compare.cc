#include "tests/onnx_backend/compare.h"

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/formats/convert_tensor.h"

namespace quantd::onnx_backend {
namespace {

absl::Status Differs(absl::string_view what) { return absl::DataLossError(what); }

bool Close(double expected, double actual) {
  if (std::isnan(expected) || std::isnan(actual)) return std::isnan(expected) && std::isnan(actual);
  if (std::isinf(expected) || std::isinf(actual)) return expected == actual;
  return std::fabs(actual - expected) <= kAbsoluteTolerance + kRelativeTolerance * std::fabs(expected);
}

template <typename T>
absl::Status ComparePlain(const Tensor& expected, const Tensor& actual) {
  const T* e = expected.data<T>();
  const T* a = actual.data<T>();
  for (int64_t i = 0; i < expected.size(); ++i) {
    if (Close(static_cast<double>(e[i]), static_cast<double>(a[i]))) continue;
    return Differs(absl::StrCat("element ", i, " is ", a[i], " instead of ", e[i]));
  }
  return absl::OkStatus();
}

absl::Status CompareStrings(const Tensor& expected, const Tensor& actual) {
  for (int64_t i = 0; i < expected.size(); ++i) {
    const std::string& e = expected.data<std::string>()[i];
    const std::string& a = actual.data<std::string>()[i];
    if (e != a) return Differs(absl::StrCat("element ", i, " is '", a, "' instead of '", e, "'"));
  }
  return absl::OkStatus();
}

absl::Status CompareSequences(const Tensor& expected, const Tensor& actual) {
  if (expected.element_dtype() != actual.element_dtype()) {
    return Differs(absl::StrCat("is a sequence of ", DataTypeName(actual.element_dtype()), " instead of ",
                                DataTypeName(expected.element_dtype())));
  }
  for (size_t i = 0; i < expected.elements().size(); ++i) {
    const absl::Status status = CompareValues(expected.elements()[i], actual.elements()[i]);
    if (!status.ok()) return Differs(absl::StrCat("element ", i, ": ", status.message()));
  }
  return absl::OkStatus();
}

absl::Status CompareHalves(const Tensor& expected, const Tensor& actual) {
  ASSIGN_OR_RETURN(const Tensor e, ToFloat32(expected));
  ASSIGN_OR_RETURN(const Tensor a, ToFloat32(actual));
  return ComparePlain<float>(e, a);
}

}  // namespace

absl::Status CompareValues(const Tensor& expected, const Tensor& actual) {
  if (expected.dtype() != actual.dtype() || expected.shape() != actual.shape()) {
    return Differs(absl::StrCat("is ", DataTypeName(actual.dtype()), ShapeString(actual.shape()),
                                " instead of ", DataTypeName(expected.dtype()),
                                ShapeString(expected.shape())));
  }
  switch (expected.dtype()) {
    case DataType::kNone: return absl::OkStatus();
    case DataType::kSequence: return CompareSequences(expected, actual);
    case DataType::kString: return CompareStrings(expected, actual);
    case DataType::kFloat: return ComparePlain<float>(expected, actual);
    case DataType::kDouble: return ComparePlain<double>(expected, actual);
    case DataType::kFloat16:
    case DataType::kBfloat16: return CompareHalves(expected, actual);
    case DataType::kUint8: return ComparePlain<uint8_t>(expected, actual);
    case DataType::kInt8: return ComparePlain<int8_t>(expected, actual);
    case DataType::kUint16: return ComparePlain<uint16_t>(expected, actual);
    case DataType::kInt16: return ComparePlain<int16_t>(expected, actual);
    case DataType::kUint32: return ComparePlain<uint32_t>(expected, actual);
    case DataType::kInt32: return ComparePlain<int32_t>(expected, actual);
    case DataType::kUint64: return ComparePlain<uint64_t>(expected, actual);
    case DataType::kInt64: return ComparePlain<int64_t>(expected, actual);
    case DataType::kBool: return ComparePlain<bool>(expected, actual);
    default: return Differs(absl::StrCat("cannot compare ", DataTypeName(expected.dtype())));
  }
}

}  // namespace quantd::onnx_backend
