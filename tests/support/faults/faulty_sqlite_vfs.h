// SQLite on a SimulatedDisk: a VFS of its own, which does to the disk what SQLite's "unix" one
// does to a file system, the syncs of folders included. Locks and the WAL's shared memory work
// between all connections of the process.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/random.h"
#include "tests/support/faults/simulated_disk.h"

namespace quantd::testing {

// Thread-safe. Registered with SQLite as long as it lives. REQUIRES: every connection is closed
// before the disk restarts, and before this goes.
class FaultySqliteVfs {
 public:
  // `disk` is borrowed.
  explicit FaultySqliteVfs(SimulatedDisk* disk);
  FaultySqliteVfs(const FaultySqliteVfs&) = delete;
  ~FaultySqliteVfs();

  const std::string& name() const { return name_; }

 private:
  struct OpenFile;
  struct Handle;
  struct Locks;
  struct SharedMemory;

  // SQLite's callbacks.
  static int Open(sqlite3_vfs*, const char* path, sqlite3_file*, int flags, int* out_flags);
  static int Delete(sqlite3_vfs*, const char* path, int sync_folder);
  static int Access(sqlite3_vfs*, const char* path, int flags, int* result);
  static int FullPath(sqlite3_vfs*, const char* path, int size, char* out);
  static int Randomness(sqlite3_vfs*, int size, char* out);
  static int CurrentTime(sqlite3_vfs*, sqlite3_int64* milliseconds);
  static int Close(sqlite3_file*);
  static int Read(sqlite3_file*, void* buffer, int count, sqlite3_int64 offset);
  static int Write(sqlite3_file*, const void* bytes, int count, sqlite3_int64 offset);
  static int Truncate(sqlite3_file*, sqlite3_int64 size);
  static int Sync(sqlite3_file*, int flags);
  static int FileSize(sqlite3_file*, sqlite3_int64* size);
  static int Lock(sqlite3_file*, int level);
  static int Unlock(sqlite3_file*, int level);
  static int CheckReservedLock(sqlite3_file*, int* result);
  static int MapMemory(sqlite3_file*, int region, int size, int extend, void volatile** out);
  static int LockMemory(sqlite3_file*, int offset, int count, int flags);
  static void MemoryBarrier(sqlite3_file*);
  static int UnmapMemory(sqlite3_file*, int delete_flag);
  static const sqlite3_io_methods kMethods;

  SimulatedDisk* const disk_;
  std::string name_;
  sqlite3_vfs vfs_ = {};
  std::mutex mutex_;
  Random random_{1};                                                       // Guarded by mutex_.
  std::map<SimulatedDisk::Node, Locks> locks_;                             // Guarded by mutex_.
  std::map<SimulatedDisk::Node, std::unique_ptr<SharedMemory>> memories_;  // Guarded by mutex_.
};

}  // namespace quantd::testing
