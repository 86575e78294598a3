// The data of WriteBlob and ReadBlob as it travels: as it is, or as one zstd frame a message
// (RFC 8878). What arrives is not trusted: nothing is allocated beyond the limit of a message,
// whatever a frame claims.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "quantd/v1/artifact.pb.h"

namespace quantd {

// Decodes one message after the other; its memory is used again. Not thread-safe.
class BlobDecoder {
 public:
  explicit BlobDecoder(size_t bytes_max);
  ~BlobDecoder();

  // The bytes of `data`, which live until the next call or as long as `data`.
  //
  // INVALID_ARGUMENT, reason INVALID_ENCODING, for an unknown encoding, and for anything but
  // exactly one whole zstd frame that needs no dictionary, tells the size of its content, and
  // holds at most `bytes_max`; reason CHUNK_TOO_LONG for more than that unencoded.
  absl::StatusOr<absl::string_view> Decode(v1::BlobEncoding encoding, absl::string_view data);

 private:
  struct Context;
  const size_t bytes_max_;
  std::unique_ptr<Context> context_;
  std::string decoded_;
};

// Encodes one message after the other where that is worth it. Not thread-safe.
class BlobEncoder {
 public:
  BlobEncoder();
  ~BlobEncoder();

  // A zstd frame of `bytes` that is a quarter smaller at least; it lives until the next call.
  // Nothing where there is none: weights and pictures hardly shrink. After that the next messages
  // are not tried at all, so that such a blob costs little time.
  std::optional<absl::string_view> Encode(absl::string_view bytes);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
  std::string encoded_;
  int untried_ = 0;  // Messages that are let pass from here on.
};

}  // namespace quantd
