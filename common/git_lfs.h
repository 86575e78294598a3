// Git LFS puts a small text file in the place of a large one until 'git lfs pull' has fetched it. A
// clone without that step has such pointers wherever it should have models and data.
#pragma once

#include "absl/strings/string_view.h"

namespace quantd {

// What to tell whoever gave a pointer for a file.
inline constexpr char kIsGitLfsPointer[] =
    "it is a Git LFS pointer: fetch the real file with 'git lfs pull'";

// Whether a file of this content is a pointer (specification v1, and its forms before 2014).
bool IsGitLfsPointer(absl::string_view content);

}  // namespace quantd
