// Identical work is done once: a job whose spec, inputs and engine version equal those of an
// earlier one takes over its result. Functions inside a transaction.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/core/blob_store.h"
#include "server/core/job_edit.h"
#include "server/core/job_store.h"

namespace quantd {

// A succeeded job of the same tenant and work, made by one of these engine versions, whose artifact
// and all its blobs still exist.
absl::StatusOr<std::optional<Job>> FindResult(Transaction& transaction, BlobStores& blobs,
                                              const Job& job,
                                              const std::vector<std::string>& engine_versions);

// Completes the queued job of `edit` with the result of `source`, and saves it.
absl::Status ReuseResult(Transaction& transaction, JobEdit& edit, const Job& source);

}  // namespace quantd
