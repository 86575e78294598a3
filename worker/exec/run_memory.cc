#include "worker/exec/run_memory.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <utility>

namespace quantd {
namespace {

// Sets of input shapes whose plans are kept; a caller with more kinds of batches than that plans again.
constexpr size_t kPlansMax = 32;

// Planned places that are taken. Tensors may be dropped on any thread.
class Places {
 public:
  explicit Places(size_t bytes)
      : block_(std::aligned_alloc(kMemoryAlignment, std::max(bytes, kMemoryAlignment)), &std::free),
        bytes_(bytes) {}

  size_t bytes() const { return bytes_; }

  // Null when a byte of the place is taken.
  static std::shared_ptr<void> Take(const std::shared_ptr<Places>& places, size_t offset, size_t size) {
    {
      const std::lock_guard lock(places->mutex_);
      for (const auto& [taken, taken_size] : places->taken_) {
        if (offset < taken + taken_size && taken < offset + size) return nullptr;
      }
      places->taken_.emplace_back(offset, size);
    }
    char* const at = static_cast<char*>(places->block_.get()) + offset;
    return std::shared_ptr<void>(at, [places, offset](void*) { places->Return(offset); });
  }

  bool usable() const { return block_ != nullptr; }

 private:
  void Return(size_t offset) {
    const std::lock_guard lock(mutex_);
    for (auto& entry : taken_) {
      if (entry.first != offset) continue;
      entry = taken_.back();
      taken_.pop_back();
      return;
    }
  }

  const std::unique_ptr<void, void (*)(void*)> block_;
  const size_t bytes_;
  std::mutex mutex_;
  std::vector<std::pair<size_t, size_t>> taken_;
};

}  // namespace

struct RunMemory::Shared {
  std::mutex mutex;
  std::map<std::vector<Shape>, std::shared_ptr<const MemoryPlan>> plans;
  std::vector<std::shared_ptr<Places>> idle;  // Blocks of finished runs.
  size_t block_bytes = 0;
};

// Takes everything from the heap and makes a plan of what it saw.
class RunMemory::Recording final : public RunMemory::Session {
 public:
  Recording(std::shared_ptr<Shared> shared, std::vector<Shape> input_shapes)
      : shared_(std::move(shared)), input_shapes_(std::move(input_shapes)) {}

  std::shared_ptr<void> Allocate(size_t bytes) override {
    std::shared_ptr<void> memory = HeapMemory().Allocate(bytes);
    if (memory == nullptr) return nullptr;
    const std::lock_guard lock(log_->mutex);
    const size_t index = log_->uses.size();
    log_->uses.push_back({.bytes = bytes, .born = log_->clock++});
    void* const at = memory.get();
    return std::shared_ptr<void>(at, [log = log_, index, memory = std::move(memory)](void*) {
      const std::lock_guard lock(log->mutex);
      log->uses[index].dead = log->clock++;
    });
  }

  void Finish() override {
    std::vector<MemoryUse> uses;
    {
      const std::lock_guard lock(log_->mutex);
      uses = log_->uses;
    }
    auto plan = std::make_shared<const MemoryPlan>(PlanMemory(uses));
    const std::lock_guard lock(shared_->mutex);
    if (shared_->plans.size() >= kPlansMax) shared_->plans.clear();
    shared_->block_bytes = std::max(shared_->block_bytes, plan->block_bytes);
    shared_->plans.emplace(std::move(input_shapes_), std::move(plan));
  }

 private:
  struct Log {
    std::mutex mutex;
    int64_t clock = 0;
    std::vector<MemoryUse> uses;
  };

  const std::shared_ptr<Shared> shared_;
  std::vector<Shape> input_shapes_;
  const std::shared_ptr<Log> log_ = std::make_shared<Log>();
};

class RunMemory::Planned final : public RunMemory::Session {
 public:
  Planned(std::shared_ptr<Shared> shared, std::shared_ptr<const MemoryPlan> plan,
          std::shared_ptr<Places> places)
      : shared_(std::move(shared)), plan_(std::move(plan)), places_(std::move(places)) {}

  std::shared_ptr<void> Allocate(size_t bytes) override {
    const size_t request = next_++;
    if (request < plan_->sizes.size() && bytes <= plan_->sizes[request] &&
        plan_->offsets[request] != MemoryPlan::kNoOffset && places_->usable()) {
      std::shared_ptr<void> memory =
          Places::Take(places_, plan_->offsets[request], plan_->sizes[request]);
      if (memory != nullptr) return memory;
    }
    return HeapMemory().Allocate(bytes);
  }

  void Finish() override {
    const std::lock_guard lock(shared_->mutex);
    shared_->idle.push_back(std::move(places_));
  }

 private:
  const std::shared_ptr<Shared> shared_;
  const std::shared_ptr<const MemoryPlan> plan_;
  std::shared_ptr<Places> places_;
  size_t next_ = 0;
};

RunMemory::RunMemory() : shared_(std::make_shared<Shared>()) {}
RunMemory::~RunMemory() = default;

std::unique_ptr<RunMemory::Session> RunMemory::Begin(const std::vector<Shape>& input_shapes) {
  const std::lock_guard lock(shared_->mutex);
  const auto it = shared_->plans.find(input_shapes);
  if (it == shared_->plans.end()) return std::make_unique<Recording>(shared_, input_shapes);
  // The last block is the one that is warm in the caches. One that is too small is replaced.
  std::shared_ptr<Places> places;
  if (!shared_->idle.empty()) {
    places = std::move(shared_->idle.back());
    shared_->idle.pop_back();
  }
  if (places == nullptr || places->bytes() < it->second->block_bytes) {
    places = std::make_shared<Places>(it->second->block_bytes);
  }
  return std::make_unique<Planned>(shared_, it->second, std::move(places));
}

size_t RunMemory::block_bytes() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->block_bytes;
}

}  // namespace quantd
