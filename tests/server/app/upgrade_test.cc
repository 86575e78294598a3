#include "server/app/upgrade.h"

#include "common/digest.h"
#include "common/file.h"
#include "quantd/v1/spec.pb.h"
#include "server/blob/local_dir/local_dir_blob_stores.h"
#include "server/store/sqlite/sqlite_job_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_folder.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

class UpgradeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(store_, SqliteJobStore::Open(folder_.path() + "/quantd.db"));
  }

  // A blob where version 0.1 kept it.
  std::string PutOld(const std::string& bytes) {
    const std::string digest = Sha256Hex(bytes);
    const std::string shard = blobs_folder_ + "/objects/" + digest.substr(0, 2);
    EXPECT_OK(CreateFolders(shard));
    EXPECT_OK(WriteFileAtomically(shard + "/" + digest, bytes));
    return digest;
  }

  // A job that was stored without its inputs.
  void InsertJob(const std::string& tenant, const std::string& spec) {
    Job job;
    job.name = {tenant, "1"};
    ASSERT_OK(store_->Write([&](Transaction& t) { return t.jobs().Insert(job, spec).status(); }));
  }

  testing::TemporaryFolder folder_;
  const std::string blobs_folder_ = folder_.path() + "/blobs";
  PosixFileSystem files_;
  testing::FakeClock clock_;
  std::unique_ptr<SqliteJobStore> store_;
};

TEST_F(UpgradeTest, JobsKeepTheirInputsAndArtifactsTheirFiles) {
  const std::string model = PutOld("model"), data = PutOld("data"), made = PutOld("made");
  PutOld("of nobody");
  v1::JobSpec spec;
  spec.mutable_model()->add_files()->set_digest(model);
  spec.mutable_data()->add_files()->set_digest(data);
  spec.mutable_evaluation_data()->add_files()->set_digest(data);
  InsertJob("team", spec.SerializeAsString());
  ASSERT_OK(store_->Write([&](Transaction& t) {
    return t.artifacts().Insert({.name = {"others", "1"}, .files = {{"a", made, 4}}});
  }));
  for (int start = 0; start < 2; ++start) {
    ASSERT_OK(UpgradeData(*store_, files_, blobs_folder_));
    ASSERT_OK_AND_ASSIGN(const auto blobs,
                         LocalDirBlobStores::Open(&files_, &clock_, blobs_folder_));
    EXPECT_THAT(*blobs->Of("team")->List(), UnorderedElementsAre(model, data));
    EXPECT_THAT(*blobs->Of("others")->List(), ElementsAre(made));
    EXPECT_THAT(ListFolder(blobs_folder_), testing::IsOkAndHolds(ElementsAre("tenants")));
  }
}

TEST_F(UpgradeTest, AJobThatCannotBeReadStopsItBeforeAnythingIsRemoved) {
  PutOld("model");
  InsertJob("team", "no spec");
  EXPECT_THAT(
      UpgradeData(*store_, files_, blobs_folder_),
      testing::StatusIs(absl::StatusCode::kDataLoss, ::testing::HasSubstr("tenants/team/jobs/1")));
  EXPECT_THAT(ListFolder(blobs_folder_), testing::IsOkAndHolds(ElementsAre("objects")));
}

TEST_F(UpgradeTest, FreshDataNeedsNothing) {
  ASSERT_OK(UpgradeData(*store_, files_, blobs_folder_));
  EXPECT_FALSE(FileExists(blobs_folder_));
}

}  // namespace
}  // namespace quantd
