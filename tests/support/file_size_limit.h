// While it lives, no file of this process grows beyond a size: writes are cut off there, in the
// middle of a line if need be, as on a disk that fills up.
#pragma once

#include <sys/resource.h>

#include <csignal>

#include "common/check.h"

namespace quantd::testing {

class FileSizeLimit {
 public:
  explicit FileSizeLimit(int64_t bytes) {
    ::signal(SIGXFSZ, SIG_IGN);
    QUANTD_CHECK(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    const rlimit limit{static_cast<rlim_t>(bytes), before_.rlim_max};
    QUANTD_CHECK(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  ~FileSizeLimit() { QUANTD_CHECK(::setrlimit(RLIMIT_FSIZE, &before_) == 0); }

 private:
  rlimit before_;
};

}  // namespace quantd::testing
