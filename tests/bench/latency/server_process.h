// A quantd process of one's own: its program as it is shipped, with its defaults, in a new folder.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace quantd::bench {

// What a process has of the machine.
struct ProcessUse {
  int64_t rss_bytes = 0;  // Resident, shared pages included.
  int64_t pss_bytes = 0;  // Shared pages divided among those who share them.
  int threads = 0;
  absl::Duration processor;  // Time on a processor since the start.
};

// Not thread-safe.
class ServerProcess {
 public:
  // Starts `binary` with its data and its log in `folder`, which is created, on a free port of
  // loopback, without workers; returns when it serves. Any failure ends this program: there is
  // nothing to measure then.
  ServerProcess(const std::string& binary, const std::string& folder);
  ServerProcess(const ServerProcess&) = delete;
  // Asks it to end, and waits until it has.
  ~ServerProcess();

  int port() const { return port_; }
  ProcessUse Use() const;

 private:
  pid_t pid_ = -1;
  int port_ = 0;
};

}  // namespace quantd::bench
