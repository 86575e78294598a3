#include "worker/io/data/image.h"

#include "absl/strings/match.h"

namespace quantd {

absl::StatusOr<Image> DecodeImage(absl::string_view bytes) {
  if (absl::StartsWith(bytes, "\xff\xd8\xff")) return DecodeJpeg(bytes);
  if (absl::StartsWith(bytes, "\x89PNG")) return DecodePng(bytes);
  return absl::InvalidArgumentError("neither a JPEG nor a PNG image");
}

}  // namespace quantd
