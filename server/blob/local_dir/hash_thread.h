// A SHA-256 that is computed beside other work: hashing a chunk takes as long as receiving one, and
// an upload need not do one after the other.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "common/digest.h"

namespace quantd {

// Used as a Sha256 is, but takes what it hashes. It has a thread of its own from the second large
// chunk on, for smaller blobs are not worth one. Not thread-safe.
class HashThread {
 public:
  HashThread() = default;
  ~HashThread();
  HashThread(const HashThread&) = delete;
  HashThread& operator=(const HashThread&) = delete;

  // Leaves bytes that mean nothing in the place of those that it takes; their memory can be used
  // again.
  void Update(std::string& bytes);
  // REQUIRES: called once; no Update() afterwards.
  std::string HexDigest();

 private:
  void Run();
  void Wait();  // Until nothing is being hashed.

  Sha256 hash_;        // Of the thread while `busy_`.
  std::string chunk_;  // The same.
  int large_chunks_ = 0;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool busy_ = false;  // Guarded by mutex_, as is `stop_`.
  bool stop_ = false;
};

}  // namespace quantd
