// The worker's transfers of blobs, against a server in memory.
#include <sys/mount.h>
#include <unistd.h>

#include "common/digest.h"
#include "common/error.h"
#include "common/file.h"
#include "common/status_macros.h"
#include "tests/support/fake_server.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_folder.h"
#include "worker/agent/blob_cache.h"
#include "worker/agent/server_connection.h"

namespace quantd {
namespace {

using ::quantd::testing::HasReason;
using ::quantd::testing::IsOkAndHolds;
using ::quantd::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

bool Never() { return false; }

absl::Status Aborted(const std::string& reason) {
  return MakeError(absl::StatusCode::kAborted, reason, "of the server");
}

class BlobTransferTest : public ::testing::Test {
 protected:
  BlobTransferTest() : connection_(ServerConnection::Open(server_.address(), {}, &Never).value()) {
    lease_.set_job("tenants/team/jobs/j");
    lease_.set_token(7);
    EXPECT_OK(CreateFolders(blobs_));
  }

  // Uploads a file that holds `bytes` as one whose digest is that of "result".
  absl::Status Upload(const std::string& bytes = "result") {
    const std::string path = folder_.path() + "/result";
    RETURN_IF_ERROR(WriteFileAtomically(path, bytes));
    v1::FileRef file;
    file.set_digest(Sha256Hex("result"));
    file.set_size_bytes(6);
    return connection_->UploadBlob(lease_, file, path, &Never);
  }

  void ExpectLeaseSent() {
    ASSERT_EQ(server_.artifacts.leases.size(), 1u);
    EXPECT_EQ(server_.artifacts.leases[0].job(), "tenants/team/jobs/j");
    EXPECT_EQ(server_.artifacts.leases[0].token(), 7u);
  }

  // A disk of 256 KiB at the cache's place. False: this system does not let us.
  bool MountSmallDisk() {
    mounted_ = mount("none", blobs_.c_str(), "tmpfs", 0, "size=256k") == 0;
    return mounted_;
  }

  ~BlobTransferTest() override {
    if (mounted_) umount2(blobs_.c_str(), MNT_DETACH);
  }

