// Uploads and deletions on a blob store whose disk fails, and what must hold afterwards.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tests/support/faults/disk_image.h"
#include "tests/support/faults/fault_plan.h"

namespace quantd::testing {

// What somebody outside of the store knows of a blob.
enum class BlobFate {
  kThere,    // Its upload was acknowledged.
  kGone,     // Its deletion was.
  kUnknown,  // One of both is under way, or ended in an error.
};

struct BlobRun {
  DiskImage disk;                         // When it ended, what was not synced included.
  int64_t changes = 0;                    // Operations of the disk that change something.
  std::map<std::string, BlobFate> fates;  // By digest.
  absl::Status status;                    // Of the first step that failed.
  std::string log;                        // What went wrong on the disk.
};

// Runs the scenario: uploads in chunks, one left and resumed, two writers of one blob, one with
// wrong bytes, deletions, a restart, a blob uploaded again, the collection of what was left. Ends
// with the first error.
BlobRun RunBlobsUntilError(const std::vector<FaultRule>& rules);

// The same, but an error ends the faults and the step is tried again. `problem` says what was wrong
// with an error; empty: nothing.
BlobRun RunBlobsThroughErrors(const std::vector<FaultRule>& rules, std::string& problem);

// Power fails and comes back; whatever is wrong with the store then. Empty: nothing.
std::string CheckBlobsAfterPowerFailure(const BlobRun& run, uint64_t seed);
// The same of a server that goes on.
std::string CheckBlobs(const BlobRun& run);

}  // namespace quantd::testing
