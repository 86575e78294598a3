#include "worker/job/protocol/event_pipe.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace quantd {
namespace {

constexpr uint32_t kFrameBytesMax = 1 << 20;

}  // namespace

void EventWriter::Write(const v1::JobEvent& event) {
  const std::lock_guard lock(mutex_);
  if (fd_ < 0) return;
  const std::string body = event.SerializeAsString();
  const uint32_t size = static_cast<uint32_t>(body.size());
  std::string frame;
  for (int shift = 0; shift < 32; shift += 8) frame.push_back(static_cast<char>(size >> shift & 0xff));
  frame += body;
  absl::string_view rest = frame;
  while (!rest.empty()) {
    const ssize_t written = ::write(fd_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      fd_ = -1;
      return;
    }
    rest.remove_prefix(static_cast<size_t>(written));
  }
}

absl::StatusOr<std::vector<v1::JobEvent>> EventParser::Feed(absl::string_view bytes) {
  pending_.append(bytes.data(), bytes.size());
  std::vector<v1::JobEvent> events;
  size_t position = 0;
  while (pending_.size() - position >= 4) {
    uint32_t size = 0;
    for (int i = 0; i < 4; ++i) {
      size |= static_cast<uint32_t>(static_cast<unsigned char>(pending_[position + i])) << (8 * i);
    }
    if (size > kFrameBytesMax) {
      return absl::InvalidArgumentError(absl::StrCat("an event of ", size, " bytes is too long"));
    }
    if (pending_.size() - position - 4 < size) break;
    v1::JobEvent event;
    if (!event.ParseFromArray(pending_.data() + position + 4, static_cast<int>(size))) {
      return absl::InvalidArgumentError("an event cannot be parsed");
    }
    events.push_back(std::move(event));
    position += 4 + size;
  }
  pending_.erase(0, position);
  return events;
}

}  // namespace quantd