  testing::FakeServer server_;
  testing::TemporaryFolder folder_;
  std::string blobs_ = folder_.path() + "/blobs";
  std::unique_ptr<ServerConnection> connection_;
  v1::Lease lease_;
  // The id under which every worker uploads the file of Upload().
  const std::string shared_ = "worker-" + Sha256Hex("result");
  bool mounted_ = false;
};

TEST_F(BlobTransferTest, ADownloadIsByRightOfTheLease) {
  const v1::FileRef file = server_.artifacts.AddBlob("m", std::string(5000, 'x'));
  ASSERT_OK(connection_->DownloadBlob(lease_, file, blobs_ + "/blob", &Never));
  EXPECT_THAT(ReadFile(blobs_ + "/blob", 10'000), IsOkAndHolds(std::string(5000, 'x')));
  ExpectLeaseSent();
}

TEST_F(BlobTransferTest, AnUploadIsByRightOfTheLease) {
  ASSERT_OK(Upload());
  EXPECT_EQ(server_.artifacts.blobs[Sha256Hex("result")], "result");
  ExpectLeaseSent();
}

TEST_F(BlobTransferTest, AnUploadGoesOnWhereAnotherAttemptStood) {
  server_.artifacts.uploads[shared_] = "res";
  ASSERT_OK(Upload());
  EXPECT_EQ(server_.artifacts.blobs[Sha256Hex("result")], "result");
  EXPECT_EQ(server_.artifacts.bytes_received, 3);
}

TEST_F(BlobTransferTest, AnUploadThatSomebodyElseWritesIsAskedForAgain) {
  server_.artifacts.write_errors[shared_] = {Aborted("UPLOAD_BUSY"), Aborted("UPLOAD_BUSY")};
  ASSERT_OK(Upload());
  EXPECT_THAT(server_.artifacts.upload_ids, ElementsAre(shared_, shared_, shared_));
}

TEST_F(BlobTransferTest, OfAnUploadThatStaysBusyTheLeaseMakesOneOfItsOwn) {
  server_.artifacts.write_errors[shared_].assign(100, Aborted("UPLOAD_BUSY"));
  ASSERT_OK(Upload());
  EXPECT_EQ(server_.artifacts.blobs[Sha256Hex("result")], "result");
  EXPECT_THAT(server_.artifacts.upload_ids, ElementsAre(shared_, shared_, shared_, "lease-7"));
}

TEST_F(BlobTransferTest, AnUploadThatWasTakenOverGoesOnUnderAnIdOfItsOwn) {
  server_.artifacts.write_errors[shared_] = {Aborted("UPLOAD_TAKEN_OVER")};
  ASSERT_OK(Upload());
  EXPECT_THAT(server_.artifacts.upload_ids, ElementsAre(shared_, "lease-7"));
}

// A worker that breaks off after wrong bytes, by mistake or on purpose, fails no other worker's
// attempt.
TEST_F(BlobTransferTest, WrongBytesThatAnotherAttemptSentAreSentAgain) {
  server_.artifacts.uploads[shared_] = "rot";
  ASSERT_OK(Upload());
  EXPECT_EQ(server_.artifacts.blobs[Sha256Hex("result")], "result");
  EXPECT_THAT(server_.artifacts.upload_ids, ElementsAre(shared_, "lease-7"));
}

TEST_F(BlobTransferTest, OwnBytesThatHaveAnotherDigestAreAnError) {
  EXPECT_THAT(Upload("rotten"), HasReason("DIGEST_MISMATCH"));
  EXPECT_THAT(server_.artifacts.upload_ids, ElementsAre(shared_, "lease-7"));
}

TEST_F(BlobTransferTest, WhatChangedDuringAnUploadIsLookedAtAgain) {
  server_.artifacts.write_errors[shared_] = {
      Aborted("BLOB_REMOVED"), Aborted("UPLOAD_INCOMPLETE"),
      MakeError(absl::StatusCode::kOutOfRange, "OFFSET_MISMATCH", "elsewhere")};
  ASSERT_OK(Upload());
  EXPECT_THAT(server_.artifacts.upload_ids, ElementsAre(shared_, shared_, shared_, shared_));
}

TEST_F(BlobTransferTest, AnErrorThatStaysEndsAnUpload) {
  server_.artifacts.write_errors[shared_] = {Aborted("STALE_LEASE")};
  EXPECT_THAT(Upload(), HasReason("STALE_LEASE"));
  EXPECT_THAT(server_.artifacts.upload_ids, ElementsAre(shared_));
}

TEST_F(BlobTransferTest, AStopEndsADownloadAndLeavesNothing) {
  const v1::FileRef file = server_.artifacts.AddBlob("m", std::string(5000, 'x'));
  EXPECT_THAT(connection_->DownloadBlob(lease_, file, blobs_ + "/blob", [] { return true; }),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(ListFolder(blobs_), IsOkAndHolds(IsEmpty()));
}

TEST_F(BlobTransferTest, ABlobThatDoesNotFitLeavesNothing) {
  if (!MountSmallDisk()) GTEST_SKIP() << "cannot mount a small disk here";
  BlobCache cache(blobs_, 1 << 30, connection_.get());
  const v1::FileRef large = server_.artifacts.AddBlob("large", std::string(300'000, 'x'));
  EXPECT_THAT(cache.Link(lease_, large, blobs_ + "/link", &Never), HasReason("DISK_FULL"));
  EXPECT_THAT(ListFolder(blobs_), IsOkAndHolds(IsEmpty()));
}

TEST_F(BlobTransferTest, TheCacheMakesRoomForARunningJob) {
  if (!MountSmallDisk()) GTEST_SKIP() << "cannot mount a small disk here";
  BlobCache cache(blobs_, 1 << 30, connection_.get());
  const v1::FileRef old = server_.artifacts.AddBlob("old", std::string(150'000, 'x'));
  const v1::FileRef next = server_.artifacts.AddBlob("next", std::string(150'000, 'y'));
  ASSERT_OK(connection_->DownloadBlob(lease_, old, blobs_ + "/" + old.digest(), &Never));
  ASSERT_OK(cache.Link(lease_, next, blobs_ + "/link", &Never));
  EXPECT_THAT(ListFolder(blobs_), IsOkAndHolds(::testing::UnorderedElementsAre(next.digest(), "link")));
}

}  // namespace
}  // namespace quantd
