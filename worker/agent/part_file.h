// A file on its way: written beside its place as NAME.XXXXXX.part and renamed when it is whole. A lock tells files that
// are being written from those that a killed process left.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace quantd {

// Move-only. Removes the part unless committed. Not thread-safe.
class PartFile {
 public:
  static absl::StatusOr<PartFile> Create(const std::string& path);
  PartFile(PartFile&& other) noexcept;
  PartFile& operator=(PartFile&&) = delete;
  ~PartFile();

  // RESOURCE_EXHAUSTED, reason DISK_FULL, when it does not fit.
  absl::Status Append(absl::string_view bytes);
  // Puts the file in its place, readable by everybody who reaches its folder.
  absl::Status Commit();

 private:
  PartFile() = default;
  int fd_ = -1;
  std::string path_;
  std::string part_;  // Empty: committed.
};

// Removes the parts in `folder` that nobody writes any more. Returns how many.
absl::StatusOr<int> SweepPartFiles(const std::string& folder);

}  // namespace quantd
