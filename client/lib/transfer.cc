#include "client/lib/transfer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "client/lib/uuid.h"
#include "common/digest.h"
#include "common/errno_status.h"
#include "common/error.h"
#include "common/file.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

constexpr size_t kDigestsPerCall = 10'000;
// Smaller files are sent whole without a question first: there is little to resume.
constexpr int64_t kResumableBytes = 1 << 20;

// The same in every run, so that a client that was killed goes on where it stood. The server keeps
// tenants apart.
std::string StableUploadId(const std::string& digest) { return absl::StrCat("client-", digest); }

// The transfer may go on from where the server stands, at once.
bool MeansLookAgain(absl::string_view reason) {
  return reason == "OFFSET_MISMATCH" || reason == "STREAM_IDLE" || reason == "BLOB_REMOVED" ||
         reason == "UPLOAD_INCOMPLETE";
}

// Jitter needs no secrecy, only difference between blobs.
uint64_t JitterSeed(const std::string& digest) { return std::hash<std::string>()(digest); }

absl::StatusOr<size_t> ReadAt(int fd, const LocalFile& file, int64_t offset, std::string& buffer) {
  const int64_t left = file.ref.size_bytes() - offset;
  const size_t wanted =
      std::min<size_t>(buffer.size(), static_cast<size_t>(std::max<int64_t>(left, 0)));
  size_t filled = 0;
  while (filled < wanted) {
    const ssize_t got =
        pread(fd, buffer.data() + filled, wanted - filled, offset + static_cast<off_t>(filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus("read", file.path);
    if (got == 0) {
      return MakeError(
          absl::StatusCode::kAborted, "FILE_CHANGED",
          absl::StrCat(file.path, " became shorter while it was uploaded; run the command again"));
    }
    filled += static_cast<size_t>(got);
  }
  return filled;
}

// A file being received: bytes go to `path`.part and into the digest.
class PartialFile {
 public:
  explicit PartialFile(const std::string& path) : path_(path), part_(path + ".part") {}
  ~PartialFile() {
    if (fd_ >= 0) close(fd_);
    if (!kept_) unlink(part_.c_str());
  }

  absl::Status Open() {
    fd_ = open(part_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    return fd_ < 0 ? ErrnoStatus("create", part_) : absl::OkStatus();
  }

  absl::Status Append(absl::string_view bytes) {
    digest_.Update(bytes);
    size_bytes_ += static_cast<int64_t>(bytes.size());
    while (!bytes.empty()) {
      const ssize_t wrote = write(fd_, bytes.data(), bytes.size());
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) return ErrnoStatus("write", part_);
      bytes.remove_prefix(static_cast<size_t>(wrote));
    }
    return absl::OkStatus();
  }

  absl::Status Keep(const v1::FileRef& file) {
    const std::string digest = digest_.HexDigest();
    if (size_bytes_ != file.size_bytes() || digest != file.digest()) {
      return MakeError(
          absl::StatusCode::kDataLoss, "DIGEST_MISMATCH",
          absl::StrCat(file.name(), ": received ", size_bytes_, " bytes with digest ", digest,
                       " instead of ", file.size_bytes(), " bytes with ", file.digest()));
    }
    if (fsync(fd_) != 0) return ErrnoStatus("sync", part_);
    if (rename(part_.c_str(), path_.c_str()) != 0) return ErrnoStatus("rename", part_);
    kept_ = true;
    return absl::OkStatus();
  }

  int64_t size_bytes() const { return size_bytes_; }

 private:
  const std::string path_;
  const std::string part_;
  int fd_ = -1;
  bool kept_ = false;
  int64_t size_bytes_ = 0;
  Sha256 digest_;
};

}  // namespace

absl::StatusOr<std::vector<const LocalFile*>> Transfer::FindMissing(
    const std::vector<LocalFile>& files) {
  std::map<std::string, const LocalFile*> by_digest;
  for (const LocalFile& file : files) by_digest.emplace(file.ref.digest(), &file);
  std::vector<std::string> digests;
  for (const auto& [digest, file] : by_digest) digests.push_back(digest);
  std::vector<const LocalFile*> missing;
  for (size_t first = 0; first < digests.size(); first += kDigestsPerCall) {
    const size_t last = std::min(first + kDigestsPerCall, digests.size());
    const std::vector<std::string> part(digests.begin() + static_cast<std::ptrdiff_t>(first),
                                        digests.begin() + static_cast<std::ptrdiff_t>(last));
    ASSIGN_OR_RETURN(const std::vector<std::string> answer, blobs_->FindMissingBlobs(part));
    for (const std::string& digest : std::set<std::string>(answer.begin(), answer.end())) {
      const auto found = by_digest.find(digest);
      if (found != by_digest.end()) missing.push_back(found->second);
    }
  }
  return missing;
}

absl::StatusOr<UploadSummary> Transfer::Upload(const std::vector<LocalFile>& files,
                                               const UploadObserver& observer) {
  UploadSummary summary;
  summary.files = static_cast<int>(files.size());
  ASSIGN_OR_RETURN(const std::vector<const LocalFile*> missing, FindMissing(files));
  for (const LocalFile* file : missing) {
    if (observer) observer(summary.uploaded_files, static_cast<int>(missing.size()), *file);
    if (absl::Status status = UploadOne(*file); !status.ok()) {
      return Annotate(status, absl::StrCat("upload of ", file->path));
    }
    ++summary.uploaded_files;
    summary.uploaded_bytes += file->ref.size_bytes();
  }
  return summary;
}

// Where the upload stands on the server; nothing when the blob is there.
absl::StatusOr<std::optional<int64_t>> Transfer::Committed(const BlobUpload& upload) {
  const absl::StatusOr<UploadProgress> progress = blobs_->QueryWriteStatus(upload);
  // Nothing of the upload is known, so it starts anew.
  if (absl::IsNotFound(progress.status())) return 0;
  RETURN_IF_ERROR(progress.status());
  if (progress->complete) return std::nullopt;
  return progress->committed_bytes;
}

absl::Status Transfer::UploadOne(const LocalFile& file) {
  const int fd = open(file.path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus("open", file.path);
  const auto closer = absl::MakeCleanup([fd] { close(fd); });
  const BlobApi::Reader read = [&](int64_t offset, std::string& buffer) {
    return ReadAt(fd, file, offset, buffer);
  };
  BlobUpload upload = {file.ref.digest(), file.ref.size_bytes(), StableUploadId(file.ref.digest())};
  const absl::Status status = UploadAs(upload, read);
  const std::string reason = GetErrorDetails(status).reason;
  if (reason != "UPLOAD_BUSY" && reason != "UPLOAD_TAKEN_OVER") return status;
  // Another client uploads the same blob. Neither waits for the other, which may never end.
  upload.upload_id = MakeUuid();
  return UploadAs(upload, read);
}

absl::Status Transfer::UploadAs(const BlobUpload& upload, const BlobApi::Reader& read) {
  Backoff backoff(policy_, clock_, JitterSeed(upload.digest));
  int64_t offset = 0;
  bool look_first = upload.size_bytes > kResumableBytes;
  bool sent = false;
  while (true) {
    if (look_first) {
      ASSIGN_OR_RETURN(const std::optional<int64_t> committed, Committed(upload));
      if (!committed) return absl::OkStatus();
      if (*committed > offset) backoff.Reset();
      offset = *committed;
    }
    look_first = true;
    const absl::Status status = blobs_->WriteBlob(upload, offset, read);
    if (status.ok()) return status;
    const std::string reason = GetErrorDetails(status).reason;
    // Busy with a stream of ours that broke, which the server notices soon.
    const bool by_us = reason == "UPLOAD_BUSY" && sent;
    sent = true;
    const std::optional<absl::Duration> delay = backoff.Next(
        MeansLookAgain(reason) || by_us ? absl::UnavailableError(status.message()) : status);
    if (!delay) return status;
    RETURN_IF_ERROR(sleeper_->Sleep(*delay));
  }
}

absl::Status Transfer::Download(const v1::FileRef& file, const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash != std::string::npos && slash > 0)
    RETURN_IF_ERROR(CreateFolders(path.substr(0, slash)));
  PartialFile partial(path);
  RETURN_IF_ERROR(partial.Open());
  Backoff backoff(policy_, clock_, JitterSeed(file.digest()));
  while (true) {
    const int64_t before = partial.size_bytes();
    const absl::Status status =
        blobs_->ReadBlob(file.digest(), before, [&](absl::string_view bytes) -> absl::Status {
          if (partial.size_bytes() + static_cast<int64_t>(bytes.size()) > file.size_bytes()) {
            return MakeError(absl::StatusCode::kDataLoss, "DIGEST_MISMATCH",
                             absl::StrCat(file.name(), ": the server sent more than ",
                                          file.size_bytes(), " bytes"));
          }
          return partial.Append(bytes);
        });
    if (status.ok()) return partial.Keep(file);
    if (partial.size_bytes() > before) backoff.Reset();
    const std::optional<absl::Duration> delay = backoff.Next(
        MeansLookAgain(GetErrorDetails(status).reason) ? absl::UnavailableError(status.message())
                                                       : status);
    if (!delay) return Annotate(status, absl::StrCat("download of ", file.name()));
    RETURN_IF_ERROR(sleeper_->Sleep(*delay));
  }
}

}  // namespace quantd
