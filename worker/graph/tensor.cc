#include "worker/graph/tensor.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/error.h"

namespace quantd {

int BitsOf(DataType type) {
  switch (type) {
    case DataType::kUint2:
    case DataType::kInt2:
      return 2;
    case DataType::kUint4:
    case DataType::kInt4:
    case DataType::kFloat4E2M1:
      return 4;
    case DataType::kUint8:
    case DataType::kInt8:
    case DataType::kBool:
    case DataType::kFloat8E4M3FN:
    case DataType::kFloat8E4M3FNUZ:
    case DataType::kFloat8E5M2:
    case DataType::kFloat8E5M2FNUZ:
      return 8;
    case DataType::kUint16:
    case DataType::kInt16:
    case DataType::kFloat16:
    case DataType::kBfloat16:
      return 16;
    case DataType::kFloat:
    case DataType::kInt32:
    case DataType::kUint32:
      return 32;
    case DataType::kInt64:
    case DataType::kUint64:
    case DataType::kDouble:
      return 64;
    default:
      return 0;
  }
}

size_t SizeOf(DataType type) { return static_cast<size_t>(BitsOf(type) / 8); }

size_t BytesFor(DataType type, int64_t count) {
  // At most 2^33 elements of 64 bits: no overflow.
  return (static_cast<size_t>(count) * static_cast<size_t>(BitsOf(type)) + 7) / 8;
}

std::string DataTypeName(DataType type) {
  switch (type) {
    case DataType::kNone: return "an absent optional value";
    case DataType::kSequence: return "a sequence";
    case DataType::kUndefined: return "undefined";
    case DataType::kFloat: return "float";
    case DataType::kUint8: return "uint8";
    case DataType::kInt8: return "int8";
    case DataType::kUint16: return "uint16";
    case DataType::kInt16: return "int16";
    case DataType::kInt32: return "int32";
    case DataType::kInt64: return "int64";
    case DataType::kString: return "string";
    case DataType::kBool: return "bool";
    case DataType::kFloat16: return "float16";
    case DataType::kDouble: return "double";
    case DataType::kUint32: return "uint32";
    case DataType::kUint64: return "uint64";
    case DataType::kBfloat16: return "bfloat16";
    case DataType::kFloat8E4M3FN: return "float8e4m3fn";
    case DataType::kFloat8E4M3FNUZ: return "float8e4m3fnuz";
    case DataType::kFloat8E5M2: return "float8e5m2";
    case DataType::kFloat8E5M2FNUZ: return "float8e5m2fnuz";
    case DataType::kUint4: return "uint4";
    case DataType::kInt4: return "int4";
    case DataType::kFloat4E2M1: return "float4e2m1";
    case DataType::kUint2: return "uint2";
    case DataType::kInt2: return "int2";
  }
  return absl::StrCat("type ", static_cast<int32_t>(type));
}

absl::StatusOr<int64_t> CheckedElementCount(const Shape& shape, int64_t limit) {
  if (shape.size() > static_cast<size_t>(kTensorRankMax)) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_SHAPE",
                     absl::StrCat("shape ", ShapeString(shape), " has more than ", kTensorRankMax,
                                  " axes"));
  }
  int64_t count = 1;
  bool empty = false;
  for (const int64_t extent : shape) {
    if (extent < 0) {
      return MakeError(absl::StatusCode::kInvalidArgument, "BAD_SHAPE",
                       absl::StrCat("shape ", ShapeString(shape), " has a negative extent"));
    }
    if (extent == 0) {
      empty = true;
      continue;
    }
    if (__builtin_mul_overflow(count, extent, &count) || count > limit) {
      return MakeError(absl::StatusCode::kInvalidArgument, "BAD_SHAPE",
                       absl::StrCat("shape ", ShapeString(shape), " has more than ", limit,
                                    " elements"));
    }
  }
  return empty ? 0 : count;
}

std::string ShapeString(const Shape& shape) {
  constexpr std::ptrdiff_t kShown = 8;
  if (shape.size() <= static_cast<size_t>(kTensorRankMax)) {
    return absl::StrCat("[", absl::StrJoin(shape, ","), "]");
  }
  return absl::StrCat("[", absl::StrJoin(shape.begin(), shape.begin() + kShown, ","), ",...] (",
                      shape.size(), " axes)");
}

namespace {

class Heap final : public TensorMemory {
 public:
  std::shared_ptr<void> Allocate(size_t bytes) override {
    // 64 bytes: one cache line, and the widest vector that oneDNN loads.
    const size_t rounded = std::max<size_t>((bytes + 63) / 64 * 64, 64);
    void* const storage = std::aligned_alloc(64, rounded);
    return storage == nullptr ? nullptr : std::shared_ptr<void>(storage, &std::free);
  }
};

// The same memory, holding empty strings until its last owner goes.
std::shared_ptr<void> WithStrings(std::shared_ptr<void> storage, size_t count) {
  auto* const strings = static_cast<std::string*>(storage.get());
  std::uninitialized_default_construct_n(strings, count);
  return std::shared_ptr<void>(
      strings, [storage = std::move(storage), count](void* p) { std::destroy_n(static_cast<std::string*>(p), count); });
}

}  // namespace

