#include "worker/agent/event_relay.h"

#include <algorithm>
#include <chrono>

#include "common/log.h"
#include "common/utf8.h"

namespace quantd {
namespace {

constexpr size_t kPendingMax = 4096;
constexpr int kBatchMax = 256;
constexpr size_t kLogBytesMax = 64 << 10;
// Long enough to gather a burst into one call, short enough for a live progress bar.
constexpr std::chrono::milliseconds kGather(50);

}  // namespace

EventRelay::EventRelay(ServerConnection* server, const v1::Lease& lease)
    : server_(server), job_(lease.job()), token_(lease.token()) {
  thread_ = std::thread([this] { Run(); });
}

EventRelay::~EventRelay() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void EventRelay::Add(v1::JobEvent event) {
  const std::lock_guard lock(mutex_);
  if (event.has_progress() && !pending_.empty() && pending_.back().has_progress() &&
      pending_.back().progress().stage() == event.progress().stage()) {
    pending_.back() = std::move(event);
  } else {
    if (pending_.size() >= kPendingMax) {
      const auto log = std::find_if(pending_.begin(), pending_.end(),
                                    [](const v1::JobEvent& e) { return e.has_log(); });
      pending_.erase(log == pending_.end() ? pending_.begin() : log);
    }
    pending_.push_back(std::move(event));
  }
  wake_.notify_all();
}

void EventRelay::Log(absl::string_view text) {
  while (!text.empty()) {
    v1::JobEvent event;
    event.mutable_log()->set_text(ToValidUtf8(text.substr(0, kLogBytesMax)));
    text.remove_prefix(std::min(text.size(), kLogBytesMax));
    Add(std::move(event));
  }
}

void EventRelay::Warn(const std::string& text) {
  v1::JobEvent event;
  event.set_warning(text);
  Add(std::move(event));
}

void EventRelay::Flush() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return pending_.empty() && !sending_; });
}

void EventRelay::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stop_ || !pending_.empty(); });
    if (!stop_) wake_.wait_for(lock, kGather, [this] { return stop_; });
    if (pending_.empty() && stop_) return;
    v1::ReportEventsRequest request;
    request.set_job(job_);
    request.set_token(token_);
    while (!pending_.empty() && request.events_size() < kBatchMax) {
      *request.add_events() = std::move(pending_.front());
      pending_.pop_front();
    }
    sending_ = true;
    lock.unlock();
    const absl::Status status = server_->ReportEvents(request);
    if (!status.ok()) {
      LOG_WARNING("events lost", {{"job", job_}, {"error", std::string(status.message())}});
    }
    lock.lock();
    sending_ = false;
    if (pending_.empty()) idle_.notify_all();
  }
}

}  // namespace quantd
