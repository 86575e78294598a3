// Keeps OpenMP on the calling thread while it lives, so that results do not depend on the number of threads.
#pragma once

#include <omp.h>

namespace quantd {

class OneOpenMpThread {
 public:
  OneOpenMpThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneOpenMpThread() { omp_set_num_threads(before_); }
  OneOpenMpThread(const OneOpenMpThread&) = delete;

 private:
  const int before_;
};

}  // namespace quantd
