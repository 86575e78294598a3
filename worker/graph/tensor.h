// An n-dimensional array in row-major order with shared, 64-byte aligned storage. Copying a Tensor
// shares its bytes; they are never written once the tensor is shared between threads.
//
// Two more kinds of value travel as a Tensor, told by the element type: a sequence of tensors, and an optional value
// that is not there. They have no bytes; only code that asks for them meets them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/check.h"
#include "worker/graph/tensor_memory.h"

namespace quantd {

// Element types, with the numbers of onnx.TensorProto.DataType; below zero what is no array.
enum class DataType : int32_t {
  kNone = -2,      // An optional value that is not there.
  kSequence = -1,
  kUndefined = 0,
  kFloat = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
  kDouble = 11,
  kUint32 = 12,
  kUint64 = 13,
  kBfloat16 = 16,
  kFloat8E4M3FN = 17,
  kFloat8E4M3FNUZ = 18,
  kFloat8E5M2 = 19,
  kFloat8E5M2FNUZ = 20,
  kUint4 = 21,
  kInt4 = 22,
  kFloat4E2M1 = 23,
  kUint2 = 25,
  kInt2 = 26,
};

// Bits of one element; 0 for kUndefined, kString, what is no array, and types that we do not know.
int BitsOf(DataType type);
// Whether several elements share a byte: the first in its low bits, and unused bits at the end are 0.
inline bool IsPacked(DataType type) { return BitsOf(type) > 0 && BitsOf(type) < 8; }
// Bytes of one element; 0 for packed types and where BitsOf is 0.
size_t SizeOf(DataType type);
// Bytes of `count` elements, rounded up to whole ones. REQUIRES: 0 <= count <= kTensorElementsMax.
size_t BytesFor(DataType type, int64_t count);
// "float", "int64", ... as ONNX spells them; "type 99" for an unknown one.
std::string DataTypeName(DataType type);

template <typename T>
struct DataTypeOf;
template <> struct DataTypeOf<float> { static constexpr DataType value = DataType::kFloat; };
template <> struct DataTypeOf<double> { static constexpr DataType value = DataType::kDouble; };
template <> struct DataTypeOf<uint8_t> { static constexpr DataType value = DataType::kUint8; };
template <> struct DataTypeOf<int8_t> { static constexpr DataType value = DataType::kInt8; };
template <> struct DataTypeOf<uint16_t> { static constexpr DataType value = DataType::kUint16; };
template <> struct DataTypeOf<int16_t> { static constexpr DataType value = DataType::kInt16; };
template <> struct DataTypeOf<int32_t> { static constexpr DataType value = DataType::kInt32; };
template <> struct DataTypeOf<int64_t> { static constexpr DataType value = DataType::kInt64; };
template <> struct DataTypeOf<uint32_t> { static constexpr DataType value = DataType::kUint32; };
template <> struct DataTypeOf<uint64_t> { static constexpr DataType value = DataType::kUint64; };
template <> struct DataTypeOf<std::string> { static constexpr DataType value = DataType::kString; };
template <> struct DataTypeOf<bool> { static constexpr DataType value = DataType::kBool; };

// Extents, outermost first. A scalar has none.
using Shape = std::vector<int64_t>;

// The number of elements, or INVALID_ARGUMENT for more than kTensorRankMax axes, a negative extent, or
// a product above `limit`. Extents of 0 do not hide the others: their product is bounded too.
inline constexpr int64_t kTensorElementsMax = int64_t{1} << 33;
inline constexpr int kTensorRankMax = 64;
absl::StatusOr<int64_t> CheckedElementCount(const Shape& shape,
                                            int64_t limit = kTensorElementsMax);
// "[2,3]"; "[]" for a scalar. Beyond kTensorRankMax axes only the first ones, and how many there are.
std::string ShapeString(const Shape& shape);

class Tensor {
 public:
  // No tensor: dtype kUndefined, no bytes.
  Tensor() = default;

  // Zeros, or empty strings. REQUIRES: every extent >= 0, their product within kTensorElementsMax, and kString or a
  // type of known size. For extents from outside call CheckedElementCount first.
  Tensor(DataType dtype, Shape shape);

