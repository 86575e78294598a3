#include "worker/job/stages/stages.h"

namespace quantd {

// The recipe's transforms in order. The plan has refused ids that no registry knows, and this engine's registry of
// transforms is empty, so that there is nothing to run.
absl::Status TransformModel(JobState& job) {
  QUANTD_CHECK(job.recipe.transforms.empty());
  return absl::OkStatus();
}

}  // namespace quantd
