#include "server/blob/local_dir/local_dir_blob_store.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/digest.h"
#include "common/status_macros.h"
#include "server/blob/blob_errors.h"
#include "server/blob/existing_blob_writer.h"
#include "server/blob/local_dir/partial_file.h"
#include "server/core/errors.h"

namespace quantd {
namespace {

class FileReader final : public BlobReader {
 public:
  FileReader(std::unique_ptr<File> file, int64_t size_bytes)
      : file_(std::move(file)), size_bytes_(size_bytes) {}

  int64_t size_bytes() const override { return size_bytes_; }

  absl::Status Read(int64_t offset, int64_t limit, std::string& bytes) override {
    RETURN_IF_ERROR(CheckRead(offset, limit, size_bytes_));
    bytes.resize(static_cast<size_t>(std::min(limit, size_bytes_ - offset)));
    for (size_t done = 0; done < bytes.size();) {
      ASSIGN_OR_RETURN(const size_t got, file_->Read(offset + static_cast<int64_t>(done),
                                                     bytes.data() + done, bytes.size() - done));
      if (got == 0) return absl::DataLossError("a blob was cut while it was read");
      done += got;
    }
    return absl::OkStatus();
  }

 private:
  const std::unique_ptr<File> file_;
  const int64_t size_bytes_;
};

// What a folder holds; nothing when it is not there.
absl::StatusOr<std::vector<std::string>> ListIfAny(FileSystem& files, const std::string& folder) {
  absl::StatusOr<std::vector<std::string>> names = files.List(folder);
  if (absl::IsNotFound(names.status())) return std::vector<std::string>();
  return names;
}

}  // namespace

class LocalDirBlobStore::Writer final : public BlobWriter {
 public:
  Writer(LocalDirBlobStore* store, UploadClaims::Claim claim, PartialFile file, std::string key,
         std::string digest, int64_t size_bytes)
      : store_(store),
        claim_(std::move(claim)),
        file_(std::move(file)),
        key_(std::move(key)),
        digest_(std::move(digest)),
        size_bytes_(size_bytes) {}

  ~Writer() override {
    if (finished_) return;
    claim_
        .Run([&] {
          store_->account_.SetUpload(key_, file_.size_bytes());
          return store_->files_->SetModifyTime(store_->UploadPath(key_), store_->clock_->Now());
        })
        .IgnoreError();  // Taken over: somebody else counts it. Not touched: it goes a bit earlier.
  }

  int64_t committed() const override { return file_.size_bytes(); }

  absl::Status Append(int64_t offset, absl::string_view bytes) override {
    std::string copy(bytes);
    return AppendAndTake(offset, copy);
  }

  absl::Status AppendAndTake(int64_t offset, std::string& bytes) override {
    if (finished_) return WriterIsSpent();
    return claim_.Run([&]() -> absl::Status {
      RETURN_IF_ERROR(CheckAppend(offset, bytes.size(), file_.size_bytes(), size_bytes_));
      return file_.Append(bytes);
    });
  }

