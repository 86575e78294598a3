#include "server/blob/local_dir/local_dir_blob_store.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/digest.h"
#include "common/status_macros.h"
#include "server/blob/blob_errors.h"
#include "server/blob/existing_blob_writer.h"
#include "server/blob/local_dir/partial_file.h"

namespace quantd {

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
      RemoveFileIfAny(*store_->files_, path_).IgnoreError();
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

LocalDirBlobStore::LocalDirBlobStore(FileSystem* files, const std::string& folder)
    : files_(files),
      objects_folder_(absl::StrCat(folder, "/objects")),
      uploads_folder_(absl::StrCat(folder, "/uploads")) {}

absl::StatusOr<std::unique_ptr<LocalDirBlobStore>> LocalDirBlobStore::Open(
    FileSystem* files, const std::string& folder) {
  std::unique_ptr<LocalDirBlobStore> store(new LocalDirBlobStore(files, folder));
  RETURN_IF_ERROR(CreateFolders(*files, store->objects_folder_));
  RETURN_IF_ERROR(CreateFolders(*files, store->uploads_folder_));
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
  return Size(digest).ok();
}

absl::StatusOr<int64_t> LocalDirBlobStore::Size(const std::string& digest) const {
  if (!IsSha256Hex(digest)) return BlobNotFound(digest);
  const absl::StatusOr<FileInfo> info = files_->Info(ObjectPath(digest));
  if (absl::IsNotFound(info.status())) return BlobNotFound(digest);
  RETURN_IF_ERROR(info.status());
  return info->size_bytes;
}

absl::StatusOr<std::string> LocalDirBlobStore::Read(const std::string& digest, int64_t offset,
                                                    int64_t limit) const {
  if (!IsSha256Hex(digest)) return BlobNotFound(digest);
  const std::string path = ObjectPath(digest);
  const absl::StatusOr<std::unique_ptr<File>> file = files_->OpenForReading(path);
  if (absl::IsNotFound(file.status())) return BlobNotFound(digest);
  RETURN_IF_ERROR(file.status());
  ASSIGN_OR_RETURN(const FileInfo info, (*file)->Info());
  RETURN_IF_ERROR(CheckRead(offset, limit, info.size_bytes));
  std::string bytes(static_cast<size_t>(std::min(limit, info.size_bytes - offset)), '\0');
  for (size_t done = 0; done < bytes.size();) {
    ASSIGN_OR_RETURN(const size_t got, (*file)->Read(offset + static_cast<int64_t>(done),
                                                     bytes.data() + done, bytes.size() - done));
    if (got == 0) return absl::DataLossError(absl::StrCat(path, " was cut while it was read"));
    done += got;
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
    RETURN_IF_ERROR(RemoveFileIfAny(*files_, path));  // Another upload was faster.
    return std::make_unique<ExistingBlobWriter>(size_bytes);
  } else if (!absl::IsNotFound(existing.status())) {
    return existing.status();
  }
  ASSIGN_OR_RETURN(PartialFile file, PartialFile::Open(*files_, path, size_bytes));
  return std::make_unique<Writer>(this, *std::move(lock), std::move(file), path, digest,
                                  size_bytes);
}

absl::Status LocalDirBlobStore::Publish(const std::string& upload_path, const std::string& digest) {
  const std::string shard = ShardPath(digest);
  const std::string path = ObjectPath(digest);
  if (const absl::Status made = files_->CreateFolder(shard);
      !made.ok() && !absl::IsAlreadyExists(made)) {
    return made;
  }
  // Also when the folder was there: whoever made it may not have come to this line yet.
  RETURN_IF_ERROR(files_->SyncFolder(objects_folder_));
  if (Has(digest)) {
    // Another upload was faster, and its bytes are the same ones.
    RETURN_IF_ERROR(RemoveFileIfAny(*files_, upload_path));
  } else {
    RETURN_IF_ERROR(files_->Rename(upload_path, path));
  }
  return files_->SyncFolder(shard);
}

int64_t LocalDirBlobStore::CommittedBytes(const std::string& upload_id,
                                          const std::string& digest) const {
  const absl::StatusOr<FileInfo> info = files_->Info(UploadPath(UploadKey(upload_id, digest)));
  return info.ok() ? info->size_bytes : 0;
}

absl::Status LocalDirBlobStore::Delete(const std::string& digest) {
  if (!Has(digest)) return absl::OkStatus();
  RETURN_IF_ERROR(RemoveFileIfAny(*files_, ObjectPath(digest)));
  return files_->SyncFolder(ShardPath(digest));
}

absl::StatusOr<std::vector<std::string>> LocalDirBlobStore::List() const {
  ASSIGN_OR_RETURN(const std::vector<std::string> shards, files_->List(objects_folder_));
  std::vector<std::string> digests;
  for (const std::string& shard : shards) {
    if (shard.size() != 2) continue;  // Not ours; as is anything else that no digest names.
    ASSIGN_OR_RETURN(const std::vector<std::string> names,
                     files_->List(absl::StrCat(objects_folder_, "/", shard)));
    std::copy_if(names.begin(), names.end(), std::back_inserter(digests),
                 [&](const std::string& name) {
                   return IsSha256Hex(name) && absl::StartsWith(name, shard);
                 });
  }
  return digests;
}

absl::StatusOr<int> LocalDirBlobStore::RemoveUploadsOlderThan(absl::Time time) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, files_->List(uploads_folder_));
  int removed = 0;
  for (const std::string& name : names) {
    if (!IsSha256Hex(name)) continue;
    const std::optional<UploadLocks::Lock> lock = locks_.TryLock(name);
    if (!lock) continue;
    const std::string path = UploadPath(name);
    const absl::StatusOr<FileInfo> info = files_->Info(path);
    if (!info.ok()) continue;  // It has just been finished.
    if (info->modify_time >= time) continue;
    RETURN_IF_ERROR(RemoveFileIfAny(*files_, path));
    ++removed;
  }
  return removed;
}

}  // namespace quantd
