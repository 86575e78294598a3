// The stream of JobEvents from the child process to the agent: each one as a four-byte little-endian length and the
// serialized message. Losing the reader never fails a job: the agent notices the child's end.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "quantd/v1/job.pb.h"

namespace quantd {

// The child's end. Thread-safe.
class EventWriter {
 public:
  // `fd` is borrowed; -1 drops every event.
  explicit EventWriter(int fd) : fd_(fd) {}
  void Write(const v1::JobEvent& event);

 private:
  std::mutex mutex_;
  int fd_;
};

// The agent's end: feeds on bytes in any pieces. A frame over 1 MiB or one that does not parse is
// INVALID_ARGUMENT: the child cannot be trusted any more.
class EventParser {
 public:
  absl::StatusOr<std::vector<v1::JobEvent>> Feed(absl::string_view bytes);

 private:
  std::string pending_;
};

}  // namespace quantd
