#include "worker/agent/lease_loop.h"

#include <algorithm>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/error.h"
#include "common/log.h"

namespace quantd {
namespace {

// Short enough that draining an idle worker is quick without a second channel to interrupt the call.
constexpr int64_t kLeaseWaitSeconds = 1;
constexpr absl::Duration kBackoffMax = absl::Seconds(2);
constexpr absl::Duration kTidyUpEvery = absl::Minutes(10);

}  // namespace

void LeaseLoop::TidyUp() {
  if (const absl::Status trimmed = blobs_->Trim(); !trimmed.ok()) {
    LOG_WARNING("cannot trim the blob cache", {{"error", FormatStatus(trimmed)}});
  }
  const absl::StatusOr<int> swept = folders_->Sweep();
  if (!swept.ok()) {
    LOG_WARNING("cannot sweep the folders of jobs", {{"error", FormatStatus(swept.status())}});
  } else if (*swept > 0) {
    LOG_INFO("folders of abandoned jobs removed", {{"count", absl::StrCat(*swept)}});
  }
}

void LeaseLoop::Run() {
  absl::Duration backoff = absl::Milliseconds(100);
  absl::Time tidy_up_at = absl::InfinitePast();
  while (!draining_->load()) {
    if (absl::Now() >= tidy_up_at) {
      TidyUp();
      tidy_up_at = absl::Now() + kTidyUpEvery;
    }
    v1::LeaseJobRequest request;
    request.set_worker(worker_name_);
    // Sent every time: a server that restarted, or one of several, may not know this worker yet.
    *request.mutable_catalogue() = catalogue_;
    request.mutable_wait()->set_seconds(kLeaseWaitSeconds);
    const absl::StatusOr<v1::LeaseJobResponse> response = server_->LeaseJob(request);
    if (!response.ok()) {
      LOG_WARNING("cannot lease", {{"error", FormatStatus(response.status())}});
      std::this_thread::sleep_for(absl::ToChronoMilliseconds(backoff));
      backoff = std::min(backoff * 2, kBackoffMax);
      continue;
    }
    backoff = absl::Milliseconds(100);
    if (!response->has_lease()) continue;
    const absl::Status status = session_->Run(response->lease());
    if (!status.ok()) {
      LOG_ERROR("job abandoned",
                {{"job", response->lease().job()}, {"error", FormatStatus(status)}});
    }
    tidy_up_at = absl::InfinitePast();
  }
}

}  // namespace quantd
