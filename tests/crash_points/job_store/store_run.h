// The scenario on a SQLite store whose disk fails, and what must hold afterwards.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tests/crash_points/job_store/store_content.h"
#include "tests/support/faults/disk_image.h"
#include "tests/support/faults/fault_plan.h"

namespace quantd::testing {

struct StoreRun {
  DiskImage disk;           // When it ended, what was not synced included.
  size_t acknowledged = 0;  // Transactions that were committed, as the caller was told.
  uint64_t last_token = 0;
  int64_t changes = 0;  // Operations of the disk that change something.
  absl::Status status;  // Of the first step that failed.
  std::string log;      // What went wrong on the disk.
};

// Opens a store, runs the first half, restarts it, runs the second half, closes it. Ends with the
// first error.
StoreRun RunUntilError(const std::vector<FaultRule>& rules);

// The same, but an error of the store ends the faults, is looked at, and the transaction is tried
// again. `problem` says what was wrong with the error or with the store after it; empty: nothing.
StoreRun RunThroughErrors(const std::vector<FaultRule>& rules, std::string& problem);

// What the store holds after 0, 1, 2, ... transactions of the scenario.
const std::vector<StoreContent>& ExpectedContents();

// Power fails and comes back; whatever is wrong with the database then, or with what can be done
// with it. Empty: nothing.
std::string CheckRecovery(const StoreRun& run, uint64_t seed);

}  // namespace quantd::testing
