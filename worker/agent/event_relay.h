// Passes a job's events on to the server, in order, from a thread of its own: a slow or restarting server never
// slows the job. Progress that nobody has seen yet is replaced by newer progress; what does not fit the
// bound is dropped, oldest log lines first, and said. Thread-safe.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "absl/strings/string_view.h"
#include "quantd/v1/worker.pb.h"
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
  std::deque<v1::JobEvent> pending_;
  bool sending_ = false;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace quantd
