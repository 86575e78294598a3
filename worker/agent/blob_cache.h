// Input blobs on the worker's disk, by digest, shared by its jobs. Not thread-safe: one lease loop owns it.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "quantd/v1/spec.pb.h"

namespace quantd {

class ServerConnection;

class BlobCache {
 public:
  // Keeps at most `bytes_max`, least recently used first out. `server` is borrowed.
  BlobCache(std::string folder, int64_t bytes_max, ServerConnection* server);

  // Puts the blob at `path` as a hard link, downloading it when it is not in the cache.
  absl::Status Link(const std::string& tenant, const v1::FileRef& file, const std::string& path);

  // Deletes the least recently used blobs above the limit. Links that jobs hold stay valid.
  absl::Status Trim();

 private:
  std::string folder_;
  int64_t bytes_max_;
  ServerConnection* server_;
};

}  // namespace quantd
