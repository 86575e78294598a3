#include "server/blob/local_dir/hash_thread.h"

namespace quantd {
namespace {

constexpr size_t kLargeChunkBytes = 256 << 10;

}  // namespace

HashThread::~HashThread() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void HashThread::Update(std::string& bytes) {
  Wait();
  if (bytes.size() < kLargeChunkBytes || ++large_chunks_ < 2) {
    hash_.Update(bytes);
    return;
  }
  if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
  chunk_.swap(bytes);
  {
    const std::lock_guard lock(mutex_);
    busy_ = true;
  }
  changed_.notify_all();
}

std::string HashThread::HexDigest() {
  Wait();
  return hash_.HexDigest();
}

void HashThread::Wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !busy_; });
}

void HashThread::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stop_ || busy_; });
    if (!busy_) return;
    lock.unlock();
    hash_.Update(chunk_);
    lock.lock();
    busy_ = false;
    changed_.notify_all();
  }
}

}  // namespace quantd
