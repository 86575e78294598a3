// The worker's calls to a server, as plain functions with deadlines. Thread-safe.
//
// Calls that may be repeated safely are retried with backoff until `patience` has passed, so that a server that
// restarts costs time and nothing else.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "proto/wire/credential_options.h"
#include "quantd/v1/worker.pb.h"

namespace quantd {

class ServerConnection {
 public:
  // Connects on first use. `stop` is asked between retries; true gives up with CANCELLED. Errors of MakeChannel().
  static absl::StatusOr<std::unique_ptr<ServerConnection>> Open(const std::string& address,
                                                                const CredentialOptions& credentials,
                                                                std::function<bool()> stop);
  ~ServerConnection();

  absl::StatusOr<v1::LeaseJobResponse> LeaseJob(const v1::LeaseJobRequest& request);
  absl::StatusOr<v1::HeartbeatResponse> Heartbeat(const v1::HeartbeatRequest& request);
  absl::Status ReportEvents(const v1::ReportEventsRequest& request);
  // The job's state after it.
  absl::StatusOr<v1::Job::State> CompleteJob(const v1::CompleteJobRequest& request);

  // Blobs are those of the lease's tenant, read and written by right of the lease. `stop` is asked all along; true ends
  // the transfer with CANCELLED.

  // Downloads a blob to `path` and verifies its digest before the file appears; it is readable by everybody who
  // reaches it. RESOURCE_EXHAUSTED, reason DISK_FULL: nothing is left behind.
  absl::Status DownloadBlob(const v1::Lease& lease, const v1::FileRef& file, const std::string& path,
                            const std::function<bool()>& stop);
  // Uploads `path` unless the server has the blob. Resumes a broken upload, also one of an earlier
  // attempt or of another worker, and harms none that sends the same blob at the same time.
  absl::Status UploadBlob(const v1::Lease& lease, const v1::FileRef& file, const std::string& path,
                          const std::function<bool()>& stop);

 private:
  struct Stubs;
  ServerConnection(std::unique_ptr<Stubs> stubs, std::function<bool()> stop);
  absl::Status Retry(absl::string_view what, const std::function<bool()>& stop,
                     const std::function<absl::Status()>& call) const;
  absl::Status ReadOnce(const v1::Lease& lease, const v1::FileRef& file, const std::string& path,
                        const std::function<bool()>& stop);
  absl::Status WriteOnce(const v1::Lease& lease, const v1::FileRef& file,
                         const std::string& upload_id, const std::string& path,
                         const std::function<bool()>& stop);
  absl::StatusOr<int64_t> CommittedBytes(const v1::Lease& lease, const v1::FileRef& file,
                                         const std::string& upload_id);

  std::unique_ptr<Stubs> stubs_;
  std::function<bool()> stop_;
};

}  // namespace quantd
