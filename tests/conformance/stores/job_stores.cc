#include "tests/conformance/stores/job_stores.h"

#include "common/check.h"
#include "server/store/memory/memory_job_store.h"
#include "server/store/sqlite/sqlite_job_store.h"
#include "tests/support/temporary_folder.h"

namespace quantd::testing {
namespace {

// A database in a folder that goes with it. The suites are about rules, not about power cuts.
class SqliteInFolder final : public JobStore {
 public:
  SqliteInFolder() {
    absl::StatusOr<std::unique_ptr<SqliteJobStore>> opened =
        SqliteJobStore::Open(folder_.path() + "/quantd.db", {.durability = Durability::kProcess});
    QUANTD_CHECK(opened.ok());
    store_ = *std::move(opened);
  }

  absl::Status Write(const Body& body) override { return store_->Write(body); }
  absl::Status Read(const Body& body) override { return store_->Read(body); }

 private:
  TemporaryFolder folder_;
  std::unique_ptr<SqliteJobStore> store_;  // Last: closed before its folder goes.
};

}  // namespace

std::vector<JobStoreFactory> JobStores() {
  return {{.name = "Memory", .open = [] { return std::make_unique<MemoryJobStore>(); }},
          {.name = "Sqlite", .open = [] { return std::make_unique<SqliteInFolder>(); }}};
}

}  // namespace quantd::testing