TensorMemory& HeapMemory() {
  static Heap* const kHeap = new Heap();
  return *kHeap;
}

Tensor::Tensor(DataType dtype, Shape shape) {
  *this = Uninitialized(dtype, std::move(shape));
  std::memset(mutable_raw(), 0, bytes());
}

absl::StatusOr<Tensor> Tensor::Make(DataType dtype, Shape shape, TensorMemory& memory) {
  const absl::StatusOr<int64_t> count = CheckedElementCount(shape);
  if (!count.ok()) return count.status();
  if (BitsOf(dtype) == 0 && dtype != DataType::kString) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_SHAPE",
                     absl::StrCat("elements of type ", DataTypeName(dtype), " have no size"));
  }
  Tensor tensor;
  tensor.dtype_ = dtype;
  tensor.shape_ = std::move(shape);
  tensor.size_ = *count;
  const bool is_string = dtype == DataType::kString;
  const auto elements = static_cast<size_t>(*count);
  const size_t bytes = is_string ? elements * sizeof(std::string) : tensor.bytes();
  std::shared_ptr<void> storage = memory.Allocate(bytes);
  if (storage == nullptr) {
    return MakeError(absl::StatusCode::kResourceExhausted, "OUT_OF_MEMORY",
                     absl::StrCat("no memory for the ", bytes, " bytes of ", DataTypeName(dtype),
                                  ShapeString(tensor.shape_)));
  }
  if (is_string) storage = WithStrings(std::move(storage), elements);
  tensor.data_ = storage.get();
  tensor.owner_ = std::move(storage);
  tensor.writable_ = true;
  return tensor;
}

Tensor Tensor::Uninitialized(DataType dtype, Shape shape, TensorMemory& memory) {
  absl::StatusOr<Tensor> tensor = Make(dtype, std::move(shape), memory);
  QUANTD_CHECK(tensor.ok());
  return *std::move(tensor);
}

namespace {

struct SequenceStorage {
  DataType element_dtype;
  std::vector<Tensor> elements;
};

}  // namespace

Tensor Tensor::Sequence(DataType element_dtype, std::vector<Tensor> elements) {
  auto storage = std::make_shared<SequenceStorage>();
  storage->element_dtype = element_dtype;
  storage->elements = std::move(elements);
  for (const Tensor& element : storage->elements) QUANTD_CHECK(element.dtype() == element_dtype);
  Tensor sequence;
  sequence.dtype_ = DataType::kSequence;
  sequence.size_ = static_cast<int64_t>(storage->elements.size());
  sequence.shape_ = {sequence.size_};
  sequence.data_ = storage.get();
  sequence.owner_ = std::move(storage);
  return sequence;
}

Tensor Tensor::None() {
  Tensor none;
  none.dtype_ = DataType::kNone;
  return none;
}

const std::vector<Tensor>& Tensor::elements() const {
  QUANTD_CHECK(is_sequence());
  return static_cast<const SequenceStorage*>(data_)->elements;
}

DataType Tensor::element_dtype() const {
  QUANTD_CHECK(is_sequence());
  return static_cast<const SequenceStorage*>(data_)->element_dtype;
}

Tensor Tensor::View(DataType dtype, Shape shape, const void* bytes,
                    std::shared_ptr<const void> owner) {
  Tensor tensor;
  tensor.dtype_ = dtype;
  tensor.shape_ = std::move(shape);
  const absl::StatusOr<int64_t> count = CheckedElementCount(tensor.shape_);
  QUANTD_CHECK(count.ok() && BitsOf(dtype) > 0);
  tensor.size_ = *count;
  tensor.data_ = bytes;
  tensor.owner_ = std::move(owner);
  return tensor;
}

Tensor Tensor::Reshaped(Shape shape) const {
  const absl::StatusOr<int64_t> count = CheckedElementCount(shape);
  QUANTD_CHECK(count.ok() && *count == size_);
  Tensor tensor = *this;
  tensor.shape_ = std::move(shape);
  return tensor;
}

Tensor Tensor::Rows(int64_t begin, int64_t count) const {
  QUANTD_CHECK(is_array() && !IsPacked(dtype_) && rank() >= 1 && begin >= 0 && count >= 0 && begin + count <= shape_[0]);
  Tensor tensor = *this;
  const int64_t row = shape_[0] == 0 ? 0 : size_ / shape_[0];
  tensor.shape_[0] = count;
  tensor.size_ = row * count;
  const size_t element = dtype_ == DataType::kString ? sizeof(std::string) : SizeOf(dtype_);
  tensor.data_ = static_cast<const char*>(data_) + static_cast<size_t>(row * begin) * element;
  return tensor;
}

bool IdenticalTensors(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) return false;
  if (a.dtype() == DataType::kString) {
    return std::equal(a.data<std::string>(), a.data<std::string>() + a.size(), b.data<std::string>());
  }
  if (a.is_sequence()) {
    return a.element_dtype() == b.element_dtype() &&
           std::equal(a.elements().begin(), a.elements().end(), b.elements().begin(), IdenticalTensors);
  }
  return a.bytes() == 0 || std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

}  // namespace quantd
