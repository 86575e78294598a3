// Who asked for what, and what came of it: one JSON object a line, appended to a file that this
// program never changes or shortens. Thread-safe.
//
//   {"time":"2026-11-24T10:03:11.123456789+00:00","sequence":7,"caller":"tenants/team/tokens/01j...",
//    "peer":"ipv4:10.0.0.7:51234","method":"JobService/CancelJob",
//    "resources":["tenants/team/jobs/01k..."],"code":"OK","reason":""}
//
// A line is with the system before the call is answered, so that it outlives this process; Sync()
// puts it on the disk. `sequence` counts from 1 at each start of the server: a gap shows that a
// line was taken out. The file may be moved away (logrotate): Reopen() begins a new one.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace quantd {

struct AuditEntry {
  absl::Time time;
  std::string caller;  // A token's name; empty when nobody was recognized.
  std::string peer;
  std::string method;
  std::vector<std::string> resources;  // As the request names them.
  std::string code;                    // "OK", "PERMISSION_DENIED", ...
  std::string reason;
};

class AuditLog {
 public:
  // Creates the file, mode 0600, or goes on at its end; half a line there, of a server that ended
  // while it wrote, is ended first.
  static absl::StatusOr<std::unique_ptr<AuditLog>> Open(const std::string& path);
  ~AuditLog();

  // RESOURCE_EXHAUSTED, reason DISK_FULL, among others; then no part of the line is in the file.
  absl::Status Append(const AuditEntry& entry);

  // Makes what was appended durable. Costs nothing when nothing was.
  absl::Status Sync();
  // What is in the present file is made durable first.
  absl::Status Reopen();

 private:
  explicit AuditLog(std::string path) : path_(std::move(path)) {}
  absl::Status OpenFile();  // Both of these under mutex_, but for Open().
  absl::Status SyncFile();

  const std::string path_;
  std::mutex mutex_;
  int fd_ = -1;           // Guarded by mutex_, as is what follows.
  int64_t sequence_ = 0;  // Of the latest line.
  bool unsynced_ = false;
};

}  // namespace quantd
