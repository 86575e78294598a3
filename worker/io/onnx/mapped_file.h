// A regular file in read-only memory.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace quantd::onnx_io {

// Whether a path that is a symbolic link is opened, or is an error.
enum class Links { kFollow, kRefuse };

// Immutable and thread-safe. The content is what the file held when it was opened as long as nobody
// shortens the file in place; blobs are never changed after they got their name.
class MappedFile {
 public:
  // Errors: INVALID_ARGUMENT for what is no regular file, or a link that is refused; those of errno, which name the path.
  static absl::StatusOr<std::shared_ptr<const MappedFile>> Open(const std::string& path,
                                                                Links links = Links::kFollow);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  // Hints that bytes [begin, end) will not be read soon: their pages no longer count as this process's memory. They
  // stay readable.
  void Forget(size_t begin, size_t end) const;

  // Starts on a page boundary; empty for an empty file.
  absl::string_view content() const { return content_; }

 private:
  explicit MappedFile(absl::string_view content) : content_(content) {}

  absl::string_view content_;
};

}  // namespace quantd::onnx_io
