// Version 0.1 kept the blobs of all tenants together, in <folder>/objects and <folder>/uploads.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/file_system.h"

namespace quantd {

// Digests that each tenant refers to.
using BlobReferences = std::map<std::string, std::vector<std::string>>;

// Gives each tenant the blobs that it refers to, as hard links, then removes the old folders and
// with them what nobody refers to. Before LocalDirBlobStores::Open(). A crash at any point loses
// nothing: the old folders go only when every link is durable, and the next call goes on. Costs
// nothing when there are none.
absl::Status MoveOldLayout(FileSystem& files, const std::string& folder,
                           const BlobReferences& references);

// Whether there is anything to do.
bool HasOldLayout(FileSystem& files, const std::string& folder);

}  // namespace quantd
