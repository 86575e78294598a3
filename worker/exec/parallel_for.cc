#include <omp.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "worker/exec/executor.h"
#include "common/without_exceptions.h"

namespace quantd {

absl::Status ParallelFor(int64_t count, int threads,
                         const std::function<absl::Status(int64_t)>& work) {
  std::atomic<int64_t> next{0};
  std::atomic<bool> failed{false};
  std::mutex mutex;
  int64_t first_failure = count;
  absl::Status status;
  const auto run = [&] {
    // Each thread has an OpenMP setting of its own: the libraries below must not start teams inside.
    omp_set_num_threads(1);
    for (int64_t i = next++; i < count && !failed; i = next++) {
      absl::Status result = WithoutExceptions([&] { return work(i); });
      if (result.ok()) continue;
      failed = true;
      const std::lock_guard lock(mutex);
      if (i < first_failure && !(absl::IsCancelled(result) && !status.ok())) {
        first_failure = i;
        status = std::move(result);
      }
    }
  };
  std::vector<std::thread> team;
  for (int64_t t = 0; t < std::min<int64_t>(threads, count); ++t) team.emplace_back(run);
  for (std::thread& thread : team) thread.join();
  return status;
}

}  // namespace quantd
