#include "server/blob/local_dir/local_dir_blob_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "common/error.h"
#include "common/file.h"
#include "server/blob/local_dir/local_dir_blob_stores.h"
#include "tests/conformance/blob_store_conformance.h"
#include "tests/support/forwarding_file_system.h"

namespace quantd::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

INSTANTIATE_TEST_SUITE_P(LocalDir, BlobStoreConformance,
                         ::testing::Values(BlobStoreFactory{
                             "local_dir", [](const std::string& folder, const Clock* clock) {
                               static PosixFileSystem files;
                               return *LocalDirBlobStores::Open(&files, clock, folder);
                             }}));

// A disk that takes what `write` says of each piece: how many bytes of it, or an error.
class LimitedDisk final : public ForwardingFileSystem {
 public:
  using Fits = std::function<absl::StatusOr<size_t>(size_t count)>;
  LimitedDisk(FileSystem* files, Fits fits) : ForwardingFileSystem(files), fits_(std::move(fits)) {}

  absl::StatusOr<std::unique_ptr<File>> OpenForWriting(const std::string& path) override {
    absl::StatusOr<std::unique_ptr<File>> file = ForwardingFileSystem::OpenForWriting(path);
    if (!file.ok()) return file;
    return std::make_unique<LimitedFile>(*std::move(file), fits_);
  }

 private:
  class LimitedFile final : public ForwardingFile {
   public:
    LimitedFile(std::unique_ptr<File> file, const Fits& fits)
        : ForwardingFile(std::move(file)), fits_(fits) {}
    absl::StatusOr<size_t> Write(int64_t offset, absl::string_view bytes) override {
      const absl::StatusOr<size_t> count = fits_(bytes.size());
      if (!count.ok()) return count;
      return ForwardingFile::Write(offset, bytes.substr(0, *count));
    }

   private:
    const Fits fits_;
  };

  const Fits fits_;
};

class LocalDirBlobStoreTest : public ::testing::Test {
 protected:
  // As a server that starts, after one that ended in whatever way.
  void Reopen(FileSystem* files = nullptr) {
    store_.reset();
    absl::StatusOr<std::unique_ptr<LocalDirBlobStore>> store =
        LocalDirBlobStore::Open(files ? files : &files_, &clock_, folder_.path(), "team");
    ASSERT_OK(store);
    store_ = *std::move(store);
  }
  void SetUp() override { Reopen(); }

  std::unique_ptr<BlobWriter> OpenUpload(const std::string& bytes) {
    auto writer = store_->OpenUpload("u", Sha256Hex(bytes), static_cast<int64_t>(bytes.size()));
    EXPECT_OK(writer);
    return *std::move(writer);
  }
  std::string Put(const std::string& bytes) {
    auto writer = OpenUpload(bytes);
    EXPECT_OK(writer->Append(0, bytes));
    EXPECT_OK(writer->Finish());
    return Sha256Hex(bytes);
  }

  std::string UploadsFolder() const { return folder_.path() + "/uploads"; }
  // The path of the only partial upload.
  std::string PartialPath() const {
    const std::vector<std::string> names = ListFolder(UploadsFolder()).value();
    EXPECT_EQ(names.size(), 1u);
    return UploadsFolder() + "/" + names.at(0);
  }
  TemporaryFolder folder_;
  PosixFileSystem files_;
  FakeClock clock_;
  std::unique_ptr<LocalDirBlobStore> store_;
};

TEST_F(LocalDirBlobStoreTest, BlobsOutliveTheProcess) {
  const std::string digest = Put("abc");
  Reopen();
  EXPECT_THAT(store_->Read(digest, 0, 9), IsOkAndHolds(std::string("abc")));
  EXPECT_THAT(store_->List(), IsOkAndHolds(ElementsAre(digest)));
}

TEST_F(LocalDirBlobStoreTest, BlobsLieUnderTheirDigestsAndAreTheOwnersAlone) {
  const std::string digest = Put("abc");
  const std::string path = folder_.path() + "/objects/" + digest.substr(0, 2) + "/" + digest;
  struct stat info;
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_THAT(ReadFile(path, 10), IsOkAndHolds(std::string("abc")));
  EXPECT_THAT(ListFolder(UploadsFolder()), IsOkAndHolds(IsEmpty()));
}

