#include "tests/support/faults/faulty_sqlite_vfs.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace quantd::testing {
namespace {

// 2026-01-01, as a Julian day in milliseconds; nothing here depends on the time.
constexpr sqlite3_int64 kNow = 212633769600000;
constexpr int kPathBytesMax = 512;

int ToSqlite(int error, int otherwise) {
  if (error == 0) return SQLITE_OK;
  return error == ENOSPC || error == EDQUOT ? SQLITE_FULL : otherwise;
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

}  // namespace

struct FaultySqliteVfs::OpenFile {
  FaultySqliteVfs* vfs = nullptr;
  SimulatedDisk::Node node = 0;
  std::string path;          // Empty: nameless.
  bool sync_folder = false;  // With the first sync: a new journal must be found after a crash.
  bool delete_on_close = false;
  int lock = SQLITE_LOCK_NONE;
  SharedMemory* memory = nullptr;
};

// What SQLite allocates and gives to the callbacks.
struct FaultySqliteVfs::Handle {
  sqlite3_file base;
  OpenFile* file;

  static OpenFile& Of(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file)->file; }
};

struct FaultySqliteVfs::Locks {
  std::set<OpenFile*> shared;
  OpenFile* reserved = nullptr;
  OpenFile* pending = nullptr;
  OpenFile* exclusive = nullptr;
};

struct FaultySqliteVfs::SharedMemory {
  std::vector<std::unique_ptr<char[]>> regions;
  std::array<std::set<OpenFile*>, SQLITE_SHM_NLOCK> shared;
  std::array<OpenFile*, SQLITE_SHM_NLOCK> exclusive = {};
  std::set<OpenFile*> users;
};

const sqlite3_io_methods FaultySqliteVfs::kMethods = {
    .iVersion = 2,  // With shared memory, without mapped files.
    .xClose = Close,
    .xRead = Read,
    .xWrite = Write,
    .xTruncate = Truncate,
    .xSync = Sync,
    .xFileSize = FileSize,
    .xLock = Lock,
    .xUnlock = Unlock,
    .xCheckReservedLock = CheckReservedLock,
    .xFileControl = [](sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; },
    // As SQLite's own on Linux.
    .xSectorSize = [](sqlite3_file*) { return 4096; },
    .xDeviceCharacteristics = [](sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; },
    .xShmMap = MapMemory,
    .xShmLock = LockMemory,
    .xShmBarrier = MemoryBarrier,
    .xShmUnmap = UnmapMemory,
};

FaultySqliteVfs::FaultySqliteVfs(SimulatedDisk* disk) : disk_(disk) {
  static std::atomic<int> count = 0;  // Names are the process's.
  name_ = absl::StrCat("faulty-", ++count);
  vfs_ = {.iVersion = 2,
          .szOsFile = sizeof(Handle),
          .mxPathname = kPathBytesMax,
          .zName = name_.c_str(),
          .pAppData = this,
          .xOpen = Open,
          .xDelete = Delete,
          .xAccess = Access,
          .xFullPathname = FullPath,
          .xRandomness = Randomness,
          .xSleep = [](sqlite3_vfs*, int microseconds) { return microseconds; },
          .xGetLastError = [](sqlite3_vfs*, int, char*) { return 0; },
          .xCurrentTimeInt64 = CurrentTime};
  QUANTD_CHECK(sqlite3_vfs_register(&vfs_, /*makeDflt=*/0) == SQLITE_OK);
}

FaultySqliteVfs::~FaultySqliteVfs() { sqlite3_vfs_unregister(&vfs_); }

