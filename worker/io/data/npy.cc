#include "worker/io/data/npy.h"

#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/io/data/array_limits.h"
#include "worker/io/data/byte_reader.h"

namespace quantd {
namespace {

constexpr absl::string_view kMagic("\x93NUMPY", 6);
constexpr size_t kHeaderBytesMax = 1 << 16;

absl::Status Bad(absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("not a readable .npy array: ", problem));
}

struct Header {
  DataType dtype = DataType::kUndefined;
  bool big_endian = false;
  bool fortran_order = false;
  Shape shape;
};

absl::Status ParseDescr(absl::string_view descr, Header& header) {
  struct Entry {
    absl::string_view code;
    DataType dtype;
  };
  static constexpr Entry kEntries[] = {
      {"f2", DataType::kFloat16}, {"f4", DataType::kFloat},  {"f8", DataType::kDouble},
      {"u1", DataType::kUint8},   {"u2", DataType::kUint16}, {"u4", DataType::kUint32},
      {"u8", DataType::kUint64},  {"i1", DataType::kInt8},   {"i2", DataType::kInt16},
      {"i4", DataType::kInt32},   {"i8", DataType::kInt64},  {"b1", DataType::kBool}};
  if (descr.size() == 3) {
    for (const Entry& entry : kEntries) {
      if (descr.substr(1) != entry.code) continue;
      // NumPy writes '|' exactly where byte order has no meaning.
      const bool one_byte = SizeOf(entry.dtype) == 1;
      if (one_byte ? descr[0] != '|' : (descr[0] != '<' && descr[0] != '>')) break;
      header.dtype = entry.dtype;
      header.big_endian = descr[0] == '>';
      return absl::OkStatus();
    }
  }
  return Bad(
      absl::StrCat("element type '", descr, "' is not one of f2 f4 f8 u1 u2 u4 u8 i1 i2 i4 i8 b1"));
}

// The subset of Python literals that NumPy writes into the header.
class HeaderParser {
 public:
  explicit HeaderParser(absl::string_view text) : text_(text) {}

  absl::StatusOr<Header> Parse() {
    Header header;
    bool has_descr = false, has_order = false, has_shape = false;
    if (!Take('{')) return Bad("the header is not a dictionary");
    while (!Take('}')) {
      const std::optional<absl::string_view> key = Quoted();
      if (!key.has_value() || !Take(':')) return Bad("the header's keys are malformed");
      bool* seen = *key == "descr"           ? &has_descr
                   : *key == "fortran_order" ? &has_order
                   : *key == "shape"         ? &has_shape
                                             : nullptr;
      if (seen == nullptr || *seen) return Bad("the header has an unknown or repeated key");
      *seen = true;
      if (seen == &has_descr) {
        const std::optional<absl::string_view> descr = Quoted();
        if (!descr.has_value()) return Bad("records and other compound elements are not read");
        RETURN_IF_ERROR(ParseDescr(*descr, header));
      } else if (seen == &has_order) {
        header.fortran_order = Word("True");
        if (!header.fortran_order && !Word("False"))
          return Bad("fortran_order is not a truth value");
      } else if (!ShapeTuple(header.shape)) {
        return Bad("the shape is not a tuple of up to eight sizes");
      }
      if (!Take(',')) {
        if (!Take('}')) return Bad("the header's dictionary does not end");
        break;
      }
    }
    Spaces();
    if (at_ < text_.size() && text_[at_] == '\n') ++at_;
    if (at_ != text_.size()) return Bad("text follows the header's dictionary");
    if (!has_descr || !has_order || !has_shape) return Bad("the header lacks a key");
    return header;
  }

