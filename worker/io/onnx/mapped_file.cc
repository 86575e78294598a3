#include "worker/io/onnx/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/errno_status.h"

namespace quantd::onnx_io {

absl::StatusOr<std::shared_ptr<const MappedFile>> MappedFile::Open(const std::string& path,
                                                                   Links links) {
  // Without O_NONBLOCK opening a named pipe would wait for a writer for ever.
  const int follow = links == Links::kFollow ? 0 : O_NOFOLLOW;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | follow);
  if (fd < 0 && errno == ELOOP) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is a symbolic link"));
  }
  if (fd < 0) return ErrnoStatus("open", path);
  const auto close_fd = absl::MakeCleanup([fd] { ::close(fd); });
  struct stat info;
  if (::fstat(fd, &info) != 0) return ErrnoStatus("stat", path);
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is not a regular file"));
  }
  const auto size = static_cast<size_t>(info.st_size);
  if (size == 0) return std::shared_ptr<const MappedFile>(new MappedFile(""));
  void* const memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (memory == MAP_FAILED) return ErrnoStatus("map", path);
  return std::shared_ptr<const MappedFile>(
      new MappedFile(absl::string_view(static_cast<const char*>(memory), size)));
}

void MappedFile::Forget(size_t begin, size_t end) const {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  // A page on the border may be in use on its other side.
  begin = (begin + page - 1) / page * page;
  end = std::min(end, content_.size()) / page * page;
  // Clean pages of a private mapping come back from the file. A failure costs memory only.
  if (begin < end) (void)::madvise(const_cast<char*>(content_.data()) + begin, end - begin, MADV_DONTNEED);
}

MappedFile::~MappedFile() {
  if (!content_.empty()) ::munmap(const_cast<char*>(content_.data()), content_.size());
}

}  // namespace quantd::onnx_io
