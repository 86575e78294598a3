// What a kernel has prepared for the shapes that it met: usually two, full batches and the last one.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>

#include "absl/status/statusor.h"
#include "common/status_macros.h"
#include "worker/graph/tensor.h"

namespace quantd::cpu {

// Thread-safe. `make` runs under the lock: two threads that meet a new shape at once prepare it once.
template <typename T>
class ShapeCache {
 public:
  template <typename Make>
  absl::StatusOr<std::shared_ptr<const T>> Get(const Shape& shape, Make make) {
    const std::lock_guard lock(mutex_);
    const auto it = prepared_.find(shape);
    if (it != prepared_.end()) return it->second;
    ASSIGN_OR_RETURN(std::shared_ptr<const T> made, make());
    if (prepared_.size() >= kShapesMax) prepared_.clear();
    prepared_[shape] = made;
    return made;
  }

 private:
  static constexpr size_t kShapesMax = 8;

  std::mutex mutex_;
  std::map<Shape, std::shared_ptr<const T>> prepared_;
};

}  // namespace quantd::cpu
