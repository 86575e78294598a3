// Passes a job's events on to the server, in order, from a thread of its own: a slow or restarting server never
// slows the job. PendingEvents says what is dropped when the server is too slow. Thread-safe.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "absl/strings/string_view.h"
#include "quantd/v1/worker.pb.h"
#include "worker/agent/pending_events.h"
#include "worker/agent/server_connection.h"

namespace quantd {

class EventRelay {
 public:
  // `server` is borrowed.
  EventRelay(ServerConnection* server, const v1::Lease& lease);
  ~EventRelay();

  void Add(v1::JobEvent event);
  void Log(absl::string_view text);
  void Warn(const std::string& text);

  // Waits until everything has been sent or sending has failed.
  void Flush();

 private:
  void Run();

  ServerConnection* server_;
  std::string job_;
  uint64_t token_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  PendingEvents pending_;
  bool sending_ = false;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace quantd
