#include "server/blob/local_dir/partial_file.h"

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/blob/blob_errors.h"

namespace quantd {
namespace {

constexpr size_t kHashChunkBytes = 1 << 20;
// The disk is put to work while the upload is under way, so that little is left for the end.
constexpr int64_t kWritebackBytes = 8 << 20;

}  // namespace

absl::StatusOr<PartialFile> PartialFile::Open(FileSystem& files, const std::string& path,
                                              int64_t size_bytes_max) {
  ASSIGN_OR_RETURN(std::unique_ptr<File> opened, files.OpenForWriting(path));
  ASSIGN_OR_RETURN(const FileInfo info, opened->Info());
  if (!info.is_file) return absl::InternalError(absl::StrCat(path, " is not a regular file"));
  if (info.size_bytes > size_bytes_max) RETURN_IF_ERROR(opened->Truncate(0));
  PartialFile file(std::move(opened));
  RETURN_IF_ERROR(file.HashContent());
  return file;
}

absl::Status PartialFile::HashContent() {
  std::string buffer;
  while (true) {
    // Most uploads are new: they need no buffer.
    if (size_bytes_ == 0) {
      ASSIGN_OR_RETURN(const FileInfo info, file_->Info());
      if (info.size_bytes == 0) return absl::OkStatus();
    }
    buffer.resize(kHashChunkBytes);
    ASSIGN_OR_RETURN(const size_t got, file_->Read(size_bytes_, buffer.data(), buffer.size()));
    if (got == 0) return absl::OkStatus();
    buffer.resize(got);
    hash_->Update(buffer);
    size_bytes_ += static_cast<int64_t>(got);
  }
}

absl::Status PartialFile::Append(std::string& bytes) {
  if (broken_) return WriterIsSpent();
  int64_t end = size_bytes_;
  for (absl::string_view rest = bytes; !rest.empty();) {
    const absl::StatusOr<size_t> written = file_->Write(end, rest);
    if (!written.ok()) {
      // A part may have been written. It is taken back, so that the file has what was hashed.
      broken_ = !file_->Truncate(size_bytes_).ok();
      return written.status();
    }
    rest.remove_prefix(*written);
    end += static_cast<int64_t>(*written);
  }
  hash_->Update(bytes);
  size_bytes_ = end;
  if (size_bytes_ - begun_bytes_ >= kWritebackBytes) {
    file_->BeginSync(begun_bytes_, size_bytes_ - begun_bytes_);
    begun_bytes_ = size_bytes_;
  }
  return absl::OkStatus();
}

}  // namespace quantd
