// Landlock: a process gives up the file system but for a few folders, for good and without privileges (Linux 5.13).
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace quantd {

// Files and folders with all that is in them. Those that do not exist are left out.
struct FileAccess {
  std::vector<std::string> readable;
  std::vector<std::string> writable;  // Readable, too; files and folders can be made and removed there.
};

// Restricts the calling thread and those that it will start. Also, where the kernel can: no TCP connection, and no
// signal or abstract unix socket reaches a process outside. Needs no_new_privs.
//
// Errors: UNIMPLEMENTED when the kernel has no Landlock; others should not happen.
absl::Status RestrictFiles(const FileAccess& access);

}  // namespace quantd
