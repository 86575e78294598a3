#include "server/app/upgrade.h"

#include <vector>

#include "common/log.h"
#include "common/status_macros.h"
#include "server/blob/local_dir/old_layout.h"
#include "server/core/garbage_collector.h"
#include "server/rpc/spec_inputs.h"

namespace quantd {

absl::Status UpgradeData(JobStore& store, FileSystem& files, const std::string& blobs_folder) {
  RETURN_IF_ERROR(CompleteInputs(store));
  if (!HasOldLayout(files, blobs_folder)) return absl::OkStatus();
  LOG_INFO("giving every tenant its own blobs", {{"folder", blobs_folder}});
  BlobReferences references;
  RETURN_IF_ERROR(store.Read([&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(const std::vector<std::string> tenants, TenantsWithRecords(transaction));
    for (const std::string& tenant : tenants) {
      ASSIGN_OR_RETURN(references[tenant], BlobsInUse(transaction, tenant));
    }
    return absl::OkStatus();
  }));
  return MoveOldLayout(files, blobs_folder, references);
}

}  // namespace quantd
