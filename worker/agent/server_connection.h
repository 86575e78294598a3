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
#include "absl/time/time.h"
#include "quantd/v1/worker.pb.h"

namespace quantd {

class ServerConnection {
 public:
  // `stop` is asked between retries; true gives up with CANCELLED.
  ServerConnection(const std::string& address, std::function<bool()> stop);
  ~ServerConnection();

  absl::StatusOr<v1::LeaseJobResponse> LeaseJob(const v1::LeaseJobRequest& request);
  absl::StatusOr<v1::HeartbeatResponse> Heartbeat(const v1::HeartbeatRequest& request);
  absl::Status ReportEvents(const v1::ReportEventsRequest& request);
  absl::Status CompleteJob(const v1::CompleteJobRequest& request);

  // Downloads a blob to `path` and verifies its digest before the file appears.
  absl::Status DownloadBlob(const std::string& tenant, const v1::FileRef& file,
                            const std::string& path);

  // Uploads `path` unless the server has the blob. Resumes a broken upload.
  absl::Status UploadBlob(const std::string& tenant, const v1::FileRef& file,
                          const std::string& path);

 private:
  struct Stubs;
  template <typename Call>
  absl::Status Retry(absl::string_view what, const Call& call);
  absl::Status WriteOnce(const std::string& tenant, const v1::FileRef& file,
                         const std::string& path, const std::string& upload_id);

  std::unique_ptr<Stubs> stubs_;
  std::function<bool()> stop_;
};

}  // namespace quantd
