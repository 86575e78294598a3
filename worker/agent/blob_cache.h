// Input blobs on the worker's disk, by digest, shared by its jobs. Not thread-safe: one lease loop owns it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "quantd/v1/worker.pb.h"

namespace quantd {

class ServerConnection;

class BlobCache {
 public:
  // Keeps at most `bytes_max`, least recently used first out. `server` is borrowed.
  BlobCache(std::string folder, int64_t bytes_max, ServerConnection* server);

  // Puts the blob at `path` as a hard link, downloading it when it is not in the cache. A full disk empties the cache
  // before it is an error (RESOURCE_EXHAUSTED, reason DISK_FULL). `stop` as for ServerConnection::DownloadBlob().
  absl::Status Link(const v1::Lease& lease, const v1::FileRef& file, const std::string& path,
                    const std::function<bool()>& stop);

  // Deletes the least recently used blobs above the limit, and what broken downloads left. Links that jobs hold stay
  // valid.
  absl::Status Trim() { return TrimTo(bytes_max_); }

 private:
  absl::Status TrimTo(int64_t bytes_max);

  std::string folder_;
  int64_t bytes_max_;
  ServerConnection* server_;
};

}  // namespace quantd
