#include "server/core/blob_store.h"

#include "common/status_macros.h"

namespace quantd {

absl::StatusOr<std::string> BlobStore::Read(const std::string& digest, int64_t offset,
                                            int64_t limit) const {
  ASSIGN_OR_RETURN(const std::unique_ptr<BlobReader> reader, Open(digest));
  std::string bytes;
  RETURN_IF_ERROR(reader->Read(offset, limit, bytes));
  return bytes;
}

int64_t StoredBytes(BlobStores& stores) {
  int64_t bytes = 0;
  for (const std::string& tenant : stores.Tenants()) bytes += stores.Of(tenant)->StoredBytes();
  return bytes;
}

}  // namespace quantd