 private:
  void Spaces() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool Take(char c) {
    Spaces();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool Word(absl::string_view word) {
    Spaces();
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  std::optional<absl::string_view> Quoted() {
    Spaces();
    if (at_ >= text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) return std::nullopt;
    const size_t end = text_.find(text_[at_], at_ + 1);
    if (end == absl::string_view::npos) return std::nullopt;
    const absl::string_view content = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return content;
  }
  bool Size(int64_t& size) {
    Spaces();
    const size_t begin = at_;
    size = 0;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      if (__builtin_mul_overflow(size, int64_t{10}, &size) ||
          __builtin_add_overflow(size, int64_t{text_[at_] - '0'}, &size)) {
        return false;
      }
    }
    return at_ > begin;
  }
  bool ShapeTuple(Shape& shape) {
    if (!Take('(')) return false;
    while (!Take(')')) {
      int64_t size = 0;
      if (shape.size() == kArrayRankMax || !Size(size)) return false;
      shape.push_back(size);
      if (Take(',')) continue;
      return shape.size() > 1 && Take(')');  // "(3)" is a number in Python, "(3,)" a tuple.
    }
    return true;
  }

  absl::string_view text_;
  size_t at_ = 0;
};

// Column-major `source` into row-major `target`: walks the target and steps through the source.
void TransposeFromFortran(const char* source, const Shape& shape, size_t width, char* target) {
  const size_t rank = shape.size();
  std::vector<int64_t> stride(rank), index(rank, 0);
  int64_t count = 1;
  for (size_t i = 0; i < rank; ++i) {
    stride[i] = count;
    count *= shape[i];
  }
  int64_t offset = 0;
  for (int64_t n = 0; n < count; ++n) {
    std::memcpy(target + static_cast<size_t>(n) * width,
                source + static_cast<size_t>(offset) * width, width);
    for (size_t axis = rank; axis-- > 0;) {
      offset += stride[axis];
      if (++index[axis] < shape[axis]) break;
      offset -= stride[axis] * shape[axis];
      index[axis] = 0;
    }
  }
}

}  // namespace

absl::StatusOr<Tensor> ParseNpy(absl::string_view bytes) {
  if (bytes.substr(0, kMagic.size()) != kMagic) return Bad("it does not start with \\x93NUMPY");
  if (bytes.size() < 12) return Bad("it is truncated");
  const int major = static_cast<unsigned char>(bytes[6]);
  if (major < 1 || major > 3 || bytes[7] != 0) return Bad("its version is not 1.0, 2.0 or 3.0");
  const size_t preamble = major == 1 ? 10 : 12;
  const size_t header_bytes =
      major == 1 ? LittleEndianAt<uint16_t>(bytes, 8) : LittleEndianAt<uint32_t>(bytes, 8);
  if (header_bytes > kHeaderBytesMax) return Bad("its header is longer than 65536 bytes");
  if (header_bytes > bytes.size() - preamble) return Bad("it is truncated");

  ASSIGN_OR_RETURN(const Header header, HeaderParser(bytes.substr(preamble, header_bytes)).Parse());
  ASSIGN_OR_RETURN(const int64_t size, CheckedArrayBytes(header.shape, header.dtype));
  const absl::string_view data = bytes.substr(preamble + header_bytes);
  if (static_cast<int64_t>(data.size()) != size) {
    return Bad(absl::StrCat("shape ", ShapeString(header.shape), " takes ", size, " bytes, but ",
                            data.size(), " follow the header"));
  }

  const size_t width = SizeOf(header.dtype);
  Tensor tensor(header.dtype, header.shape);
  auto* target = static_cast<char*>(tensor.mutable_raw());
  if (size > 0 && header.fortran_order && header.shape.size() > 1) {
    TransposeFromFortran(data.data(), header.shape, width, target);
  } else if (size > 0) {
    std::memcpy(target, data.data(), data.size());
  }
  if (header.big_endian) SwapByteOrder(target, tensor.size(), width);
  if (header.dtype == DataType::kBool) {
    for (const char value : data) {
      if (value != 0 && value != 1) return Bad("a truth value is neither 0 nor 1");
    }
  }
  return tensor;
}

}  // namespace quantd
