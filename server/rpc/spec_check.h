// Everything that can be found wrong with a spec without running it. Each function adds what it
// finds, so that one answer lists every problem. Fields are spelled as the request spells them:
// "spec.evaluation.alpha".
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/error.h"
#include "quantd/v1/quality.pb.h"
#include "quantd/v1/spec.pb.h"
#include "server/core/blob_store.h"

namespace quantd {

// Collects violations. The reason of the first one is that of the answer.
class SpecProblems {
 public:
  void Add(absl::string_view reason, std::string field, std::string description);
  // Takes over the violations of an INVALID_ARGUMENT; OK adds nothing.
  void Add(const absl::Status& status);

  bool empty() const { return violations_.empty(); }
  // OK, or INVALID_ARGUMENT with all of them (at most 100 are told).
  absl::Status ToStatus() const;

 private:
  std::string reason_;
  std::vector<FieldViolation> violations_;
};

// Structure and ranges. Reasons: INVALID_SPEC, INVALID_ALPHA, INVALID_GATE.
void CheckStructure(const v1::JobSpec& spec, SpecProblems& problems);

// Parts of the above that artifacts share. A list of 1 to `max` files with plain relative names,
// each once, and digests.
inline constexpr int kFilesMax = 1'000'000;
void CheckFiles(const google::protobuf::RepeatedPtrField<v1::FileRef>& files,
                const std::string& field, SpecProblems& problems, int max = kFilesMax);
// What is wrong with a relative path; empty when nothing is.
std::string FileNameProblem(absl::string_view name);
// At most 64 labels; keys match [a-z][a-z0-9_.-]{0,62}, values have at most 256 bytes and no
// control characters.
void CheckLabels(const google::protobuf::Map<std::string, std::string>& labels,
                 const std::string& field, SpecProblems& problems);

// Every file's blob exists in the size that is told; it counts as used now. Reason MISSING_BLOB.
void CheckBlobs(const v1::JobSpec& spec, BlobStore& blobs, SpecProblems& problems);

// Presets, methods, parameters, metrics and formats are some that a worker has announced. Reasons:
// UNKNOWN_PRESET, UNKNOWN_METHOD, UNKNOWN_PARAMETER, PARAMETER_OUT_OF_RANGE, UNKNOWN_METRIC,
// UNKNOWN_FORMAT; LABELS_NEEDED for a gate on a metric that needs labels where the data has none.
// REQUIRES: at least one catalogue.
void CheckAgainstCatalogues(const v1::JobSpec& spec, const std::vector<v1::Catalogue>& catalogues,
                            SpecProblems& problems);

}  // namespace quantd
