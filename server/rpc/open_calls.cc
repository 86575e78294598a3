#include "server/rpc/open_calls.h"

#include <utility>

#include "server/core/errors.h"

namespace quantd {

OpenCalls::OpenCalls(const Clock* clock, const Options& options, Recognize recognize)
    : clock_(clock),
      options_(options),
      recognize_(std::move(recognize)),
      thread_(options.look_every, options.look_every, [this] { Review(); }) {}

void OpenCalls::Review() {
  const absl::Time now = clock_->Now();
  const auto due = [&](const Entry& entry) {
    return entry.end.ok() && now - entry.recognized >= options_.review_after;
  };
  std::map<std::string, absl::Status> answers;
  {
    const std::lock_guard lock(mutex_);
    for (const Entry& entry : entries_) {
      if (due(entry)) answers.emplace(entry.secret, absl::OkStatus());
    }
  }
  // The store is asked without the lock: calls that begin and end do not wait for a disk.
  for (auto& [secret, answer] : answers) answer = recognize_(secret);
  const std::lock_guard lock(mutex_);
  for (Entry& entry : entries_) {
    const auto answer = answers.find(entry.secret);
    if (answer == answers.end() || !due(entry)) continue;
    entry.recognized = now;
    // A store that cannot answer is no reason to end what was allowed.
    if (!absl::IsUnauthenticated(answer->second)) continue;
    entry.end = answer->second;
    // Under the lock, so that what is cut off is still there.
    entry.cut_off(entry.end);
  }
}

absl::StatusOr<std::unique_ptr<OpenCalls::Call>> OpenCalls::Begin(
    const Owner& owner, std::function<void(const absl::Status&)> cut_off) {
  const std::lock_guard lock(mutex_);
  if (!owner.group.tenant.empty()) {
    int& calls = calls_[owner.group];
    if (calls >= options_.group_calls_max) {
      return errors::TooManyCalls(owner.group.tenant, options_.group_calls_max);
    }
    ++calls;
  }
  const auto entry = entries_.insert(entries_.end(), {.secret = owner.secret,
                                                      .group = owner.group,
                                                      .recognized = owner.recognized,
                                                      .cut_off = std::move(cut_off)});
  return std::make_unique<Call>(this, entry);
}

OpenCalls::Call::~Call() {
  const std::lock_guard lock(calls_->mutex_);
  if (const auto calls = calls_->calls_.find(entry_->group); calls != calls_->calls_.end()) {
    if (--calls->second == 0) calls_->calls_.erase(calls);
  }
  calls_->entries_.erase(entry_);
}

absl::Status OpenCalls::Call::end() const {
  const std::lock_guard lock(calls_->mutex_);
  return entry_->end;
}

}  // namespace quantd