TEST_F(LocalDirBlobStoreTest, AnUploadIsResumedAfterARestart) {
  const std::string bytes = SomeBytes(3'000'000);
  ASSERT_OK(OpenUpload(bytes)->Append(0, bytes.substr(0, 2'500'000)));
  Reopen();
  EXPECT_EQ(store_->CommittedBytes("u", Sha256Hex(bytes)), 2'500'000);
  EXPECT_THAT(store_->List(), IsOkAndHolds(IsEmpty()));
  auto writer = OpenUpload(bytes);
  ASSERT_EQ(writer->committed(), 2'500'000);
  ASSERT_OK(writer->Append(2'500'000, bytes.substr(2'500'000)));
  ASSERT_OK(writer->Finish());
  ASSERT_OK_AND_ASSIGN(const std::string read, store_->Read(Sha256Hex(bytes), 0, kToTheEnd));
  EXPECT_TRUE(read == bytes);
}

TEST_F(LocalDirBlobStoreTest, ACompleteUploadThatWasNotFinishedIsFinishedAfterARestart) {
  ASSERT_OK(OpenUpload("abc")->Append(0, "abc"));
  Reopen();
  EXPECT_FALSE(store_->Has(Sha256Hex("abc")));
  EXPECT_OK(OpenUpload("abc")->Finish());
  EXPECT_TRUE(store_->Has(Sha256Hex("abc")));
}

TEST_F(LocalDirBlobStoreTest, ADamagedPartIsFoundAtFinishAndThrownAway) {
  ASSERT_OK(OpenUpload("0123456789")->Append(0, "012345"));
  std::fstream(PartialPath(), std::ios::in | std::ios::out | std::ios::binary).seekp(2).put('x');
  Reopen();
  auto writer = OpenUpload("0123456789");
  ASSERT_EQ(writer->committed(), 6);
  ASSERT_OK(writer->Append(6, "6789"));
  EXPECT_THAT(writer->Finish(), HasReason("DIGEST_MISMATCH"));
  writer.reset();
  EXPECT_THAT(ListFolder(UploadsFolder()), IsOkAndHolds(IsEmpty()));
  EXPECT_FALSE(store_->Has(Sha256Hex("0123456789")));
  Put("0123456789");
}

TEST_F(LocalDirBlobStoreTest, APartThatLostItsEndGoesOnFromWhatIsThere) {
  ASSERT_OK(OpenUpload("0123456789")->Append(0, "012345"));
  ASSERT_EQ(::truncate(PartialPath().c_str(), 4), 0);  // What a power failure may leave.
  Reopen();
  auto writer = OpenUpload("0123456789");
  ASSERT_EQ(writer->committed(), 4);
  ASSERT_OK(writer->Append(4, "456789"));
  EXPECT_OK(writer->Finish());
}

TEST_F(LocalDirBlobStoreTest, FilesThatAreNoBlobsAreNeverSeen) {
  const std::string digest = Put("abc");
  const std::string shard = folder_.path() + "/objects/" + digest.substr(0, 2);
  ASSERT_OK(WriteFileAtomically(shard + "/" + digest + ".tmp", "x"));
  ASSERT_OK(WriteFileAtomically(folder_.path() + "/objects/README", "x"));
  ASSERT_OK(WriteFileAtomically(UploadsFolder() + "/" + Sha256Hex("y"), "y"));
  EXPECT_THAT(store_->List(), IsOkAndHolds(ElementsAre(digest)));
  EXPECT_FALSE(store_->Has(Sha256Hex("y")));
  EXPECT_FALSE(store_->Has(digest + ".tmp"));
}

TEST_F(LocalDirBlobStoreTest, NoNameLeadsOutOfTheFolder) {
  ASSERT_OK(WriteFileAtomically(folder_.path() + "/secret", "x"));
  for (const char* name : {"../secret", "../../secret", "/etc/passwd"}) {
    EXPECT_THAT(store_->Read(name, 0, 1), HasReason("BLOB_NOT_FOUND"));
    EXPECT_THAT(store_->OpenUpload("u", name, 1), HasReason("INVALID_DIGEST"));
    EXPECT_OK(store_->Delete(name));
  }
  EXPECT_OK(store_->OpenUpload("../../escaped", Sha256Hex("x"), 1));
  EXPECT_THAT(ListFolder(folder_.path()),
              IsOkAndHolds(ElementsAre("objects", "secret", "uploads")));
}

