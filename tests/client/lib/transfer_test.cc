#include "client/lib/transfer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "common/digest.h"
#include "common/error.h"
#include "common/file.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using ::quantd::testing::HasReason;
using ::quantd::testing::StatusIs;
using ::testing::ElementsAre;

// A store in memory whose streams break after so many bytes, as often as a test says.
class FakeBlobs final : public BlobApi {
 public:
  absl::StatusOr<std::vector<std::string>> FindMissingBlobs(
      const std::vector<std::string>& digests) override {
    std::vector<std::string> missing;
    for (const std::string& digest : digests) {
      if (!blobs.contains(digest)) missing.push_back(digest);
    }
    return missing;
  }

  absl::StatusOr<UploadProgress> QueryWriteStatus(const BlobUpload& upload) override {
    if (forget_uploads) return absl::NotFoundError("upload");
    return UploadProgress{static_cast<int64_t>(parts[upload.upload_id].size()),
                          blobs.contains(upload.digest)};
  }

  absl::Status WriteBlob(const BlobUpload& upload, int64_t offset, const Reader& read) override {
    if (const std::string reason = refuse ? refuse(upload.upload_id) : ""; !reason.empty()) {
      return MakeError(absl::StatusCode::kAborted, reason, "refused");
    }
    upload_ids.insert(upload.upload_id);
    write_offsets.push_back(offset);
    std::string& part = parts[upload.upload_id];
    part.resize(static_cast<size_t>(offset));
    int64_t stream_bytes = 0;
    while (static_cast<int64_t>(part.size()) < upload.size_bytes) {
      std::string buffer(10, '\0');
      const absl::StatusOr<size_t> got = read(static_cast<int64_t>(part.size()), buffer);
      if (!got.ok()) return got.status();
      part.append(buffer, 0, *got);
      stream_bytes += static_cast<int64_t>(*got);
      if (breaks > 0 && stream_bytes >= 20) {
        --breaks;
        return absl::UnavailableError("broke");
      }
    }
    blobs[upload.digest] = part;
    return absl::OkStatus();
  }

  absl::Status ReadBlob(const std::string& digest, int64_t offset, const Sink& sink) override {
    read_offsets.push_back(offset);
    const std::string& bytes = blobs[digest];
    int64_t stream_bytes = 0;
    for (size_t i = static_cast<size_t>(offset); i < bytes.size(); i += 10) {
      if (breaks > 0 && stream_bytes >= 20) {
        --breaks;
        return absl::UnavailableError("broke");
      }
      const std::string chunk = bytes.substr(i, 10);
      if (absl::Status status = sink(chunk); !status.ok()) return status;
      stream_bytes += static_cast<int64_t>(chunk.size());
    }
    return absl::OkStatus();
  }

  std::map<std::string, std::string> blobs;
  std::map<std::string, std::string> parts;
  std::vector<int64_t> write_offsets;
  std::vector<int64_t> read_offsets;
  std::set<std::string> upload_ids;
  std::function<std::string(const std::string& upload_id)> refuse;  // With which reason, if any.
  int breaks = 0;
  bool forget_uploads = false;
};

class NoSleep final : public Sleeper {
 public:
  absl::Status Sleep(absl::Duration) override { return absl::OkStatus(); }
};

class TransferTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK_AND_ASSIGN(folder_, MakeTemporaryFolder("transfer_test")); }
  void TearDown() override { RemoveAll(folder_).IgnoreError(); }

  LocalFile Write(const std::string& name, const std::string& content) {
    const std::string path = folder_ + "/" + name;
    EXPECT_OK(WriteFileAtomically(path, content));
    return DescribeFile(path, name).value();
  }
  // The stored blob as a file of an artifact.
  v1::FileRef Store(const std::string& content) {
    v1::FileRef ref;
    ref.set_name("model.onnx");
    ref.set_digest(Sha256Hex(content));
    ref.set_size_bytes(static_cast<int64_t>(content.size()));
    blobs_.blobs[ref.digest()] = content;
    return ref;
  }

  std::string folder_;
  FakeBlobs blobs_;
  testing::FakeClock clock_;
  NoSleep sleeper_;
  Transfer transfer_{&blobs_, RetryPolicy(), &clock_, &sleeper_};
};

TEST_F(TransferTest, SendsOnlyWhatIsMissingAndEachContentOnce) {
  const LocalFile known = Write("known", "known");
  blobs_.blobs[known.ref.digest()] = "known";
  const std::vector<LocalFile> files = {known, Write("a", "same"), Write("b", "same"),
                                        Write("empty", "")};
  ASSERT_OK_AND_ASSIGN(const UploadSummary summary, transfer_.Upload(files));
  EXPECT_EQ(summary.files, 4);
  EXPECT_EQ(summary.uploaded_files, 2);  // "same" and "".
  EXPECT_EQ(summary.uploaded_bytes, 4);
  EXPECT_EQ(blobs_.blobs[Sha256Hex("same")], "same");
  EXPECT_TRUE(blobs_.blobs.contains(Sha256Hex("")));
}

TEST_F(TransferTest, ABrokenUploadGoesOnWhereTheServerStands) {
  const std::string content(45, 'x');
  blobs_.breaks = 2;  // After bytes 20 and 40.
  ASSERT_OK(transfer_.Upload({Write("f", content)}).status());
  EXPECT_THAT(blobs_.write_offsets, ElementsAre(0, 20, 40));
  EXPECT_EQ(blobs_.blobs[Sha256Hex(content)], content);
}

