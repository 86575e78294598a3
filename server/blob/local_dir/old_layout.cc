#include "server/blob/local_dir/old_layout.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "common/digest.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

std::string ShardOf(const std::string& objects, const std::string& digest) {
  return absl::StrCat(objects, "/", digest.substr(0, 2));
}

absl::Status LinkBlobs(FileSystem& files, const std::string& from, const std::string& to,
                       const std::vector<std::string>& digests) {
  std::set<std::string> changed;
  for (const std::string& digest : digests) {
    if (!IsSha256Hex(digest)) continue;
    const std::string source = absl::StrCat(ShardOf(from, digest), "/", digest);
    const absl::StatusOr<FileInfo> info = files.Info(source);
    if (absl::IsNotFound(info.status())) continue;  // Removed before a crash, or never there.
    RETURN_IF_ERROR(info.status());
    const std::string shard = ShardOf(to, digest);
    if (changed.insert(shard).second) RETURN_IF_ERROR(CreateFolders(files, shard));
    const absl::Status linked = files.Link(source, absl::StrCat(shard, "/", digest));
    if (!linked.ok() && !absl::IsAlreadyExists(linked)) return linked;
  }
  for (const std::string& shard : changed) RETURN_IF_ERROR(files.SyncFolder(shard));
  // A run that crashed may have made the folders without making them durable.
  if (!changed.empty()) RETURN_IF_ERROR(files.SyncFolder(to));
  return absl::OkStatus();
}

absl::Status RemoveTree(FileSystem& files, const std::string& folder) {
  const absl::StatusOr<std::vector<std::string>> names = files.List(folder);
  if (absl::IsNotFound(names.status())) return absl::OkStatus();
  RETURN_IF_ERROR(names.status());
  for (const std::string& name : *names) {
    const std::string path = absl::StrCat(folder, "/", name);
    ASSIGN_OR_RETURN(const FileInfo info, files.Info(path));
    RETURN_IF_ERROR(info.is_folder ? RemoveTree(files, path) : files.RemoveFile(path));
  }
  return files.RemoveFolder(folder);
}

std::string Objects(const std::string& folder) { return absl::StrCat(folder, "/objects"); }
std::string Uploads(const std::string& folder) { return absl::StrCat(folder, "/uploads"); }

}  // namespace

bool HasOldLayout(FileSystem& files, const std::string& folder) {
  return files.Info(Objects(folder)).ok() || files.Info(Uploads(folder)).ok();
}

absl::Status MoveOldLayout(FileSystem& files, const std::string& folder,
                           const BlobReferences& references) {
  if (!HasOldLayout(files, folder)) return absl::OkStatus();
  for (const auto& [tenant, digests] : references) {
    const std::string objects = Objects(absl::StrCat(folder, "/tenants/", tenant));
    RETURN_IF_ERROR(LinkBlobs(files, Objects(folder), objects, digests));
  }
  RETURN_IF_ERROR(RemoveTree(files, Uploads(folder)));
  RETURN_IF_ERROR(RemoveTree(files, Objects(folder)));
  return files.SyncFolder(folder);
}

}  // namespace quantd
