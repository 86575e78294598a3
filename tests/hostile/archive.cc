#include "tests/hostile/archive.h"

#include <zlib.h>

#include <algorithm>

#include "common/check.h"

namespace quantd::hostile {
namespace {

constexpr size_t kChunkBytes = 1 << 16;
constexpr int kHeaderAndTrailer[] = {-15, 15 + 16, 15};  // zlib's window bits, by Wrapper.

std::string LittleEndian(uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text.push_back(static_cast<char>(value >> (8 * i)));
  return text;
}

uint32_t CrcOf(absl::string_view begin, int64_t zeros) {
  uLong crc = crc32_z(0, reinterpret_cast<const Bytef*>(begin.data()), begin.size());
  const std::string chunk(kChunkBytes, '\0');
  for (; zeros > 0; zeros -= static_cast<int64_t>(kChunkBytes)) {
    const auto size = std::min<size_t>(kChunkBytes, static_cast<size_t>(zeros));
    crc = crc32_z(crc, reinterpret_cast<const Bytef*>(chunk.data()), size);
  }
  return static_cast<uint32_t>(crc);
}

void Feed(z_stream& stream, absl::string_view input, int flush, std::string& out) {
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
  stream.avail_in = static_cast<uInt>(input.size());
  Bytef buffer[kChunkBytes];
  do {
    stream.next_out = buffer;
    stream.avail_out = sizeof(buffer);
    deflate(&stream, flush);
    out.append(reinterpret_cast<const char*>(buffer), sizeof(buffer) - stream.avail_out);
  } while (stream.avail_out == 0);
}

}  // namespace

std::string Le16(uint64_t value) { return LittleEndian(value, 2); }
std::string Le32(uint64_t value) { return LittleEndian(value, 4); }
std::string Le64(uint64_t value) { return LittleEndian(value, 8); }

std::string Be32(uint64_t value) {
  const std::string text = LittleEndian(value, 4);
  return {text.rbegin(), text.rend()};
}

std::string Deflated(absl::string_view begin, int64_t zeros, Wrapper wrapper) {
  z_stream stream = {};
  QUANTD_CHECK(deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED,
                            kHeaderAndTrailer[static_cast<int>(wrapper)], 9,
                            Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out;
  Feed(stream, begin, Z_NO_FLUSH, out);
  const std::string chunk(kChunkBytes, '\0');
  for (; zeros > 0; zeros -= static_cast<int64_t>(kChunkBytes)) {
    const auto size = std::min<size_t>(kChunkBytes, static_cast<size_t>(zeros));
    Feed(stream, absl::string_view(chunk).substr(0, size), Z_NO_FLUSH, out);
  }
  Feed(stream, "", Z_FINISH, out);
  deflateEnd(&stream);
  return out;
}

ZipMember Stored(const std::string& name, const std::string& content) {
  const auto size = static_cast<uint32_t>(content.size());
  return {.name = name,
          .packed = content,
          .crc = CrcOf(content, 0),
          .packed_bytes = size,
          .bytes = size};
}

ZipMember DeflatedMember(const std::string& name, const std::string& begin, int64_t zeros) {
  const std::string packed = Deflated(begin, zeros, Wrapper::kNone);
  return {.name = name,
          .packed = packed,
          .method = 8,
          .crc = CrcOf(begin, zeros),
          .packed_bytes = static_cast<uint32_t>(packed.size()),
          .bytes = static_cast<uint32_t>(static_cast<int64_t>(begin.size()) + zeros)};
}

std::string Zip(const std::vector<ZipMember>& members) {
  std::string locals, central;
  for (const ZipMember& m : members) {
    const std::string sizes =
        Le32(m.crc) + Le32(m.packed_bytes) + Le32(m.bytes) + Le16(m.name.size());
    const uint64_t offset =
        m.offset < 0 ? static_cast<uint64_t>(locals.size()) : static_cast<uint64_t>(m.offset);
    locals += "PK\3\4" + Le16(20) + Le16(m.flags) + Le16(m.method) + Le32(0) + sizes + Le16(0) +
              m.name + m.packed;
    central += "PK\1\2" + Le16(20) + Le16(20) + Le16(m.flags) + Le16(m.method) + Le32(0) + sizes +
               Le16(m.extra.size()) + Le16(0) + Le16(0) + Le16(0) + Le32(0) + Le32(offset) +
               m.name + m.extra;
  }
  return locals + central + "PK\5\6" + Le32(0) + Le16(members.size()) + Le16(members.size()) +
         Le32(central.size()) + Le32(locals.size()) + Le16(0);
}

}  // namespace quantd::hostile
