#include "worker/agent/blob_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "common/digest.h"
#include "common/errno_status.h"
#include "common/error.h"
#include "common/file.h"
#include "common/status_macros.h"
#include "worker/agent/part_file.h"
#include "worker/agent/server_connection.h"

namespace quantd {

BlobCache::BlobCache(std::string folder, int64_t bytes_max, ServerConnection* server)
    : folder_(std::move(folder)), bytes_max_(bytes_max), server_(server) {}

absl::Status BlobCache::Link(const v1::Lease& lease, const v1::FileRef& file, const std::string& path,
                             const std::function<bool()>& stop) {
  // The digest becomes a file name.
  if (!IsSha256Hex(file.digest())) {
    return InvalidField("INVALID_SPEC", file.name(), "its digest is not 64 hexadecimal digits");
  }
  RETURN_IF_ERROR(CreateFolders(folder_));
  const std::string cached = folder_ + "/" + file.digest();
  // A power cut can leave a file of the right name with the wrong bytes: the digest decides.
  if (!FileExists(cached) || Sha256HexOfFile(cached).value_or("") != file.digest()) {
    absl::Status status = server_->DownloadBlob(lease, file, cached, stop);
    if (GetErrorDetails(status).reason == "DISK_FULL") {
      // Space for a job that runs is worth more than space for jobs that may come.
      RETURN_IF_ERROR(TrimTo(0));
      status = server_->DownloadBlob(lease, file, cached, stop);
    }
    RETURN_IF_ERROR(status);
  }
  ::utimensat(AT_FDCWD, cached.c_str(), nullptr, 0);
  if (::link(cached.c_str(), path.c_str()) != 0 && errno != EEXIST) {
    return ErrnoStatus("link", path);
  }
  return absl::OkStatus();
}

absl::Status BlobCache::TrimTo(int64_t bytes_max) {
  RETURN_IF_ERROR(CreateFolders(folder_));
  RETURN_IF_ERROR(SweepPartFiles(folder_).status());
  struct Entry {
    int64_t used_ns;
    int64_t bytes;
    std::string path;
  };
  std::vector<Entry> entries;
  int64_t total = 0;
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(folder_));
  for (const std::string& name : names) {
    struct stat info;
    const std::string path = folder_ + "/" + name;
    if (::stat(path.c_str(), &info) != 0) continue;
    entries.push_back({info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec, info.st_size, path});
    total += info.st_size;
  }
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.used_ns < b.used_ns; });
  for (const Entry& entry : entries) {
    if (total <= bytes_max) break;
    if (::unlink(entry.path.c_str()) != 0) return ErrnoStatus("delete", entry.path);
    total -= entry.bytes;
  }
  return absl::OkStatus();
}

}  // namespace quantd