  absl::Status Finish() override {
    if (finished_) return WriterIsSpent();
    return claim_.Run([&]() -> absl::Status {
      finished_ = true;
      const absl::Status status = Verify();
      if (!status.ok()) {
        store_->ThrowAway(key_);
        return status;
      }
      return store_->Publish(key_, digest_, size_bytes_);
    });
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
  UploadClaims::Claim claim_;  // Destroyed after the file.
  PartialFile file_;
  std::string key_;
  std::string digest_;
  int64_t size_bytes_;
  bool finished_ = false;
};

LocalDirBlobStore::LocalDirBlobStore(FileSystem* files, const Clock* clock,
                                     const std::string& folder, const std::string& tenant)
    : files_(files),
      clock_(clock),
      folder_(folder),
      tenant_(tenant),
      objects_folder_(absl::StrCat(folder, "/objects")),
      uploads_folder_(absl::StrCat(folder, "/uploads")),
      claims_(clock, kUploadQuiet) {}

std::unique_ptr<LocalDirBlobStore> LocalDirBlobStore::New(FileSystem* files, const Clock* clock,
                                                          const std::string& folder,
                                                          const std::string& tenant) {
  return absl::WrapUnique(new LocalDirBlobStore(files, clock, folder, tenant));
}

absl::StatusOr<std::unique_ptr<LocalDirBlobStore>> LocalDirBlobStore::Open(
    FileSystem* files, const Clock* clock, const std::string& folder, const std::string& tenant) {
  std::unique_ptr<LocalDirBlobStore> store = New(files, clock, folder, tenant);
  RETURN_IF_ERROR(store->CountWhatIsThere());
  return store;
}

absl::Status LocalDirBlobStore::CountWhatIsThere() {
  ASSIGN_OR_RETURN(const std::vector<std::string> digests, List());
  for (const std::string& digest : digests) {
    ASSIGN_OR_RETURN(const int64_t size_bytes, Size(digest));
    account_.AddBlob(/*upload=*/"", size_bytes);
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> uploads, ListIfAny(*files_, uploads_folder_));
  for (const std::string& key : uploads) {
    if (!IsSha256Hex(key)) continue;
    ASSIGN_OR_RETURN(const FileInfo info, files_->Info(UploadPath(key)));
    account_.SetUpload(key, info.size_bytes);
  }
  return absl::OkStatus();
}

absl::Status LocalDirBlobStore::CreateFoldersOnce() {
  const std::lock_guard guard(folders_mutex_);
  if (folders_created_) return absl::OkStatus();
  RETURN_IF_ERROR(CreateFolders(*files_, objects_folder_));
  RETURN_IF_ERROR(CreateFolders(*files_, uploads_folder_));
  folders_created_ = true;
  return absl::OkStatus();
}

bool LocalDirBlobStore::exists() const { return files_->Info(folder_).ok(); }

std::string LocalDirBlobStore::ShardPath(const std::string& digest) const {
  return absl::StrCat(objects_folder_, "/", digest.substr(0, 2));
}

std::string LocalDirBlobStore::ObjectPath(const std::string& digest) const {
  return absl::StrCat(ShardPath(digest), "/", digest);
}

std::string LocalDirBlobStore::UploadPath(const std::string& key) const {
  return absl::StrCat(uploads_folder_, "/", key);
}

absl::StatusOr<FileInfo> LocalDirBlobStore::InfoOf(const std::string& digest) const {
  if (!IsSha256Hex(digest) || unsynced_.contains(digest)) return BlobNotFound(digest);
  absl::StatusOr<FileInfo> info = files_->Info(ObjectPath(digest));
  if (absl::IsNotFound(info.status())) return BlobNotFound(digest);
  return info;
}

absl::StatusOr<int64_t> LocalDirBlobStore::Size(const std::string& digest) const {
  const std::lock_guard guard(objects_mutex_);
  ASSIGN_OR_RETURN(const FileInfo info, InfoOf(digest));
  return info.size_bytes;
}

absl::StatusOr<int64_t> LocalDirBlobStore::Use(const std::string& digest) {
  const std::lock_guard guard(objects_mutex_);
  ASSIGN_OR_RETURN(const FileInfo info, InfoOf(digest));
  RETURN_IF_ERROR(files_->SetModifyTime(ObjectPath(digest), clock_->Now()));
  return info.size_bytes;
}

absl::StatusOr<std::unique_ptr<BlobReader>> LocalDirBlobStore::Open(
    const std::string& digest) const {
  const std::lock_guard guard(objects_mutex_);
  ASSIGN_OR_RETURN(const FileInfo info, InfoOf(digest));
  ASSIGN_OR_RETURN(std::unique_ptr<File> file, files_->OpenForReading(ObjectPath(digest)));
  return std::make_unique<FileReader>(std::move(file), info.size_bytes);
}

absl::StatusOr<std::unique_ptr<BlobReader>> LocalDirBlobStore::UseAndOpen(
    const std::string& digest) {
  const std::lock_guard guard(objects_mutex_);
  ASSIGN_OR_RETURN(const FileInfo info, InfoOf(digest));
  RETURN_IF_ERROR(files_->SetModifyTime(ObjectPath(digest), clock_->Now()));
  ASSIGN_OR_RETURN(std::unique_ptr<File> file, files_->OpenForReading(ObjectPath(digest)));
  return std::make_unique<FileReader>(std::move(file), info.size_bytes);
}

absl::StatusOr<std::unique_ptr<BlobWriter>> LocalDirBlobStore::OpenUpload(
    const std::string& upload_id, const std::string& digest, int64_t size_bytes,
    int64_t stored_bytes_max) {
  RETURN_IF_ERROR(CheckUpload(digest, size_bytes));
  const std::string key = UploadKey(upload_id, digest);
  std::optional<UploadClaims::Claim> claim = claims_.Take(key);
  if (!claim) return UploadBusy(digest);
  absl::StatusOr<std::unique_ptr<BlobReader>> existing = UseAndOpen(digest);
  if (existing.ok()) return OpenExisting(key, digest, size_bytes, *std::move(existing));
  if (!absl::IsNotFound(existing.status())) return existing.status();
  const int64_t kept_bytes = CommittedBytes(upload_id, digest);
  if (!account_.Reserve(key, size_bytes, stored_bytes_max)) {
    return errors::QuotaExceeded(tenant_, "stored_bytes_max", stored_bytes_max, account_.used());
  }
  absl::Status status = CreateFoldersOnce();
  if (status.ok()) {
    absl::StatusOr<PartialFile> file = PartialFile::Open(*files_, UploadPath(key), size_bytes);
    if (file.ok()) {
      return std::make_unique<Writer>(this, *std::move(claim), *std::move(file), key, digest,
                                      size_bytes);
    }
    status = file.status();
  }
  account_.SetUpload(key, kept_bytes);
  return status;
}

absl::StatusOr<std::unique_ptr<BlobWriter>> LocalDirBlobStore::OpenExisting(
    const std::string& key, const std::string& digest, int64_t announced_bytes,
    std::unique_ptr<BlobReader> blob) {
  if (announced_bytes != blob->size_bytes()) {
    return SizeMismatch(announced_bytes, blob->size_bytes());
  }
  RETURN_IF_ERROR(RemoveFileIfAny(*files_, UploadPath(key)));  // Another upload was faster.
  account_.SetUpload(key, 0);
  return std::make_unique<ExistingBlobWriter>(this, digest, std::move(blob));
}

absl::Status LocalDirBlobStore::Publish(const std::string& key, const std::string& digest,
                                        int64_t size_bytes) {
  const std::lock_guard one_at_a_time(publish_mutex_);
  absl::Status status = CreateShard(digest);
  if (status.ok()) status = MoveIntoPlace(key, digest);
  if (status.ok() && unsynced_.contains(digest)) {
    status = files_->SyncFolder(ShardPath(digest));
    const std::lock_guard guard(objects_mutex_);
    if (status.ok()) {
      account_.AddBlob(key, size_bytes);
      unsynced_.erase(digest);
    } else if (files_->Rename(ObjectPath(digest), UploadPath(key)).ok()) {
      unsynced_.erase(digest);
    }
  }
  if (!status.ok()) {
    // What is not published is kept for another try, and counts as what it is.
    account_.SetUpload(key, size_bytes);
    durable_shards_.erase(ShardPath(digest));
  }
  return status;
}

absl::Status LocalDirBlobStore::CreateShard(const std::string& digest) {
  const std::string shard = ShardPath(digest);
  if (durable_shards_.contains(shard)) return absl::OkStatus();
  const absl::Status made = files_->CreateFolder(shard);
  if (!made.ok() && !absl::IsAlreadyExists(made)) return made;
  // Also when the folder was there: a server that crashed may not have come to this line.
  RETURN_IF_ERROR(files_->SyncFolder(objects_folder_));
  durable_shards_.insert(shard);
  return absl::OkStatus();
}

absl::Status LocalDirBlobStore::MoveIntoPlace(const std::string& key, const std::string& digest) {
  const std::lock_guard guard(objects_mutex_);
  const std::string upload_path = UploadPath(key);
  if (InfoOf(digest).ok()) {
    // Another upload was faster, and its bytes are the same ones.
    RETURN_IF_ERROR(files_->SetModifyTime(ObjectPath(digest), clock_->Now()));
    RETURN_IF_ERROR(RemoveFileIfAny(*files_, upload_path));
    account_.SetUpload(key, 0);
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(files_->SetModifyTime(upload_path, clock_->Now()));
  RETURN_IF_ERROR(files_->Rename(upload_path, ObjectPath(digest)));
  unsynced_.insert(digest);
  return absl::OkStatus();
}

void LocalDirBlobStore::ThrowAway(const std::string& key) {
  // Nothing better can be done about a file that does not go: it stays invisible, and counts.
  const absl::Status removed = RemoveFileIfAny(*files_, UploadPath(key));
  const absl::StatusOr<FileInfo> left = files_->Info(UploadPath(key));
  account_.SetUpload(key, removed.ok() || !left.ok() ? 0 : left->size_bytes);
}

int64_t LocalDirBlobStore::CommittedBytes(const std::string& upload_id,
                                          const std::string& digest) const {
  const absl::StatusOr<FileInfo> info = files_->Info(UploadPath(UploadKey(upload_id, digest)));
  return info.ok() ? info->size_bytes : 0;
}

absl::Status LocalDirBlobStore::Delete(const std::string& digest) {
  return DeleteUnusedSince(digest, absl::InfiniteFuture()).status();
}

absl::StatusOr<std::optional<int64_t>> LocalDirBlobStore::DeleteUnusedSince(
    const std::string& digest, absl::Time time) {
  int64_t size_bytes = 0;
  {
    const std::lock_guard guard(objects_mutex_);
    const absl::StatusOr<FileInfo> info = InfoOf(digest);
    if (absl::IsNotFound(info.status())) return std::nullopt;
    RETURN_IF_ERROR(info.status());
    if (info->modify_time >= time) return std::nullopt;
    RETURN_IF_ERROR(files_->RemoveFile(ObjectPath(digest)));
    size_bytes = info->size_bytes;
    account_.RemoveBlob(size_bytes);
  }
  RETURN_IF_ERROR(files_->SyncFolder(ShardPath(digest)));
  return size_bytes;
}

absl::StatusOr<std::vector<std::string>> LocalDirBlobStore::List() const {
  ASSIGN_OR_RETURN(const std::vector<std::string> shards, ListIfAny(*files_, objects_folder_));
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
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListIfAny(*files_, uploads_folder_));
  int removed = 0;
  for (const std::string& key : names) {
    if (!IsSha256Hex(key)) continue;
    const std::optional<UploadClaims::Claim> claim = claims_.TakeUnclaimed(key);
    if (!claim) continue;
    const absl::StatusOr<FileInfo> info = files_->Info(UploadPath(key));
    if (!info.ok()) continue;  // It has just been finished.
    if (info->modify_time >= time) continue;
    RETURN_IF_ERROR(RemoveFileIfAny(*files_, UploadPath(key)));
    account_.SetUpload(key, 0);
    ++removed;
  }
  return removed;
}

}  // namespace quantd
