// Whole files and folders, with errors that name the path.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace quantd {

// The content of a regular file of at most `bytes_max`; RESOURCE_EXHAUSTED above that.
absl::StatusOr<std::string> ReadFile(const std::string& path, int64_t bytes_max);

// Writes to a temporary file beside `path`, fsyncs it, renames it and fsyncs the folder: after a crash the
// old or the new content is there, never a part.
absl::Status WriteFileAtomically(const std::string& path, absl::string_view content);

absl::StatusOr<int64_t> FileSize(const std::string& path);
bool FileExists(const std::string& path);

// Creates the folder and its parents, mode 0700. OK when it exists.
absl::Status CreateFolders(const std::string& path);

// The names (not paths) in a folder, sorted, without "." and "..".
absl::StatusOr<std::vector<std::string>> ListFolder(const std::string& path);

// Deletes a file or a whole folder. OK when it is not there.
absl::Status RemoveAll(const std::string& path);

// A new private folder under the system's temporary folder; the caller removes it.
absl::StatusOr<std::string> MakeTemporaryFolder(absl::string_view prefix);

// Makes the folder's entries durable.
absl::Status SyncFolder(const std::string& path);

}  // namespace quantd
