// A JobStore that lives as long as the process: for tests and for servers that may forget.
//
// Thread-safe; one transaction runs at a time, reading ones too. Most queries walk all jobs: this
// store is simple rather than fast, and the measure of what the databases have to do.
#pragma once

#include <memory>
#include <mutex>

#include "server/core/job_store.h"

namespace quantd {

struct MemoryState;

class MemoryJobStore final : public JobStore {
 public:
  MemoryJobStore();
  ~MemoryJobStore() override;

  // Errors: only those of `body`.
  absl::Status Write(const Body& body) override;
  absl::Status Read(const Body& body) override;

 private:
  std::mutex mutex_;
  std::unique_ptr<MemoryState> state_;  // Guarded by mutex_.
};

}  // namespace quantd
