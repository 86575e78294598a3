// Moves files between this machine and the server's blob store: only what is missing, resumed where
// a broken stream left off, verified by digest. Not thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/lib/blob_api.h"
#include "client/lib/local_files.h"
#include "client/lib/retry.h"
#include "common/clock.h"

namespace quantd {

struct UploadSummary {
  int files = 0;           // Asked for.
  int uploaded_files = 0;  // Sent: the server lacked them.
  int64_t uploaded_bytes = 0;
};

class Transfer {
 public:
  // Everything is borrowed. The policy bounds the attempts that make no progress; there is no limit
  // on the time of a transfer that advances.
  Transfer(BlobApi* blobs, const RetryPolicy& policy, const Clock* clock, Sleeper* sleeper)
      : blobs_(blobs), policy_(policy), clock_(clock), sleeper_(sleeper) {}

  // Called before a file is sent: its index among the missing ones from 0, how many there are, and
  // the file.
  using UploadObserver = std::function<void(int index, int missing, const LocalFile& file)>;

  // Sends the files whose content the server lacks, each content once. A run that was killed leaves
  // uploads that the next one resumes. ABORTED, reason
  // FILE_CHANGED, when a file shrank since it was hashed.
  absl::StatusOr<UploadSummary> Upload(const std::vector<LocalFile>& files,
                                       const UploadObserver& observer = nullptr);

  // Receives one blob into `path`: into a temporary file beside it, verified, made durable,
  // renamed. Creates the folders. DATA_LOSS when the bytes do not have the digest or the size.
  absl::Status Download(const v1::FileRef& file, const std::string& path);

 private:
  absl::StatusOr<std::vector<const LocalFile*>> FindMissing(const std::vector<LocalFile>& files);
  absl::Status UploadOne(const LocalFile& file);
  // Sends what the server lacks of this upload, over broken streams.
  absl::Status UploadAs(const BlobUpload& upload, const BlobApi::Reader& read);
  absl::StatusOr<std::optional<int64_t>> Committed(const BlobUpload& upload);

  BlobApi* const blobs_;
  const RetryPolicy policy_;
  const Clock* const clock_;
  Sleeper* const sleeper_;
};

}  // namespace quantd