TEST_F(LocalDirBlobStoreTest, AFullDiskBreaksNothing) {
  // Half of what is asked for fits, then nothing, until there is room again.
  size_t room = 4;
  LimitedDisk disk(&files_, [&](size_t count) -> absl::StatusOr<size_t> {
    const size_t fits = std::min(room, count);
    if (fits == 0) return MakeError(absl::StatusCode::kResourceExhausted, "DISK_FULL", "full");
    room -= fits;
    return fits;
  });
  Reopen(&disk);
  auto writer = OpenUpload("0123456789");
  ASSERT_OK(writer->Append(0, "01"));
  const absl::Status status = writer->Append(2, "23456789");
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(status, HasReason("DISK_FULL"));
  EXPECT_EQ(writer->committed(), 2);
  EXPECT_THAT(ReadFile(PartialPath(), 100), IsOkAndHolds(std::string("01")));

  room = 100;
  ASSERT_OK(writer->Append(2, "23456789"));
  ASSERT_OK(writer->Finish());
  EXPECT_THAT(store_->Read(Sha256Hex("0123456789"), 0, 99),
              IsOkAndHolds(std::string("0123456789")));
}

TEST_F(LocalDirBlobStoreTest, AWriteThatTakesOnlyAPartGoesOn) {
  LimitedDisk disk(&files_, [](size_t) { return size_t{1}; });
  Reopen(&disk);
  Put("0123456789");
  EXPECT_THAT(store_->Read(Sha256Hex("0123456789"), 0, 99),
              IsOkAndHolds(std::string("0123456789")));
}

TEST_F(LocalDirBlobStoreTest, ABlobThatCannotBePublishedIsKeptForAnotherTry) {
  auto writer = OpenUpload("abc");
  ASSERT_OK(writer->Append(0, "abc"));
  // A file where the blob's folder belongs.
  const std::string shard = folder_.path() + "/objects/" + Sha256Hex("abc").substr(0, 2);
  ASSERT_OK(WriteFileAtomically(shard, "in the way"));
  EXPECT_THAT(writer->Finish(), ::testing::Not(IsOk()));
  writer.reset();
  EXPECT_FALSE(store_->Has(Sha256Hex("abc")));
  ASSERT_OK(RemoveAll(shard));
  writer = OpenUpload("abc");
  EXPECT_EQ(writer->committed(), 3);
  EXPECT_OK(writer->Finish());
}

TEST_F(LocalDirBlobStoreTest, TheFolderAppearsWithTheFirstUpload) {
  EXPECT_THAT(ListFolder(folder_.path()), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(store_->List(), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(store_->RemoveUploadsOlderThan(absl::InfiniteFuture()), IsOkAndHolds(0));
  OpenUpload("abc");
  EXPECT_THAT(ListFolder(folder_.path()), IsOkAndHolds(ElementsAre("objects", "uploads")));
}

TEST_F(LocalDirBlobStoreTest, ARestartedServerCountsTheSameBytes) {
  Put("abc");
  Put("01234");
  ASSERT_OK(OpenUpload("0123456789")->Append(0, "012345"));
  EXPECT_EQ(store_->StoredBytes(), 3 + 5 + 6);
  Reopen();
  EXPECT_EQ(store_->StoredBytes(), 3 + 5 + 6);
}

TEST_F(LocalDirBlobStoreTest, ARestartedServerKnowsWhenABlobWasUsed) {
  const std::string digest = Put("abc");
  clock_.Advance(absl::Hours(1));
  ASSERT_OK(store_->Use(digest));
  Reopen();
  EXPECT_THAT(store_->DeleteUnusedSince(digest, clock_.Now()),
              IsOkAndHolds(std::optional<int64_t>()));
  EXPECT_THAT(store_->DeleteUnusedSince(digest, clock_.Now() + absl::Nanoseconds(1)),
              IsOkAndHolds(std::optional<int64_t>(3)));
}

TEST_F(LocalDirBlobStoreTest, AFolderThatCannotBeMadeIsAnErrorThatNamesIt) {
  ASSERT_OK(WriteFileAtomically(folder_.path() + "/objects", "in the way"));
  const auto writer = store_->OpenUpload("u", Sha256Hex("x"), 1);
  ASSERT_FALSE(writer.ok());
  EXPECT_THAT(std::string(writer.status().message()), HasSubstr("/objects"));
  EXPECT_EQ(store_->StoredBytes(), 0);
}

}  // namespace
}  // namespace quantd::testing
