#include "server/blob/local_dir/old_layout.h"

#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "common/digest.h"
#include "common/file.h"
#include "server/blob/local_dir/local_dir_blob_stores.h"
#include "tests/support/fake_clock.h"
#include "tests/support/forwarding_file_system.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_folder.h"

namespace quantd::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Stops with an error before the operation of that number; later ones fail, too.
class StoppingFileSystem final : public ForwardingFileSystem {
 public:
  StoppingFileSystem(FileSystem* files, int operations)
      : ForwardingFileSystem(files), left_(operations) {}

  bool stopped() const { return left_ < 0; }

  absl::Status Link(const std::string& from, const std::string& to) override {
    return Go() ? ForwardingFileSystem::Link(from, to) : Stop();
  }
  absl::Status RemoveFile(const std::string& path) override {
    return Go() ? ForwardingFileSystem::RemoveFile(path) : Stop();
  }
  absl::Status CreateFolder(const std::string& path) override {
    return Go() ? ForwardingFileSystem::CreateFolder(path) : Stop();
  }
  absl::Status RemoveFolder(const std::string& path) override {
    return Go() ? ForwardingFileSystem::RemoveFolder(path) : Stop();
  }
  absl::Status SyncFolder(const std::string& path) override {
    return Go() ? ForwardingFileSystem::SyncFolder(path) : Stop();
  }

 private:
  bool Go() { return left_-- > 0; }
  static absl::Status Stop() { return absl::InternalError("the power went"); }

  int left_;
};

class OldLayoutTest : public ::testing::Test {
 protected:
  void SetUp() override {
    shared_ = PutOld("of both");
    mine_ = PutOld("of one");
    idle_ = PutOld("of nobody");
    ASSERT_OK(CreateFolders(folder_.path() + "/uploads"));
    ASSERT_OK(WriteFileAtomically(folder_.path() + "/uploads/" + Sha256Hex("u"), "partial"));
    references_ = {{"team", {shared_, mine_, Sha256Hex("never uploaded")}}, {"others", {shared_}}};
  }

  std::string PutOld(const std::string& bytes) {
    const std::string digest = Sha256Hex(bytes);
    const std::string shard = folder_.path() + "/objects/" + digest.substr(0, 2);
    EXPECT_OK(CreateFolders(shard));
    EXPECT_OK(WriteFileAtomically(shard + "/" + digest, bytes));
    return digest;
  }

  void ExpectMoved() {
    EXPECT_THAT(ListFolder(folder_.path()), IsOkAndHolds(ElementsAre("tenants")));
    EXPECT_FALSE(HasOldLayout(files_, folder_.path()));
    ASSERT_OK_AND_ASSIGN(const auto stores,
                         LocalDirBlobStores::Open(&files_, &clock_, folder_.path()));
    EXPECT_THAT(stores->Tenants(), ElementsAre("others", "team"));
    EXPECT_THAT(stores->Of("team")->Read(shared_, 0, 99), IsOkAndHolds(std::string("of both")));
    EXPECT_THAT(stores->Of("team")->Read(mine_, 0, 99), IsOkAndHolds(std::string("of one")));
    EXPECT_THAT(stores->Of("others")->List(), IsOkAndHolds(ElementsAre(shared_)));
    EXPECT_FALSE(stores->Of("team")->Has(idle_));
    EXPECT_EQ(stores->Of("team")->StoredBytes(), 7 + 6);
  }

  TemporaryFolder folder_;
  PosixFileSystem files_;
  FakeClock clock_;
  BlobReferences references_;
  std::string shared_, mine_, idle_;
};

TEST_F(OldLayoutTest, EveryTenantGetsWhatItRefersToAndTheRestGoes) {
  ASSERT_TRUE(HasOldLayout(files_, folder_.path()));
  ASSERT_OK(MoveOldLayout(files_, folder_.path(), references_));
  ExpectMoved();
  ASSERT_OK(MoveOldLayout(files_, folder_.path(), {})) << "there is nothing to do any more";
  ExpectMoved();
}

TEST_F(OldLayoutTest, ACrashAtAnyStepIsMadeGoodByTheNextStart) {
  int operations = 0;
  for (bool stopped = true; stopped; ++operations) {
    ASSERT_OK(RemoveAll(folder_.path() + "/tenants"));
    SetUp();
    StoppingFileSystem stopping(&files_, operations);
    const absl::Status status = MoveOldLayout(stopping, folder_.path(), references_);
    stopped = stopping.stopped();
    EXPECT_EQ(status.ok(), !stopped);
    ASSERT_OK(MoveOldLayout(files_, folder_.path(), references_)) << operations;
    ExpectMoved();
  }
  EXPECT_GT(operations, 20);
}

TEST_F(OldLayoutTest, ATenantThatIsCalledLikeAFolderIsNotMistakenForIt) {
  ASSERT_OK(MoveOldLayout(files_, folder_.path(), {{"objects", {mine_}}}));
  ASSERT_OK_AND_ASSIGN(const auto stores,
                       LocalDirBlobStores::Open(&files_, &clock_, folder_.path()));
  EXPECT_FALSE(HasOldLayout(files_, folder_.path()));
  EXPECT_THAT(stores->Of("objects")->List(), IsOkAndHolds(ElementsAre(mine_)));
}

}  // namespace
}  // namespace quantd::testing
