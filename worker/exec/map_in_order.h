// Runs many pieces of work side by side and folds their results in order: parallel, yet with the bits
// of the sequential loop.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/status_macros.h"
#include "worker/exec/executor.h"
#include "common/without_exceptions.h"

namespace quantd {

// Computes map(0), ..., map(count - 1) on `threads` threads and calls fold(index, result) for each, in
// order, one at a time. At most 4 * threads results wait at any moment. The first error by index of
// either function ends it.
template <typename Result>
absl::Status MapInOrder(int64_t count, int threads,
                        const std::function<absl::StatusOr<Result>(int64_t)>& map,
                        const std::function<absl::Status(int64_t, Result)>& fold) {
  std::mutex mutex;
  std::condition_variable moved;
  std::map<int64_t, Result> waiting;
  int64_t next = 0;
  bool failed = false;
  const int64_t ahead_max = 4 * static_cast<int64_t>(threads);
  return ParallelFor(count, threads, [&](int64_t index) -> absl::Status {
    {
      std::unique_lock lock(mutex);
      moved.wait(lock, [&] { return failed || index < next + ahead_max; });
      if (failed) return absl::CancelledError("an earlier piece of work failed");
    }
    // An exception must not pass the lines that wake the threads waiting for this index.
    std::optional<Result> result;
    absl::Status status = WithoutExceptions([&]() -> absl::Status {
      ASSIGN_OR_RETURN(result, map(index));
      return absl::OkStatus();
    });
    const std::lock_guard lock(mutex);
    if (status.ok()) {
      status = WithoutExceptions([&]() -> absl::Status {
        waiting.emplace(index, *std::move(result));
        for (auto it = waiting.find(next); it != waiting.end(); it = waiting.find(next)) {
          RETURN_IF_ERROR(fold(next, std::move(it->second)));
          waiting.erase(it);
          ++next;
        }
        return absl::OkStatus();
      });
    }
    failed |= !status.ok();
    moved.notify_all();
    return status;
  });
}

}  // namespace quantd
