#include "server/blob/local_dir/local_dir_blob_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/digest.h"
#include "common/errno_status.h"
#include "common/error.h"
#include "common/file.h"
#include "common/status_macros.h"
#include "server/blob/blob_errors.h"
#include "server/blob/existing_blob_writer.h"

namespace quantd {
namespace {

// OK when it is not there.
absl::Status RemoveFile(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return ErrnoStatus("remove", path);
}

}  // namespace

class LocalDirBlobStore::Writer final : public BlobWriter {
 public:
  Writer(LocalDirBlobStore* store, UploadLocks::Lock lock, PartialFile file, std::string path,
         std::string digest, int64_t size_bytes)
      : store_(store),
        lock_(std::move(lock)),
        file_(std::move(file)),
        path_(std::move(path)),
        digest_(std::move(digest)),
        size_bytes_(size_bytes) {}

  int64_t committed() const override { return file_.size_bytes(); }

  absl::Status Append(int64_t offset, absl::string_view bytes) override {
    if (finished_) return WriterIsSpent();
    RETURN_IF_ERROR(CheckAppend(offset, bytes.size(), file_.size_bytes(), size_bytes_));
    return file_.Append(bytes);
  }

  absl::Status Finish() override {
    if (finished_) return WriterIsSpent();
    finished_ = true;
    const absl::Status status = Verify();
    if (!status.ok()) {
      // Nothing better can be done about a file that does not go: it stays invisible.
      RemoveFile(path_).IgnoreError();
      return status;
    }
    return store_->Publish(path_, digest_);
  }

 private:
  absl::Status Verify() {
    if (file_.size_bytes() != size_bytes_) return SizeMismatch(size_bytes_, file_.size_bytes());
    if (const std::string actual = file_.HexDigest(); actual != digest_) {
      return DigestMismatch(digest_, actual);
    }
    return file_.Sync();
  }

