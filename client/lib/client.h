// The API of one server as typed calls: deadlines, retries of safe calls, errors with the details
// of common/error.h. Thread-safe.
//
// Every call ends with CANCELLED soon after the stop token is requested.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/lib/blob_api.h"
#include "client/lib/connection.h"
#include "client/lib/retry.h"
#include "common/clock.h"
#include "quantd/v1/admin.pb.h"
#include "quantd/v1/artifact.pb.h"
#include "quantd/v1/job.pb.h"
#include "quantd/v1/quality.pb.h"

namespace quantd {

struct ClientOptions {
  RetryPolicy retry;  // `retry.overall` is also the deadline of each call.
  std::stop_token stop;
};

// Whether the state is one that a job does not leave by itself.
bool IsFinished(v1::Job::State state);

class Client final : public BlobApi {
 public:
  using EventCallback = std::function<void(const v1::JobEvent&)>;

  // Borrows all but the options. `parent`, of the blob calls, is tenants/{tenant}.
  Client(const Connection* connection, ClientOptions options, const Clock* clock, Sleeper* sleeper,
         std::string parent);
  ~Client() override;

  // Jobs. CreateJob is retried only with a request id: only then is it idempotent. RedriveJob and
  // DeleteJob are never.
  absl::StatusOr<v1::Job> CreateJob(const v1::CreateJobRequest& request);
  absl::StatusOr<v1::Job> GetJob(const std::string& name);
  absl::StatusOr<v1::ListJobsResponse> ListJobs(const v1::ListJobsRequest& request);
  absl::StatusOr<v1::Job> CancelJob(const std::string& name);
  absl::StatusOr<v1::Job> RedriveJob(const std::string& name);
  absl::Status DeleteJob(const std::string& name);
  absl::StatusOr<v1::ValidateJobResponse> ValidateJob(const v1::ValidateJobRequest& request);

  // Passes on the events after a sequence number, each once and in order, through outages of up to
  // 3 minutes, until the job has finished; returns the job. DEADLINE_EXCEEDED, reason
  // STILL_RUNNING, at `deadline`.
  absl::StatusOr<v1::Job> WatchJob(const std::string& name, int64_t after_sequence,
                                   absl::Time deadline, const EventCallback& callback);
  // The same without events.
  absl::StatusOr<v1::Job> WaitJob(const std::string& name, absl::Time deadline);

  // Quality.
  absl::StatusOr<v1::CompareJobsResponse> CompareJobs(const v1::CompareJobsRequest& request);
  absl::StatusOr<v1::ListMethodsResponse> ListMethods(const std::string& axis);
  absl::StatusOr<v1::ListPresetsResponse> ListPresets();
  absl::StatusOr<v1::Method> DescribeMethod(const std::string& axis, const std::string& id);

  // Artifacts and blobs.
  absl::StatusOr<v1::Artifact> CreateArtifact(const v1::CreateArtifactRequest& request);
  absl::StatusOr<v1::Artifact> GetArtifact(const std::string& name);
  absl::StatusOr<std::vector<std::string>> FindMissingBlobs(
      const std::vector<std::string>& digests) override;
  absl::StatusOr<UploadProgress> QueryWriteStatus(const BlobUpload& upload) override;
  absl::Status WriteBlob(const BlobUpload& upload, int64_t offset, const Reader& read) override;
  absl::Status ReadBlob(const std::string& digest, int64_t offset, const Sink& sink) override;

  // For operators. A token that was made in a call whose answer got lost stays, unknown to anybody:
  // CreateToken and RotateToken are not repeated.
  absl::StatusOr<v1::CreateTokenResponse> CreateToken(const v1::CreateTokenRequest& request);
  absl::StatusOr<v1::ListTokensResponse> ListTokens(const v1::ListTokensRequest& request);
  absl::StatusOr<v1::CreateTokenResponse> RotateToken(const v1::RotateTokenRequest& request);
  absl::StatusOr<v1::Token> RevokeToken(const std::string& name);
  absl::StatusOr<v1::Tenant> GetTenant(const std::string& name);
  absl::StatusOr<v1::Tenant> UpdateTenant(const v1::UpdateTenantRequest& request);
  absl::StatusOr<v1::ServerState> GetServerState();
  absl::StatusOr<v1::ServerState> SetPaused(bool paused);
  absl::StatusOr<v1::CollectGarbageResponse> CollectGarbage(
      const v1::CollectGarbageRequest& request);

  // OK when the server says that it is serving.
  absl::Status CheckHealth();

 private:
  struct Stubs;
  class Attempt;

  template <typename Response, typename Stub, typename Method, typename Request>
  absl::StatusOr<Response> Call(Stub* stub, Method method, const Request& request, bool idempotent);
  // One stream of events, from `last_sequence` on, which it advances.
  absl::Status StreamEvents(const std::string& name, absl::Time deadline, int64_t& last_sequence,
                            Backoff& backoff, const EventCallback& callback);

  const ClientOptions options_;
  const Clock* const clock_;
  Sleeper* const sleeper_;
  const std::string parent_;
  const std::unique_ptr<Stubs> stubs_;
};

}  // namespace quantd
