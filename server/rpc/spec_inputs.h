// The blobs that a job reads.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "quantd/v1/spec.pb.h"
#include "server/core/job_store.h"

namespace quantd {

// The digests of a spec's model, data and evaluation files: sorted, each once.
std::vector<std::string> InputsOf(const v1::JobSpec& spec);

// Tells the store the inputs of jobs from before it kept them, once. DATA_LOSS names a job whose
// spec cannot be read. Costs nothing when it is done.
absl::Status CompleteInputs(JobStore& store);

}  // namespace quantd
