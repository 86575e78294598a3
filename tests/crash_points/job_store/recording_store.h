// The store as the scenario sees it: it counts what was acknowledged, and can be put on another
// store in the middle.
#pragma once

#include <functional>
#include <utility>

#include "server/core/job_store.h"

namespace quantd::testing {

// Not thread-safe.
class RecordingStore final : public JobStore {
 public:
  // Borrowed; null while there is none.
  void set_store(JobStore* store) { store_ = store; }
  void set_on_commit(std::function<void()> on_commit) { on_commit_ = std::move(on_commit); }
  size_t acknowledged() const { return acknowledged_; }

  absl::Status Write(const Body& body) override {
    const absl::Status status = store_->Write(body);
    if (!status.ok()) return status;
    ++acknowledged_;
    if (on_commit_) on_commit_();
    return status;
  }

  absl::Status Read(const Body& body) override { return store_->Read(body); }

 private:
  JobStore* store_ = nullptr;
  std::function<void()> on_commit_;
  size_t acknowledged_ = 0;
};

}  // namespace quantd::testing
