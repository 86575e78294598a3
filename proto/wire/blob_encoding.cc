#include "proto/wire/blob_encoding.h"

#include <zstd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/error.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

// The fastest of the ordinary levels: above it the processor is slower than most networks.
constexpr int kLevel = 1;
constexpr int kUntriedAfterMiss = 15;
constexpr absl::string_view kFrameStart = "\x28\xb5\x2f\xfd";  // RFC 8878, section 3.1.1.

absl::Status InvalidEncoding(absl::string_view problem) {
  return InvalidField("INVALID_ENCODING", "data", problem);
}

// The size of the content of a frame that is worth decoding.
absl::StatusOr<size_t> ContentSize(absl::string_view frame, size_t bytes_max) {
  // The library would also take frames that hold nothing but a comment, and those of its youth.
  if (!absl::StartsWith(frame, kFrameStart)) return InvalidEncoding("is no zstd frame");
  const unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (size == ZSTD_CONTENTSIZE_ERROR) return InvalidEncoding("is no zstd frame");
  if (size == ZSTD_CONTENTSIZE_UNKNOWN) {
    return InvalidEncoding("is a zstd frame that does not tell the size of its content");
  }
  if (size > bytes_max) {
    return InvalidEncoding(absl::StrCat("is a zstd frame of ", size, " bytes; a message holds ",
                                        bytes_max, " at most"));
  }
  const size_t length = ZSTD_findFrameCompressedSize(frame.data(), frame.size());
  if (ZSTD_isError(length)) return InvalidEncoding("is a zstd frame that is cut or damaged");
  if (length != frame.size()) return InvalidEncoding("has something behind its zstd frame");
  if (ZSTD_getDictID_fromFrame(frame.data(), frame.size()) != 0) {
    return InvalidEncoding("is a zstd frame that needs a dictionary");
  }
  return static_cast<size_t>(size);
}

}  // namespace

struct BlobDecoder::Context {
  ZSTD_DCtx* zstd = ZSTD_createDCtx();
  ~Context() { ZSTD_freeDCtx(zstd); }
};

BlobDecoder::BlobDecoder(size_t bytes_max) : bytes_max_(bytes_max) {}
BlobDecoder::~BlobDecoder() = default;

absl::StatusOr<absl::string_view> BlobDecoder::Decode(v1::BlobEncoding encoding,
                                                      absl::string_view data) {
  if (encoding == v1::IDENTITY) {
    if (data.size() <= bytes_max_) return data;
    return InvalidField("CHUNK_TOO_LONG", "data",
                        absl::StrCat("has more than ", bytes_max_, " bytes"));
  }
  if (encoding != v1::ZSTD) {
    return InvalidField("INVALID_ENCODING", "encoding", "is neither IDENTITY nor ZSTD");
  }
  ASSIGN_OR_RETURN(const size_t size, ContentSize(data, bytes_max_));
  if (context_ == nullptr) context_ = std::make_unique<Context>();
  QUANTD_CHECK(context_->zstd != nullptr);
  decoded_.resize(size);
  const size_t got = ZSTD_decompressDCtx(context_->zstd, decoded_.data(), decoded_.size(),
                                         data.data(), data.size());
  if (ZSTD_isError(got) || got != size) return InvalidEncoding("is a zstd frame that is damaged");
  return absl::string_view(decoded_);
}

struct BlobEncoder::Context {
  ZSTD_CCtx* zstd = ZSTD_createCCtx();
  ~Context() { ZSTD_freeCCtx(zstd); }
};

BlobEncoder::BlobEncoder() = default;
BlobEncoder::~BlobEncoder() = default;

std::optional<absl::string_view> BlobEncoder::Encode(absl::string_view bytes) {
  if (bytes.empty()) return std::nullopt;
  if (untried_ > 0) {
    --untried_;
    return std::nullopt;
  }
  if (context_ == nullptr) context_ = std::make_unique<Context>();
  QUANTD_CHECK(context_->zstd != nullptr);
  encoded_.resize(ZSTD_compressBound(bytes.size()));
  const size_t length = ZSTD_compressCCtx(context_->zstd, encoded_.data(), encoded_.size(),
                                          bytes.data(), bytes.size(), kLevel);
  QUANTD_CHECK(!ZSTD_isError(length));
  if (length <= bytes.size() / 4 * 3) return absl::string_view(encoded_.data(), length);
  untried_ = kUntriedAfterMiss;
  return std::nullopt;
}

}  // namespace quantd
