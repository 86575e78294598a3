// What Transfer needs of a server's blob store. GrpcBlobApi speaks to a real one.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace quantd {

// One upload as the server knows it.
struct BlobUpload {
  std::string digest;
  int64_t size_bytes = 0;
  std::string upload_id;  // Chosen by the client; names the upload when it is resumed.
};

struct UploadProgress {
  int64_t committed_bytes = 0;  // Durable on the server.
  bool complete = false;        // The blob exists.
};

class BlobApi {
 public:
  virtual ~BlobApi() = default;

  // REQUIRES: at most 10,000 digests.
  virtual absl::StatusOr<std::vector<std::string>> FindMissingBlobs(
      const std::vector<std::string>& digests) = 0;

  virtual absl::StatusOr<UploadProgress> QueryWriteStatus(const BlobUpload& upload) = 0;

  // Sends the bytes from `offset` to the end, in one stream. `read(offset, buffer)` fills `buffer`
  // with at most its size's bytes from `offset` and returns how many. OK when the server holds the
  // whole blob durably.
  using Reader = std::function<absl::StatusOr<size_t>(int64_t offset, std::string& buffer)>;
  virtual absl::Status WriteBlob(const BlobUpload& upload, int64_t offset, const Reader& read) = 0;

  // Receives the bytes from `offset` to the end. An error of `sink` ends the stream and is
  // returned.
  using Sink = std::function<absl::Status(absl::string_view bytes)>;
  virtual absl::Status ReadBlob(const std::string& digest, int64_t offset, const Sink& sink) = 0;
};

}  // namespace quantd