TEST_F(TransferTest, AnotherRunResumesTheUploadOfOneThatWasKilled) {
  const std::string content((1 << 20) + 45, 'x');
  const LocalFile file = Write("f", content);
  blobs_.breaks = 1;
  RetryPolicy once;
  once.attempts_max = 1;
  Transfer killed(&blobs_, once, &clock_, &sleeper_);
  EXPECT_THAT(killed.Upload({file}), StatusIs(absl::StatusCode::kUnavailable));
  ASSERT_OK(transfer_.Upload({file}));
  EXPECT_THAT(blobs_.write_offsets, ElementsAre(0, 20));
  EXPECT_EQ(blobs_.upload_ids.size(), 1u);
  EXPECT_EQ(blobs_.blobs[file.ref.digest()], content);
}

TEST_F(TransferTest, AnUploadThatAnotherClientIsAtGoesOnUnderANameOfItsOwn) {
  for (const char* reason : {"UPLOAD_BUSY", "UPLOAD_TAKEN_OVER"}) {
    const LocalFile file = Write("f", reason);
    std::string refused;
    blobs_.refuse = [&](const std::string& id) {
      if (refused.empty()) refused = id;
      return id == refused ? std::string(reason) : std::string();
    };
    ASSERT_OK(transfer_.Upload({file})) << reason;
    EXPECT_EQ(blobs_.blobs[file.ref.digest()], reason);
    EXPECT_FALSE(blobs_.upload_ids.contains(refused));
  }
}

TEST_F(TransferTest, AStreamThatWasCutOffOrDoesNotFitIsLookedAtAgain) {
  for (const char* reason : {"STREAM_IDLE", "OFFSET_MISMATCH", "BLOB_REMOVED"}) {
    const LocalFile file = Write("f", reason);
    int refusals = 2;
    blobs_.refuse = [&](const std::string&) {
      return refusals-- > 0 ? std::string(reason) : std::string();
    };
    ASSERT_OK(transfer_.Upload({file})) << reason;
    EXPECT_EQ(blobs_.blobs[file.ref.digest()], reason);
  }
}

TEST_F(TransferTest, AnUploadThatTheServerHasForgottenStartsAnew) {
  blobs_.breaks = 1;
  blobs_.forget_uploads = true;
  ASSERT_OK(transfer_.Upload({Write("f", std::string(45, 'x'))}).status());
  EXPECT_THAT(blobs_.write_offsets, ElementsAre(0, 0));
}

TEST_F(TransferTest, AnUploadThatNeverAdvancesIsGivenUp) {
  blobs_.breaks = 1000;
  blobs_.forget_uploads = true;
  EXPECT_THAT(transfer_.Upload({Write("f", std::string(45, 'x'))}).status(),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(blobs_.write_offsets.size(), static_cast<size_t>(RetryPolicy().attempts_max));
}

TEST_F(TransferTest, AFileThatShrankSinceItWasHashedIsNamed) {
  const LocalFile file = Write("f", std::string(45, 'x'));
  Write("f", "short");
  const absl::Status status = transfer_.Upload({file}).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kAborted, ::testing::HasSubstr(file.path)));
  EXPECT_THAT(status, HasReason("FILE_CHANGED"));
}

TEST_F(TransferTest, ABrokenDownloadGoesOnAndLeavesNoPartialFile) {
  const std::string content(45, 'y');
  blobs_.breaks = 2;
  ASSERT_OK(transfer_.Download(Store(content), folder_ + "/deep/er/model.onnx"));
  EXPECT_THAT(blobs_.read_offsets, ElementsAre(0, 20, 40));
  EXPECT_EQ(ReadFile(folder_ + "/deep/er/model.onnx", 1000).value(), content);
  EXPECT_EQ(ListFolder(folder_ + "/deep/er").value(), std::vector<std::string>({"model.onnx"}));
}

TEST_F(TransferTest, WrongBytesNeverGetTheFilesName) {
  v1::FileRef file = Store("content");
  blobs_.blobs[file.digest()] = "cONTENT";
  const absl::Status status = transfer_.Download(file, folder_ + "/out");
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(status, HasReason("DIGEST_MISMATCH"));
  EXPECT_TRUE(ListFolder(folder_).value().empty());
}

TEST_F(TransferTest, ABlobLongerThanAnnouncedIsCutOff) {
  v1::FileRef file = Store("content");
  blobs_.blobs[file.digest()] = std::string(1'000'000, 'z');
  EXPECT_THAT(transfer_.Download(file, folder_ + "/out"), HasReason("DIGEST_MISMATCH"));
  EXPECT_TRUE(ListFolder(folder_).value().empty());
}

TEST_F(TransferTest, WalksAFolderInByteOrderAndLeavesHiddenFilesOut) {
  ASSERT_OK(CreateFolders(folder_ + "/d/b"));
  ASSERT_OK(CreateFolders(folder_ + "/d/.git"));
  for (const char* name : {"d/b/2.png", "d/a.png", "d/.hidden", "d/.git/config", "d/B.png"})
    Write(name, name);
  ASSERT_OK_AND_ASSIGN(const std::vector<LocalFile> files, WalkFolder(folder_ + "/d"));
  std::vector<std::string> names;
  for (const LocalFile& file : files) names.push_back(file.ref.name());
  EXPECT_THAT(names, ElementsAre("B.png", "a.png", "b/2.png"));
  EXPECT_EQ(files[1].ref.digest(), Sha256Hex("d/a.png"));
  EXPECT_EQ(files[1].ref.size_bytes(), 7);
}

TEST_F(TransferTest, AnEmptyFolderIsAnErrorThatNamesIt) {
  EXPECT_THAT(WalkFolder(folder_).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, ::testing::HasSubstr(folder_)));
  EXPECT_THAT(WalkFolder(folder_ + "/none").status(), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace quantd
