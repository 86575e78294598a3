// Files of this machine under the names a job gives them.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "quantd/v1/spec.pb.h"

namespace quantd {

struct LocalFile {
  std::string path;  // On this machine.
  v1::FileRef ref;   // Name in the job, digest, size.
};

// Hashes one file. NOT_FOUND or PERMISSION_DENIED name the path; INVALID_ARGUMENT when it is a
// folder or the name is not UTF-8.
absl::StatusOr<LocalFile> DescribeFile(const std::string& path, const std::string& name);

// Every regular file below `folder`, named relative to it, in byte order of the names. Entries
// whose name starts with a dot are left out. RESOURCE_EXHAUSTED above 1,000,000 files;
// INVALID_ARGUMENT when there is none.
absl::StatusOr<std::vector<LocalFile>> WalkFolder(const std::string& folder);

// The last component of a path.
std::string BaseName(const std::string& path);

bool IsFolder(const std::string& path);

}  // namespace quantd
