#include "server/blob/blob_errors.h"

#include "absl/strings/str_cat.h"
#include "common/digest.h"
#include "common/error.h"
#include "server/core/blob_store.h"

namespace quantd {

absl::Status BlobNotFound(absl::string_view digest) {
  // Text that is no digest may be anything, of any length.
  const bool well_formed = IsSha256Hex(digest);
  return MakeError(absl::StatusCode::kNotFound, "BLOB_NOT_FOUND",
                   well_formed ? absl::StrCat("there is no blob ", digest)
                               : "there is no such blob: the name is not a SHA-256 digest");
}

absl::Status UploadBusy(absl::string_view digest) {
  return MakeError(absl::StatusCode::kAborted, "UPLOAD_BUSY",
                   absl::StrCat("this upload of blob ", digest,
                                " is being written by another call; wait for its end or upload "
                                "under another id"));
}

absl::Status UploadTakenOver() {
  return MakeError(absl::StatusCode::kAborted, "UPLOAD_TAKEN_OVER",
                   "nothing came for this upload for a while, and another call has resumed it");
}

absl::Status BlobRemoved(absl::string_view digest) {
  return MakeError(
      absl::StatusCode::kAborted, "BLOB_REMOVED",
      absl::StrCat("blob ", digest, " was removed during the upload; upload it again"));
}

absl::Status WriterIsSpent() {
  return absl::FailedPreconditionError("the upload was finished or broke; open it again");
}

absl::Status SizeMismatch(int64_t announced_bytes, int64_t actual_bytes) {
  return MakeError(absl::StatusCode::kInvalidArgument, "SIZE_MISMATCH",
                   absl::StrCat("the blob was announced with ", announced_bytes, " bytes and has ",
                                actual_bytes));
}

absl::Status DigestMismatch(absl::string_view announced, absl::string_view actual) {
  return MakeError(absl::StatusCode::kInvalidArgument, "DIGEST_MISMATCH",
                   absl::StrCat("the blob was announced as ", announced, " and its bytes are ",
                                actual, "; upload it again from the start"));
}

absl::Status BytesDiffer(absl::string_view digest, int64_t offset) {
  return MakeError(absl::StatusCode::kInvalidArgument, "DIGEST_MISMATCH",
                   absl::StrCat("blob ", digest,
                                " is here already, and the bytes that were sent "
                                "for offset ",
                                offset, " are not its bytes"));
}

absl::Status CheckUpload(const std::string& digest, int64_t size_bytes) {
  if (!IsSha256Hex(digest)) {
    return InvalidField("INVALID_DIGEST", "digest",
                        "must be a SHA-256 digest of 64 lower-case hexadecimal digits");
  }
  if (size_bytes < 0) {
    return InvalidField("INVALID_SIZE", "size_bytes",
                        absl::StrCat("must not be negative, and is ", size_bytes));
  }
  if (size_bytes > BlobStore::kBlobBytesMax) {
    return InvalidField("INVALID_SIZE", "size_bytes",
                        absl::StrCat("is above ", BlobStore::kBlobBytesMax));
  }
  return absl::OkStatus();
}

absl::Status CheckAppend(int64_t offset, size_t length, int64_t committed_bytes,
                         int64_t size_bytes) {
  if (offset != committed_bytes) {
    ErrorDetails details;
    details.reason = "OFFSET_MISMATCH";
    details.metadata["committed_bytes"] = absl::StrCat(committed_bytes);
    return MakeError(
        absl::StatusCode::kOutOfRange,
        absl::StrCat("bytes at offset ", offset, " do not continue the upload, which has ",
                     committed_bytes, " bytes"),
        details);
  }
  if (length > static_cast<uint64_t>(size_bytes - committed_bytes)) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BLOB_TOO_LONG",
                     absl::StrCat("the blob was announced with ", size_bytes, " bytes; ", length,
                                  " more at offset ", offset, " are too many"));
  }
  return absl::OkStatus();
}

absl::Status CheckRead(int64_t offset, int64_t limit, int64_t size_bytes) {
  if (offset < 0 || offset > size_bytes) {
    return MakeError(
        absl::StatusCode::kOutOfRange, "READ_BEYOND_END",
        absl::StrCat("offset ", offset, " is outside of the blob's ", size_bytes, " bytes"));
  }
  if (limit < 0) {
    return InvalidField("INVALID_LIMIT", "limit",
                        absl::StrCat("must not be negative, and is ", limit));
  }
  return absl::OkStatus();
}

}  // namespace quantd
