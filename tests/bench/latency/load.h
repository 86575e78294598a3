// What clients and workers do to a server, over gRPC as they do it. Whatever goes wrong ends this
// program with the server's words: a measurement of failures would mean nothing.
#pragma once

#include <grpcpp/client_context.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "quantd/v1/artifact.grpc.pb.h"
#include "quantd/v1/job.grpc.pb.h"
#include "quantd/v1/worker.grpc.pb.h"

namespace quantd::bench {

using SteadyTime = std::chrono::steady_clock::time_point;

// One that submits small jobs. Not thread-safe.
class Client {
 public:
  // Uploads what the jobs read and what they make to the server at `port` of this machine.
  explicit Client(int port);

  // A job like no other, whose preset is `preset`; its name.
  std::string Submit(const std::string& preset);
  // Ends the job of this lease, with an artifact.
  void Complete(const v1::Lease& lease);

 private:
  void Upload(const std::string& bytes);

  std::unique_ptr<v1::JobService::Stub> jobs_;
  std::unique_ptr<v1::ArtifactService::Stub> artifacts_;
  std::unique_ptr<v1::WorkerService::Stub> workers_;
  uint64_t jobs_made_ = 0;
};

// Streams of WatchJob, one for each of `jobs`, each with a connection of its own. Not thread-safe.
class Watchers {
 public:
  // Returns when each has told its job's first event.
  Watchers(int port, const std::vector<std::string>& jobs);
  // Ends them, and waits until the server has.
  ~Watchers();

 private:
  struct Stream {
    std::unique_ptr<v1::JobService::Stub> stub;
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReader<v1::JobEvent>> reader;
  };
  std::vector<std::unique_ptr<Stream>> streams_;
};

// Workers that wait for a job as the real one does: each has a connection of its own with a
// LeaseJob call under way, and makes another one as soon as that returns. Thread-safe.
class WaitingWorkers {
 public:
  struct Arrival {
    SteadyTime time;  // When LeaseJob returned.
    v1::Lease lease;
  };

  // They offer what the sample catalogue has, apart from the preset `without`.
  WaitingWorkers(int port, int count, const std::string& without);
  WaitingWorkers(const WaitingWorkers&) = delete;
  // Cancels the calls, and waits until they have returned.
  ~WaitingWorkers();

  // Waits for the next lease that any of them gets.
  Arrival Next();

 private:
  struct Worker;
  void Ask(Worker* worker);
  void Answered(Worker* worker, const grpc::Status& status);

  std::vector<std::unique_ptr<Worker>> workers_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Arrival> arrivals_;  // Guarded by mutex_, as are the next two.
  bool stop_ = false;
  int under_way_ = 0;
};

}  // namespace quantd::bench
