#include "worker/io/data/inflate.h"

#include <zlib.h>

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace quantd {
namespace {

constexpr size_t kChunkBytes = 1 << 20;
constexpr int kGzipWindow = 15 + 16;  // zlib: 32 KiB window, gzip wrapper.
constexpr int kRawWindow = -15;       // zlib: 32 KiB window, no wrapper.

absl::Status Damaged(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("compressed data is damaged: ", what));
}

struct Inflated {
  std::string content;
  bool ended = false;  // The compressed stream was complete.
  size_t unread = 0;   // Bytes after it.
};

// Inflates until the stream ends or `bytes_max` bytes are out. Output grows with what really comes
// out.
absl::StatusOr<Inflated> Inflate(absl::string_view input, int window, int64_t bytes_max) {
  z_stream stream = {};
  if (inflateInit2(&stream, window) != Z_OK) return absl::InternalError("zlib cannot start");
  Inflated result;
  size_t consumed = 0;
  int code = Z_OK;
  while (code == Z_OK) {
    const size_t have = result.content.size();
    const size_t room = std::min<uint64_t>(kChunkBytes, static_cast<uint64_t>(bytes_max) - have);
    result.content.resize(have + room);
    const size_t fed = std::min(kChunkBytes, input.size() - consumed);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data() + consumed));
    stream.avail_in = static_cast<uInt>(fed);
    // A full buffer still lets zlib read a trailer; it wants a valid pointer all the same.
    Bytef none = 0;
    stream.next_out = room == 0 ? &none : reinterpret_cast<Bytef*>(result.content.data() + have);
    stream.avail_out = static_cast<uInt>(room);
    code = inflate(&stream, Z_NO_FLUSH);
    consumed += fed - stream.avail_in;
    result.content.resize(have + room - stream.avail_out);
  }
  const std::string message = stream.msg == nullptr ? "" : stream.msg;
  inflateEnd(&stream);
  if (code != Z_STREAM_END && code != Z_BUF_ERROR) {
    return Damaged(message.empty() ? "bad stream" : message);
  }
  result.ended = code == Z_STREAM_END;
  result.unread = input.size() - consumed;
  return result;
}

}  // namespace

bool IsGzip(absl::string_view bytes) {
  return bytes.size() >= 2 && bytes[0] == '\x1f' && bytes[1] == '\x8b';
}

absl::StatusOr<std::string> GunzipPrefix(absl::string_view gzip, int64_t bytes_max) {
  absl::StatusOr<Inflated> inflated = Inflate(gzip, kGzipWindow, bytes_max);
  if (!inflated.ok()) return inflated.status();
  return std::move(inflated->content);
}

absl::StatusOr<std::string> Gunzip(absl::string_view gzip, int64_t bytes_max) {
  absl::StatusOr<Inflated> inflated = Inflate(gzip, kGzipWindow, bytes_max);
  if (!inflated.ok()) return inflated.status();
  if (!inflated->ended) {
    if (inflated->unread > 0) {
      return Damaged(absl::StrCat("it holds more than the ", bytes_max, " bytes expected"));
    }
    return Damaged("it is truncated");
  }
  if (inflated->unread > 0) {
    return Damaged(absl::StrCat(inflated->unread, " bytes follow its end"));
  }
  return std::move(inflated->content);
}

absl::StatusOr<std::string> InflateRaw(absl::string_view deflated, int64_t size) {
  if (size < 0 || size / kDeflateRatioMax > static_cast<int64_t>(deflated.size())) {
    return Damaged(absl::StrCat(deflated.size(), " bytes cannot hold ", size));
  }
  absl::StatusOr<Inflated> inflated = Inflate(deflated, kRawWindow, size);
  if (!inflated.ok()) return inflated.status();
  if (!inflated->ended || inflated->unread > 0 ||
      static_cast<int64_t>(inflated->content.size()) != size) {
    return Damaged(absl::StrCat("it does not hold exactly ", size, " bytes"));
  }
  return std::move(inflated->content);
}

}  // namespace quantd