  // Storage of unspecified content from `memory`; every element is to be written. For extents from outside:
  // INVALID_ARGUMENT, reason BAD_SHAPE, for what the constructor must not get; RESOURCE_EXHAUSTED, reason
  // OUT_OF_MEMORY, when `memory` has no more.
  static absl::StatusOr<Tensor> Make(DataType dtype, Shape shape, TensorMemory& memory = HeapMemory());

  // The same. REQUIRES: as the constructor, and that there is memory.
  static Tensor Uninitialized(DataType dtype, Shape shape, TensorMemory& memory = HeapMemory());

  // Copies `values`. REQUIRES: values.size() is the shape's element count.
  template <typename T>
  static Tensor Of(Shape shape, const std::vector<T>& values) {
    Tensor tensor(DataTypeOf<T>::value, std::move(shape));
    QUANTD_CHECK(static_cast<int64_t>(values.size()) == tensor.size());
    T* data = tensor.mutable_data<T>();
    for (size_t i = 0; i < values.size(); ++i) data[i] = values[i];
    return tensor;
  }
  template <typename T>
  static Tensor Scalar(T value) {
    return Of<T>({}, std::vector<T>{value});
  }

  // A tensor over bytes that somebody else owns, kept alive by `owner` (a memory-mapped file, say).
  static Tensor View(DataType dtype, Shape shape, const void* bytes,
                     std::shared_ptr<const void> owner);

  // A sequence of tensors of one element type. REQUIRES: `elements` have it.
  static Tensor Sequence(DataType element_dtype, std::vector<Tensor> elements);
  // An optional value that is not there.
  static Tensor None();

  bool defined() const { return dtype_ != DataType::kUndefined; }
  bool is_sequence() const { return dtype_ == DataType::kSequence; }
  // Neither a sequence nor an absent value.
  bool is_array() const { return static_cast<int32_t>(dtype_) > 0; }
  DataType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  int64_t dim(size_t axis) const { return shape_[axis]; }
  size_t rank() const { return shape_.size(); }
  int64_t size() const { return size_; }
  // Of the elements; 0 where BitsOf() is, so for strings and sequences.
  size_t bytes() const { return BytesFor(dtype_, size_); }

  const void* raw() const { return data_; }
  // REQUIRES: storage made by this class (not a View) and not shared with another thread.
  void* mutable_raw() {
    QUANTD_CHECK(writable_);
    return const_cast<void*>(data_);
  }

  // Whether nobody else holds these bytes, so that they may be written over. Not for tensors that threads share.
  bool IsSoleOwner() const { return writable_ && owner_.use_count() == 1; }

  // REQUIRES: T is the element type. Types that C++ lacks (16 bits of floating point and less, packed integers) are
  // read from raw() by the functions of worker/formats.
  template <typename T>
  const T* data() const {
    QUANTD_CHECK(DataTypeOf<T>::value == dtype_);
    return static_cast<const T*>(data_);
  }
  template <typename T>
  T* mutable_data() {
    QUANTD_CHECK(DataTypeOf<T>::value == dtype_);
    return static_cast<T*>(mutable_raw());
  }

  // Of a sequence; its shape is [number of elements]. REQUIRES: is_sequence().
  const std::vector<Tensor>& elements() const;
  DataType element_dtype() const;

  // The same bytes under another shape. REQUIRES: equal element counts.
  Tensor Reshaped(Shape shape) const;

  // Rows [begin, begin + count) of the outermost axis, sharing the bytes. REQUIRES: rank >= 1, in range,
  // a type that is not packed.
  Tensor Rows(int64_t begin, int64_t count) const;

 private:
  DataType dtype_ = DataType::kUndefined;
  Shape shape_;
  int64_t size_ = 0;
  const void* data_ = nullptr;
  bool writable_ = false;
  std::shared_ptr<const void> owner_;
};

// Whether both hold the same type, shape and bytes (strings, elements).
bool IdenticalTensors(const Tensor& a, const Tensor& b);

}  // namespace quantd