  LocalDirBlobStore* store_;
  UploadLocks::Lock lock_;  // Destroyed after the file.
  PartialFile file_;
  std::string path_;
  std::string digest_;
  int64_t size_bytes_;
  bool finished_ = false;
};

LocalDirBlobStore::LocalDirBlobStore(const std::string& folder, PwriteFunction write)
    : objects_folder_(absl::StrCat(folder, "/objects")),
      uploads_folder_(absl::StrCat(folder, "/uploads")),
      write_(write ? std::move(write) : PwriteFunction(&::pwrite)) {}

absl::StatusOr<std::unique_ptr<LocalDirBlobStore>> LocalDirBlobStore::Open(
    const std::string& folder, PwriteFunction write) {
  std::unique_ptr<LocalDirBlobStore> store(new LocalDirBlobStore(folder, std::move(write)));
  RETURN_IF_ERROR(CreateFolders(store->objects_folder_));
  RETURN_IF_ERROR(CreateFolders(store->uploads_folder_));
  RETURN_IF_ERROR(SyncFolder(folder));
  return store;
}

std::string LocalDirBlobStore::ShardPath(const std::string& digest) const {
  return absl::StrCat(objects_folder_, "/", digest.substr(0, 2));
}

std::string LocalDirBlobStore::ObjectPath(const std::string& digest) const {
  return absl::StrCat(ShardPath(digest), "/", digest);
}

std::string LocalDirBlobStore::UploadPath(const std::string& key) const {
  return absl::StrCat(uploads_folder_, "/", key);
}

bool LocalDirBlobStore::Has(const std::string& digest) const {
  return IsSha256Hex(digest) && FileExists(ObjectPath(digest));
}

absl::StatusOr<int64_t> LocalDirBlobStore::Size(const std::string& digest) const {
  if (!IsSha256Hex(digest)) return BlobNotFound(digest);
  absl::StatusOr<int64_t> size = FileSize(ObjectPath(digest));
  if (absl::IsNotFound(size.status())) return BlobNotFound(digest);
  return size;
}

absl::StatusOr<std::string> LocalDirBlobStore::Read(const std::string& digest, int64_t offset,
                                                    int64_t limit) const {
  if (!IsSha256Hex(digest)) return BlobNotFound(digest);
  const std::string path = ObjectPath(digest);
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT ? BlobNotFound(digest) : ErrnoStatus("open", path);
  const auto close_fd = absl::MakeCleanup([fd] { ::close(fd); });
  struct stat info;
  if (::fstat(fd, &info) != 0) return ErrnoStatus("stat", path);
  RETURN_IF_ERROR(CheckRead(offset, limit, info.st_size));
  std::string bytes(static_cast<size_t>(std::min<int64_t>(limit, info.st_size - offset)), '\0');
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t got =
        ::pread(fd, bytes.data() + done, bytes.size() - done, offset + static_cast<int64_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus("read", path);
    if (got == 0) return absl::DataLossError(absl::StrCat(path, " was cut while it was read"));
    done += static_cast<size_t>(got);
  }
  return bytes;
}

absl::StatusOr<std::unique_ptr<BlobWriter>> LocalDirBlobStore::OpenUpload(
    const std::string& upload_id, const std::string& digest, int64_t size_bytes) {
  RETURN_IF_ERROR(CheckUpload(digest, size_bytes));
  const std::string key = UploadKey(upload_id, digest);
  std::optional<UploadLocks::Lock> lock = locks_.TryLock(key);
  if (!lock) return UploadBusy(digest);
  const std::string path = UploadPath(key);
  if (const absl::StatusOr<int64_t> existing = Size(digest); existing.ok()) {
    if (*existing != size_bytes) return SizeMismatch(size_bytes, *existing);
    RETURN_IF_ERROR(RemoveFile(path));  // Another upload was faster.
    return std::make_unique<ExistingBlobWriter>(size_bytes);
  } else if (!absl::IsNotFound(existing.status())) {
    return existing.status();
  }
  ASSIGN_OR_RETURN(PartialFile file, PartialFile::Open(path, size_bytes, write_));
  return std::make_unique<Writer>(this, *std::move(lock), std::move(file), path, digest,
                                  size_bytes);
}

absl::Status LocalDirBlobStore::Publish(const std::string& upload_path, const std::string& digest) {
  const std::string shard = ShardPath(digest);
  const std::string path = ObjectPath(digest);
  RETURN_IF_ERROR(CreateFolders(shard));
  // Also when the folder was there: whoever made it may not have come to this line yet.
  RETURN_IF_ERROR(SyncFolder(objects_folder_));
  if (FileExists(path)) {
    // Another upload was faster, and its bytes are the same ones.
    RETURN_IF_ERROR(RemoveFile(upload_path));
  } else if (::rename(upload_path.c_str(), path.c_str()) != 0) {
    return ErrnoStatus("rename", upload_path);
  }
  return SyncFolder(shard);
}

int64_t LocalDirBlobStore::CommittedBytes(const std::string& upload_id,
                                          const std::string& digest) const {
  return FileSize(UploadPath(UploadKey(upload_id, digest))).value_or(0);
}

absl::Status LocalDirBlobStore::Delete(const std::string& digest) {
  if (!Has(digest)) return absl::OkStatus();
  RETURN_IF_ERROR(RemoveFile(ObjectPath(digest)));
  return SyncFolder(ShardPath(digest));
}

absl::StatusOr<std::vector<std::string>> LocalDirBlobStore::List() const {
  ASSIGN_OR_RETURN(const std::vector<std::string> shards, ListFolder(objects_folder_));
  std::vector<std::string> digests;
  for (const std::string& shard : shards) {
    if (shard.size() != 2) continue;  // Not ours; as is anything else that no digest names.
    ASSIGN_OR_RETURN(const std::vector<std::string> names,
                     ListFolder(absl::StrCat(objects_folder_, "/", shard)));
    std::copy_if(names.begin(), names.end(), std::back_inserter(digests),
                 [&](const std::string& name) {
                   return IsSha256Hex(name) && absl::StartsWith(name, shard);
                 });
  }
  return digests;
}

absl::StatusOr<int> LocalDirBlobStore::RemoveUploadsOlderThan(absl::Time time) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(uploads_folder_));
  int removed = 0;
  for (const std::string& name : names) {
    if (!IsSha256Hex(name)) continue;
    const std::optional<UploadLocks::Lock> lock = locks_.TryLock(name);
    if (!lock) continue;
    struct stat info;
    const std::string path = UploadPath(name);
    if (::stat(path.c_str(), &info) != 0) continue;  // It has just been finished.
    if (absl::TimeFromTimespec(info.st_mtim) >= time) continue;
    RETURN_IF_ERROR(RemoveFile(path));
    ++removed;
  }
  return removed;
}

}  // namespace quantd
