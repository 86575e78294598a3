#include "server/store/sqlite/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "common/errno_status.h"
#include "common/error.h"

namespace quantd::sqlite {

absl::StatusOr<std::unique_ptr<FileLock>> FileLock::Acquire(const std::string& path) {
  const std::string lock_path = absl::StrCat(path, ".lock");
  // Closed on exec, or a worker process that outlives the server would keep the lock.
  const int fd = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return ErrnoStatus("open", lock_path);
  std::unique_ptr<FileLock> lock(new FileLock(fd));
  int result = 0;
  do {
    result = ::flock(fd, LOCK_EX | LOCK_NB);
  } while (result != 0 && errno == EINTR);
  if (result == 0) return lock;
  if (errno != EWOULDBLOCK) return ErrnoStatus("lock", lock_path);
  return MakeError(absl::StatusCode::kFailedPrecondition, "STORE_IN_USE",
                   absl::StrCat("another server uses ", path, "; stop it or choose another path"));
}

FileLock::~FileLock() { ::close(fd_); }

}  // namespace quantd::sqlite
