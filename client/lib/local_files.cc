#include "client/lib/local_files.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/digest.h"
#include "common/error.h"
#include "common/file.h"
#include "common/status_macros.h"
#include "common/utf8.h"

namespace quantd {
namespace {

namespace fs = std::filesystem;

constexpr size_t kFilesMax = 1'000'000;

absl::Status FolderError(const std::string& folder, const std::error_code& error) {
  return absl::NotFoundError(absl::StrCat("cannot read folder ", folder, ": ", error.message()));
}

absl::StatusOr<std::vector<std::pair<std::string, std::string>>> NamesAndPaths(
    const std::string& folder) {
  std::vector<std::pair<std::string, std::string>> found;
  std::error_code error;
  fs::recursive_directory_iterator it(folder, error);
  if (error) return FolderError(folder, error);
  for (; it != fs::recursive_directory_iterator(); it.increment(error)) {
    if (error) return FolderError(folder, error);
    const std::string base = it->path().filename().string();
    const bool hidden = !base.empty() && base[0] == '.';
    if (hidden && it->is_directory(error)) it.disable_recursion_pending();
    if (hidden || !it->is_regular_file(error)) continue;
    if (found.size() == kFilesMax) {
      return absl::ResourceExhaustedError(
          absl::StrCat(folder, " holds more than ", kFilesMax, " files"));
    }
    found.emplace_back(it->path().lexically_relative(folder).generic_string(), it->path().string());
  }
  if (error) return FolderError(folder, error);
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

absl::StatusOr<LocalFile> DescribeFile(const std::string& path, const std::string& name) {
  if (IsFolder(path)) {
    return MakeError(absl::StatusCode::kInvalidArgument, "NOT_A_FILE",
                     absl::StrCat(path, " is a folder; a file is expected"));
  }
  if (ToValidUtf8(name) != name) {
    return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_FILE_NAME",
                     absl::StrCat("the name of ", ToValidUtf8(path), " is not UTF-8; rename it"));
  }
  LocalFile file;
  file.path = path;
  file.ref.set_name(name);
  ASSIGN_OR_RETURN(const int64_t size_bytes, FileSize(path));
  ASSIGN_OR_RETURN(std::string digest, Sha256HexOfFile(path));
  file.ref.set_size_bytes(size_bytes);
  file.ref.set_digest(std::move(digest));
  return file;
}

absl::StatusOr<std::vector<LocalFile>> WalkFolder(const std::string& folder) {
  ASSIGN_OR_RETURN(const auto entries, NamesAndPaths(folder));
  if (entries.empty()) {
    return MakeError(absl::StatusCode::kInvalidArgument, "EMPTY_FOLDER",
                     absl::StrCat("folder ", folder, " holds no files"));
  }
  std::vector<LocalFile> files;
  files.reserve(entries.size());
  for (const auto& [name, path] : entries) {
    ASSIGN_OR_RETURN(LocalFile file, DescribeFile(path, name));
    files.push_back(std::move(file));
  }
  return files;
}

std::string BaseName(const std::string& path) { return fs::path(path).filename().string(); }

bool IsFolder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

}  // namespace quantd
