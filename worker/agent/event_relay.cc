#include "worker/agent/event_relay.h"

#include <algorithm>
#include <chrono>

#include "common/log.h"
#include "common/utf8.h"

namespace quantd {
namespace {

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
  pending_.Add(std::move(event));
  wake_.notify_all();
}

void EventRelay::Log(absl::string_view text) {
  while (!text.empty()) {
    v1::JobEvent event;
    event.mutable_log()->set_text(ToValidUtf8(text.substr(0, PendingEvents::kTextBytesMax)));
    text.remove_prefix(std::min(text.size(), PendingEvents::kTextBytesMax));
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
    pending_.TakeBatch(request);
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
