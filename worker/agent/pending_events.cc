#include "worker/agent/pending_events.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/utf8.h"

namespace quantd {
namespace {

void Cut(std::string& text, size_t bytes_max) {
  if (text.size() > bytes_max) text = ToValidUtf8(text.substr(0, bytes_max));
}

void CutTexts(v1::JobEvent& event) {
  if (event.has_log()) Cut(*event.mutable_log()->mutable_text(), PendingEvents::kTextBytesMax);
  if (event.has_warning()) Cut(*event.mutable_warning(), PendingEvents::kTextBytesMax);
  if (event.has_progress()) Cut(*event.mutable_progress()->mutable_stage(), PendingEvents::kStageBytesMax);
}

}  // namespace

void PendingEvents::Erase(std::deque<v1::JobEvent>::iterator event) {
  bytes_ -= event->ByteSizeLong();
  events_.erase(event);
}

void PendingEvents::Add(v1::JobEvent event) {
  CutTexts(event);
  const bool replaces = event.has_progress() && !events_.empty() && events_.back().has_progress() &&
                        events_.back().progress().stage() == event.progress().stage();
  if (replaces) Erase(events_.end() - 1);
  bytes_ += event.ByteSizeLong();
  events_.push_back(std::move(event));
  while (events_.size() > kEventsMax || bytes_ > kBytesMax) {
    const auto log = std::find_if(events_.begin(), events_.end(), [](const v1::JobEvent& e) { return e.has_log(); });
    Erase(log == events_.end() ? events_.begin() : log);
  }
}

void PendingEvents::TakeBatch(v1::ReportEventsRequest& request) {
  size_t taken = 0;
  while (!events_.empty() && request.events_size() < kBatchEventsMax) {
    const size_t size = events_.front().ByteSizeLong();
    if (request.events_size() > 0 && taken + size > kBatchBytesMax) return;
    taken += size;
    bytes_ -= size;
    *request.add_events() = std::move(events_.front());
    events_.pop_front();
  }
}

}  // namespace quantd
