#include "worker/io/data/idx.h"

#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/io/data/array_limits.h"
#include "worker/io/data/byte_reader.h"
#include "worker/io/data/inflate.h"

namespace quantd {
namespace {

constexpr size_t kHeaderBytesMax = 4 + 4 * kArrayRankMax;

absl::Status Bad(absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("not a readable IDX file: ", problem));
}

struct Header {
  DataType dtype = DataType::kUndefined;
  Shape shape;
  size_t header_bytes = 0;
  int64_t data_bytes = 0;
};

DataType ElementType(unsigned char code) {
  switch (code) {
    case 0x08:
      return DataType::kUint8;
    case 0x09:
      return DataType::kInt8;
    case 0x0b:
      return DataType::kInt16;
    case 0x0c:
      return DataType::kInt32;
    case 0x0d:
      return DataType::kFloat;
    case 0x0e:
      return DataType::kDouble;
    default:
      return DataType::kUndefined;
  }
}

absl::StatusOr<Header> ParseHeader(absl::string_view bytes) {
  if (bytes.size() < 4) return Bad("it is truncated");
  Header header;
  header.dtype = ElementType(static_cast<unsigned char>(bytes[2]));
  const size_t rank = static_cast<unsigned char>(bytes[3]);
  if (bytes[0] != 0 || bytes[1] != 0 || header.dtype == DataType::kUndefined || rank == 0 ||
      rank > kArrayRankMax) {
    return Bad(absl::StrCat("magic number ", absl::Hex(BigEndian32At(bytes, 0), absl::kZeroPad8)));
  }
  header.header_bytes = 4 + 4 * rank;
  if (bytes.size() < header.header_bytes) return Bad("it is truncated");
  for (size_t axis = 0; axis < rank; ++axis) {
    header.shape.push_back(BigEndian32At(bytes, 4 + 4 * axis));
  }
  ASSIGN_OR_RETURN(header.data_bytes, CheckedArrayBytes(header.shape, header.dtype));
  return header;
}

}  // namespace

absl::StatusOr<Tensor> ParseIdx(absl::string_view bytes) {
  std::string inflated;
  if (IsGzip(bytes)) {
    // The header alone first: it says how much may follow.
    ASSIGN_OR_RETURN(const std::string prefix, GunzipPrefix(bytes, kHeaderBytesMax));
    ASSIGN_OR_RETURN(const Header header, ParseHeader(prefix));
    RETURN_IF_ERROR(CheckUnpackRatio(static_cast<int64_t>(bytes.size()), header.data_bytes));
    ASSIGN_OR_RETURN(inflated, Gunzip(bytes, header.header_bytes + header.data_bytes));
    bytes = inflated;
  }
  ASSIGN_OR_RETURN(const Header header, ParseHeader(bytes));
  bytes.remove_prefix(header.header_bytes);
  if (static_cast<int64_t>(bytes.size()) != header.data_bytes) {
    return Bad(absl::StrCat("extents ", ShapeString(header.shape), " take ", header.data_bytes,
                            " bytes, but ", bytes.size(), " follow the header"));
  }
  Tensor tensor(header.dtype, header.shape);
  if (!bytes.empty()) {
    std::memcpy(tensor.mutable_raw(), bytes.data(), bytes.size());
    SwapByteOrder(tensor.mutable_raw(), tensor.size(), SizeOf(header.dtype));
  }
  return tensor;
}

}  // namespace quantd