int FaultySqliteVfs::Open(sqlite3_vfs* vfs, const char* path, sqlite3_file* handle, int flags,
                          int* out_flags) {
  auto* self = static_cast<FaultySqliteVfs*>(vfs->pAppData);
  handle->pMethods = nullptr;
  auto file = std::make_unique<OpenFile>();
  file->vfs = self;
  if (path == nullptr) {
    file->node = self->disk_->OpenNameless();
  } else {
    file->path = path;
    SimulatedDisk::Node ignored;
    const bool is_new = self->disk_->Find(path, &ignored) == ENOENT;
    const int error = self->disk_->Open(path, (flags & SQLITE_OPEN_CREATE) != 0, &file->node);
    if (error != 0) return ToSqlite(error, SQLITE_CANTOPEN);
    constexpr int kJournals =
        SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL;
    file->sync_folder = is_new && (flags & kJournals) != 0;
    file->delete_on_close = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
  }
  reinterpret_cast<Handle*>(handle)->file = file.release();
  handle->pMethods = &kMethods;
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int FaultySqliteVfs::Delete(sqlite3_vfs* vfs, const char* path, int sync_folder) {
  auto* self = static_cast<FaultySqliteVfs*>(vfs->pAppData);
  const int error = self->disk_->Remove(path);
  if (error == ENOENT) return SQLITE_IOERR_DELETE_NOENT;
  if (error != 0) return ToSqlite(error, SQLITE_IOERR_DELETE);
  if (sync_folder == 0) return SQLITE_OK;
  return ToSqlite(self->disk_->SyncFolder(FolderOf(path)), SQLITE_IOERR_DIR_FSYNC);
}

int FaultySqliteVfs::Access(sqlite3_vfs* vfs, const char* path, int flags, int* result) {
  auto* self = static_cast<FaultySqliteVfs*>(vfs->pAppData);
  SimulatedDisk::Node node = 0;
  const int error = self->disk_->Find(path, &node);
  if (error != 0 && error != ENOENT) return SQLITE_IOERR_ACCESS;
  *result = error == 0 ? 1 : 0;
  SimulatedDisk::Info info;
  // As SQLite's own: a journal without content is as good as none.
  if (*result == 1 && flags == SQLITE_ACCESS_EXISTS && self->disk_->Stat(node, &info) == 0) {
    *result = info.is_folder || info.size_bytes > 0 ? 1 : 0;
  }
  return SQLITE_OK;
}

// The disk has one folder: what is above the database's is not SQLite's business.
int FaultySqliteVfs::FullPath(sqlite3_vfs*, const char* path, int size, char* out) {
  const char* slash = std::strrchr(path, '/');
  const std::string full = absl::StrCat("/", slash == nullptr ? path : slash + 1);
  if (full.size() >= static_cast<size_t>(size)) return SQLITE_CANTOPEN;
  std::memcpy(out, full.c_str(), full.size() + 1);
  return SQLITE_OK;
}

int FaultySqliteVfs::Randomness(sqlite3_vfs* vfs, int size, char* out) {
  auto* self = static_cast<FaultySqliteVfs*>(vfs->pAppData);
  const std::lock_guard lock(self->mutex_);
  for (int i = 0; i < size; ++i) out[i] = static_cast<char>(self->random_.Below(256));
  return size;
}

int FaultySqliteVfs::CurrentTime(sqlite3_vfs*, sqlite3_int64* milliseconds) {
  *milliseconds = kNow;
  return SQLITE_OK;
}

int FaultySqliteVfs::Close(sqlite3_file* handle) {
  const std::unique_ptr<OpenFile> file(&Handle::Of(handle));
  Unlock(handle, SQLITE_LOCK_NONE);
  UnmapMemory(handle, /*delete_flag=*/0);
  if (file->delete_on_close) file->vfs->disk_->Remove(file->path);
  return SQLITE_OK;
}

int FaultySqliteVfs::Read(sqlite3_file* handle, void* buffer, int count, sqlite3_int64 offset) {
  OpenFile& file = Handle::Of(handle);
  const auto wanted = static_cast<size_t>(count);
  size_t got = 0;
  if (file.vfs->disk_->Read(file.node, offset, static_cast<char*>(buffer), wanted, &got) != 0) {
    return SQLITE_IOERR_READ;
  }
  if (got == wanted) return SQLITE_OK;
  std::memset(static_cast<char*>(buffer) + got, 0, wanted - got);
  return SQLITE_IOERR_SHORT_READ;
}

int FaultySqliteVfs::Write(sqlite3_file* handle, const void* bytes, int count,
                           sqlite3_int64 offset) {
  OpenFile& file = Handle::Of(handle);
  absl::string_view rest(static_cast<const char*>(bytes), static_cast<size_t>(count));
  size_t written = 0;
  const int error = file.vfs->disk_->Write(file.node, offset, rest, &written);
  if (error != 0) return ToSqlite(error, SQLITE_IOERR_WRITE);
  // A disk that takes a part of a write is full.
  return written == rest.size() ? SQLITE_OK : SQLITE_FULL;
}

int FaultySqliteVfs::Truncate(sqlite3_file* handle, sqlite3_int64 size) {
  OpenFile& file = Handle::Of(handle);
  return file.vfs->disk_->Truncate(file.node, size) == 0 ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
}

int FaultySqliteVfs::Sync(sqlite3_file* handle, int) {
  OpenFile& file = Handle::Of(handle);
  if (file.path.empty()) return SQLITE_OK;
  if (file.vfs->disk_->Sync(file.node) != 0) return SQLITE_IOERR_FSYNC;
  if (!file.sync_folder) return SQLITE_OK;
  file.sync_folder = false;
  // As SQLite's own, which takes no notice of an error here.
  file.vfs->disk_->SyncFolder(FolderOf(file.path));
  return SQLITE_OK;
}

int FaultySqliteVfs::FileSize(sqlite3_file* handle, sqlite3_int64* size) {
  OpenFile& file = Handle::Of(handle);
  SimulatedDisk::Info info;
  if (file.vfs->disk_->Stat(file.node, &info) != 0) return SQLITE_IOERR_FSTAT;
  *size = info.size_bytes;
  return SQLITE_OK;
}

int FaultySqliteVfs::Lock(sqlite3_file* handle, int level) {
  OpenFile& file = Handle::Of(handle);
  if (file.lock >= level) return SQLITE_OK;
  const std::lock_guard lock(file.vfs->mutex_);
  Locks& locks = file.vfs->locks_[file.node];
  const auto others = [&](const OpenFile* holder) { return holder != nullptr && holder != &file; };
  if (others(locks.exclusive) || others(locks.pending)) return SQLITE_BUSY;
  if (level == SQLITE_LOCK_SHARED) {
    locks.shared.insert(&file);
  } else if (level == SQLITE_LOCK_RESERVED) {
    if (others(locks.reserved)) return SQLITE_BUSY;
    locks.reserved = &file;
  } else {
    locks.pending = &file;
    if (locks.shared.size() > 1 || others(locks.reserved)) {
      file.lock = SQLITE_LOCK_PENDING;
      return SQLITE_BUSY;
    }
    locks.exclusive = &file;
  }
  file.lock = level;
  return SQLITE_OK;
}

int FaultySqliteVfs::Unlock(sqlite3_file* handle, int level) {
  OpenFile& file = Handle::Of(handle);
  if (file.lock <= level) return SQLITE_OK;
  const std::lock_guard lock(file.vfs->mutex_);
  Locks& locks = file.vfs->locks_[file.node];
  for (OpenFile** holder : {&locks.reserved, &locks.pending, &locks.exclusive}) {
    if (*holder == &file) *holder = nullptr;
  }
  if (level == SQLITE_LOCK_NONE) locks.shared.erase(&file);
  file.lock = level;
  return SQLITE_OK;
}

int FaultySqliteVfs::CheckReservedLock(sqlite3_file* handle, int* result) {
  OpenFile& file = Handle::Of(handle);
  const std::lock_guard lock(file.vfs->mutex_);
  *result = file.vfs->locks_[file.node].reserved != nullptr ? 1 : 0;
  return SQLITE_OK;
}

int FaultySqliteVfs::MapMemory(sqlite3_file* handle, int region, int size, int extend,
                               void volatile** out) {
  OpenFile& file = Handle::Of(handle);
  *out = nullptr;
  if (file.vfs->disk_->crashed()) return SQLITE_IOERR_SHMMAP;
  const std::lock_guard lock(file.vfs->mutex_);
  if (file.memory == nullptr) {
    std::unique_ptr<SharedMemory>& memory = file.vfs->memories_[file.node];
    if (memory == nullptr) memory = std::make_unique<SharedMemory>();
    file.memory = memory.get();
    file.memory->users.insert(&file);
  }
  auto& regions = file.memory->regions;
  const auto index = static_cast<size_t>(region);
  if (regions.size() <= index && extend == 0) return SQLITE_OK;
  while (regions.size() <= index) {
    regions.push_back(std::make_unique<char[]>(static_cast<size_t>(size)));  // Zeros.
  }
  *out = regions[index].get();
  return SQLITE_OK;
}

int FaultySqliteVfs::LockMemory(sqlite3_file* handle, int offset, int count, int flags) {
  OpenFile& file = Handle::Of(handle);
  const std::lock_guard lock(file.vfs->mutex_);
  if (file.memory == nullptr) return SQLITE_IOERR_SHMLOCK;
  SharedMemory& memory = *file.memory;
  const auto begin = static_cast<size_t>(offset);
  const size_t end = begin + static_cast<size_t>(count);
  for (size_t i = begin; i < end && (flags & SQLITE_SHM_LOCK) != 0; ++i) {
    const bool taken = memory.exclusive[i] != nullptr && memory.exclusive[i] != &file;
    const size_t mine = memory.shared[i].contains(&file) ? 1 : 0;
    const bool read = (flags & SQLITE_SHM_EXCLUSIVE) != 0 && memory.shared[i].size() > mine;
    if (taken || read) return SQLITE_BUSY;
  }
  for (size_t i = begin; i < end; ++i) {
    if ((flags & SQLITE_SHM_UNLOCK) != 0) {
      if (memory.exclusive[i] == &file) memory.exclusive[i] = nullptr;
      memory.shared[i].erase(&file);
    } else if ((flags & SQLITE_SHM_SHARED) != 0) {
      memory.shared[i].insert(&file);
    } else {
      memory.exclusive[i] = &file;
    }
  }
  return SQLITE_OK;
}

void FaultySqliteVfs::MemoryBarrier(sqlite3_file* handle) {
  const std::lock_guard lock(Handle::Of(handle).vfs->mutex_);
}

int FaultySqliteVfs::UnmapMemory(sqlite3_file* handle, int) {
  OpenFile& file = Handle::Of(handle);
  const std::lock_guard lock(file.vfs->mutex_);
  if (file.memory == nullptr) return SQLITE_OK;
  for (auto& holders : file.memory->shared) holders.erase(&file);
  for (OpenFile*& holder : file.memory->exclusive) {
    if (holder == &file) holder = nullptr;
  }
  file.memory->users.erase(&file);
  if (file.memory->users.empty()) file.vfs->memories_.erase(file.node);
  file.memory = nullptr;
  return SQLITE_OK;
}

}  // namespace quantd::testing
