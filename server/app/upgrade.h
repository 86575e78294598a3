// Brings the data of an earlier version into the present form. Before anything else uses it.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "common/file_system.h"
#include "server/core/job_store.h"

namespace quantd {

// Tells the store which blobs its jobs read, and gives every tenant its own blobs. Costs nothing
// when that is done; a crash in the middle is made good by the next start.
absl::Status UpgradeData(JobStore& store, FileSystem& files, const std::string& blobs_folder);

}  // namespace quantd
