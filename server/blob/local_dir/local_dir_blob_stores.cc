#include "server/blob/local_dir/local_dir_blob_stores.h"

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/status_macros.h"
#include "server/core/names.h"

namespace quantd {
namespace {

// Callers choose the names of tenants, and a question about a tenant that is not there must not
// cost memory for ever.
constexpr size_t kStoresMax = 10'000;

}  // namespace

LocalDirBlobStores::LocalDirBlobStores(FileSystem* files, const Clock* clock,
                                       const std::string& folder)
    : files_(files), clock_(clock), folder_(absl::StrCat(folder, "/tenants")) {}

absl::StatusOr<std::unique_ptr<LocalDirBlobStores>> LocalDirBlobStores::Open(
    FileSystem* files, const Clock* clock, const std::string& folder) {
  std::unique_ptr<LocalDirBlobStores> stores(new LocalDirBlobStores(files, clock, folder));
  RETURN_IF_ERROR(CreateFolders(*files, stores->folder_));
  ASSIGN_OR_RETURN(const std::vector<std::string> tenants, files->List(stores->folder_));
  for (const std::string& tenant : tenants) {
    if (!ParseTenant(absl::StrCat("tenants/", tenant)).ok()) continue;  // Not ours.
    ASSIGN_OR_RETURN(
        stores->stores_[tenant],
        LocalDirBlobStore::Open(files, clock, absl::StrCat(stores->folder_, "/", tenant), tenant));
  }
  return stores;
}

std::shared_ptr<BlobStore> LocalDirBlobStores::Of(const std::string& tenant) {
  // The name becomes a path. Whoever passes one on unchecked has a defect that no tenant may use.
  QUANTD_CHECK(ParseTenant(absl::StrCat("tenants/", tenant)).ok());
  const std::lock_guard guard(mutex_);
  if (stores_.size() >= kStoresMax) {
    std::erase_if(stores_, [](const auto& entry) {
      return entry.second.use_count() == 1 && !entry.second->exists();
    });
  }
  std::shared_ptr<LocalDirBlobStore>& store = stores_[tenant];
  if (store == nullptr) {
    // There is no folder, or Open() would have found it: hence nothing that can fail.
    store = LocalDirBlobStore::New(files_, clock_, absl::StrCat(folder_, "/", tenant), tenant);
  }
  return store;
}

std::vector<std::string> LocalDirBlobStores::Tenants() const {
  const std::lock_guard guard(mutex_);
  std::vector<std::string> tenants;
  for (const auto& [tenant, store] : stores_) {
    if (store->exists()) tenants.push_back(tenant);
  }
  return tenants;
}

}  // namespace quantd
