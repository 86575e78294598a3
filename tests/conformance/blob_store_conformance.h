// What every BlobStore does. A store's test instantiates the suite with a factory:
//
//   INSTANTIATE_TEST_SUITE_P(Memory, BlobStoreConformance,
//   ::testing::Values(BlobStoreFactory{...}));
#pragma once

#include <atomic>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/digest.h"
#include "common/error.h"
#include "common/random.h"
#include "server/core/blob_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_folder.h"

namespace quantd::testing {

struct BlobStoreFactory {
  std::string name;
  // Opens empty stores, in `folder` if they need one. The clock is borrowed.
  std::function<std::unique_ptr<BlobStores>(const std::string& folder, const Clock* clock)> open;
};

inline std::ostream& operator<<(std::ostream& out, const BlobStoreFactory& factory) {
  return out << factory.name;
}

// Bytes of every value, zeros included.
inline std::string SomeBytes(size_t count, uint64_t seed = 1) {
  Random random(seed);
  std::string bytes(count, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.Below(256));
  return bytes;
}

class BlobStoreConformance : public ::testing::TestWithParam<BlobStoreFactory> {
 protected:
  void SetUp() override {
    stores_ = GetParam().open(folder_.path(), &clock_);
    store_ = stores_->Of("team");
  }

  // Uploads in one go; returns the digest.
  static std::string PutInto(BlobStore& store, const std::string& bytes,
                             const std::string& upload_id = "put") {
    const std::string digest = Sha256Hex(bytes);
    auto writer = store.OpenUpload(upload_id, digest, static_cast<int64_t>(bytes.size()));
    EXPECT_OK(writer);
    const auto kept = static_cast<size_t>((*writer)->committed());
    EXPECT_OK((*writer)->Append((*writer)->committed(), bytes.substr(kept)));
    EXPECT_OK((*writer)->Finish());
    return digest;
  }
  std::string Put(const std::string& bytes, const std::string& upload_id = "put") {
    return PutInto(*store_, bytes, upload_id);
  }

  std::unique_ptr<BlobWriter> Open(const std::string& upload_id, const std::string& digest,
                                   size_t size_bytes) {
    auto writer = store_->OpenUpload(upload_id, digest, static_cast<int64_t>(size_bytes));
    EXPECT_OK(writer);
    return *std::move(writer);
  }

  TemporaryFolder folder_;
  FakeClock clock_;
  std::unique_ptr<BlobStores> stores_;
  std::shared_ptr<BlobStore> store_;
};

inline constexpr int64_t kToTheEnd = std::numeric_limits<int64_t>::max();

TEST_P(BlobStoreConformance, GivesBackWhatWasUploaded) {
  const std::string bytes = SomeBytes(3 << 20);
  const std::string digest = Sha256Hex(bytes);
  auto writer = Open("u", digest, bytes.size());
  for (size_t offset = 0; offset < bytes.size(); offset += 1'000'000) {
    EXPECT_EQ(writer->committed(), static_cast<int64_t>(offset));
    ASSERT_OK(writer->Append(static_cast<int64_t>(offset), bytes.substr(offset, 1'000'000)));
  }
  ASSERT_OK(writer->Finish());
  EXPECT_TRUE(store_->Has(digest));
  EXPECT_THAT(store_->Size(digest), IsOkAndHolds(3 << 20));
  ASSERT_OK_AND_ASSIGN(const std::string read, store_->Read(digest, 0, kToTheEnd));
  EXPECT_TRUE(read == bytes);
}

TEST_P(BlobStoreConformance, ReadsAnyPart) {
  const std::string digest = Put("0123456789");
  EXPECT_THAT(store_->Read(digest, 3, 4), IsOkAndHolds(std::string("3456")));
  EXPECT_THAT(store_->Read(digest, 8, 4), IsOkAndHolds(std::string("89")));
  EXPECT_THAT(store_->Read(digest, 10, 4), IsOkAndHolds(std::string()));
  EXPECT_THAT(store_->Read(digest, 2, 0), IsOkAndHolds(std::string()));
  EXPECT_THAT(store_->Read(digest, 11, 1), StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_THAT(store_->Read(digest, 11, 1), HasReason("READ_BEYOND_END"));
  EXPECT_THAT(store_->Read(digest, -1, 1), HasReason("READ_BEYOND_END"));
  EXPECT_THAT(store_->Read(digest, 0, -1), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_P(BlobStoreConformance, HoldsTheEmptyBlob) {
  const std::string digest = Put("");
  EXPECT_TRUE(store_->Has(digest));
  EXPECT_THAT(store_->Size(digest), IsOkAndHolds(0));
  EXPECT_THAT(store_->Read(digest, 0, 10), IsOkAndHolds(std::string()));
}

TEST_P(BlobStoreConformance, WhatIsNotThereIsNotFound) {
  // A digest of nothing, and text that is no digest: paths, upper case, a wrong length.
  const std::string digest = Sha256Hex("absent");
  Put("something");  // Where a path that leads out of its folder would start.
  for (const std::string& name :
       {digest, std::string("../x"), std::string(""), std::string("ab/../../etc/passwd"),
        std::string(64, 'A'), digest + "0", digest.substr(1), std::string(64, '.')}) {
    EXPECT_FALSE(store_->Has(name)) << name;
    EXPECT_THAT(store_->Size(name), HasReason("BLOB_NOT_FOUND")) << name;
    EXPECT_THAT(store_->Read(name, 0, 1), StatusIs(absl::StatusCode::kNotFound)) << name;
    EXPECT_THAT(store_->Read(name, 0, 1), HasReason("BLOB_NOT_FOUND")) << name;
    EXPECT_EQ(store_->CommittedBytes("u", name), 0) << name;
    EXPECT_OK(store_->Delete(name)) << name;
  }
}

TEST_P(BlobStoreConformance, RefusesADigestThatIsNone) {
  for (const std::string& name : {std::string("../x"), std::string(""), std::string(64, 'G'),
                                  Sha256Hex("x").substr(1) + "/"}) {
    EXPECT_THAT(store_->OpenUpload("u", name, 1), StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(store_->OpenUpload("u", name, 1), HasReason("INVALID_DIGEST"));
    EXPECT_THAT(store_->OpenUpload("u", name, 1), NamesField("digest"));
  }
  for (const int64_t size : {int64_t{-1}, BlobStore::kBlobBytesMax + 1, kToTheEnd}) {
    EXPECT_THAT(store_->OpenUpload("u", Sha256Hex("x"), size), HasReason("INVALID_SIZE")) << size;
  }
}

TEST_P(BlobStoreConformance, AnUnfinishedUploadIsInvisible) {
  const std::string digest = Sha256Hex("whole");
  auto writer = Open("u", digest, 5);
  ASSERT_OK(writer->Append(0, "whole"));
  EXPECT_FALSE(store_->Has(digest));
  EXPECT_THAT(store_->Read(digest, 0, 1), HasReason("BLOB_NOT_FOUND"));
  EXPECT_THAT(store_->List(), IsOkAndHolds(::testing::IsEmpty()));
  EXPECT_EQ(store_->CommittedBytes("u", digest), 5);
  ASSERT_OK(writer->Finish());
  EXPECT_TRUE(store_->Has(digest));
  EXPECT_EQ(store_->CommittedBytes("u", digest), 0);
}

TEST_P(BlobStoreConformance, AnUploadIsResumedWhereItStopped) {
  const std::string bytes = SomeBytes(100'000);
  const std::string digest = Sha256Hex(bytes);
  ASSERT_OK(Open("u", digest, bytes.size())->Append(0, bytes.substr(0, 60'000)));
  EXPECT_EQ(store_->CommittedBytes("u", digest), 60'000);

  auto writer = Open("u", digest, bytes.size());
  EXPECT_EQ(writer->committed(), 60'000);
  ASSERT_OK(writer->Append(60'000, bytes.substr(60'000)));
  ASSERT_OK(writer->Finish());
  ASSERT_OK_AND_ASSIGN(const std::string read, store_->Read(digest, 0, kToTheEnd));
  EXPECT_TRUE(read == bytes);
}

TEST_P(BlobStoreConformance, BytesThatMayBeTakenArriveWholeAlsoAcrossAResume) {
  constexpr size_t kChunk = 600'000;  // Enough for a store to work on it beside the next one.
  const std::string bytes = SomeBytes(7 * kChunk);
  const std::string digest = Sha256Hex(bytes);
  auto writer = Open("u", digest, bytes.size());
  std::string chunk;  // Its memory is used again, as that of a stream's message is.
  for (size_t offset = 0; offset < bytes.size(); offset += kChunk) {
    if (offset == 5 * kChunk) {
      writer.reset();
      writer = Open("u", digest, bytes.size());
    }
    ASSERT_EQ(writer->committed(), static_cast<int64_t>(offset));
    chunk.assign(bytes, offset, kChunk);
    ASSERT_OK(writer->AppendAndTake(static_cast<int64_t>(offset), chunk));
  }
  ASSERT_OK(writer->Finish());
  ASSERT_OK_AND_ASSIGN(const std::string read, store_->Read(digest, 0, kToTheEnd));
  EXPECT_TRUE(read == bytes);
}

TEST_P(BlobStoreConformance, ARefusedChunkIsNotTaken) {
  const std::string bytes = SomeBytes(600'000);
  auto writer = Open("u", Sha256Hex(bytes), bytes.size());
  std::string chunk = bytes;
  EXPECT_THAT(writer->AppendAndTake(1, chunk), HasReason("OFFSET_MISMATCH"));
  EXPECT_TRUE(chunk == bytes);
  ASSERT_OK(writer->AppendAndTake(0, chunk));
  EXPECT_OK(writer->Finish());
}

TEST_P(BlobStoreConformance, AGapOrAReplayIsRefusedAndSaysWhereToGoOn) {
  const std::string digest = Sha256Hex("0123456789");
  auto writer = Open("u", digest, 10);
  ASSERT_OK(writer->Append(0, "0123"));
  for (const int64_t offset : {int64_t{0}, int64_t{3}, int64_t{5}, int64_t{-1}, kToTheEnd}) {
    const absl::Status status = writer->Append(offset, "4567");
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kOutOfRange));
    EXPECT_THAT(status, HasReason("OFFSET_MISMATCH"));
    EXPECT_EQ(GetErrorDetails(status).metadata["committed_bytes"], "4");
  }
  ASSERT_OK(writer->Append(4, "456789"));
  EXPECT_OK(writer->Finish());
}

TEST_P(BlobStoreConformance, BytesBeyondTheSizeAreRefusedWhole) {
  auto writer = Open("u", Sha256Hex("0123"), 4);
  ASSERT_OK(writer->Append(0, "01"));
  EXPECT_THAT(writer->Append(2, "234"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(writer->Append(2, "234"), HasReason("BLOB_TOO_LONG"));
  EXPECT_EQ(writer->committed(), 2);
  ASSERT_OK(writer->Append(2, "23"));
  EXPECT_OK(writer->Finish());
}

TEST_P(BlobStoreConformance, AWrongDigestThrowsTheUploadAway) {
  const std::string digest = Sha256Hex("right");
  auto writer = Open("u", digest, 5);
  ASSERT_OK(writer->Append(0, "wrong"));
  const absl::Status status = writer->Finish();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(status, HasReason("DIGEST_MISMATCH"));
  writer.reset();
  EXPECT_FALSE(store_->Has(digest));
  EXPECT_FALSE(store_->Has(Sha256Hex("wrong")));
  EXPECT_EQ(store_->CommittedBytes("u", digest), 0);
  EXPECT_EQ(Put("right", "u"), digest);
  EXPECT_TRUE(store_->Has(digest));
}

TEST_P(BlobStoreConformance, TooFewBytesThrowTheUploadAway) {
  const std::string digest = Sha256Hex("0123456789");
  auto writer = Open("u", digest, 10);
  ASSERT_OK(writer->Append(0, "0123"));
  const absl::Status status = writer->Finish();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(status, HasReason("SIZE_MISMATCH"));
  EXPECT_FALSE(store_->Has(digest));
  EXPECT_EQ(store_->CommittedBytes("u", digest), 0);
}

TEST_P(BlobStoreConformance, ASizeThatTheDigestBeliesIsRefused) {
  // "01" is right for no size but 2, however the upload comes to hold it.
  const std::string digest = Sha256Hex("01");
  ASSERT_OK(Open("u", digest, 3)->Append(0, "012"));
  auto writer = Open("u", digest, 2);
  EXPECT_EQ(writer->committed(), 0) << "what was longer than announced is of no use";
  ASSERT_OK(writer->Append(0, "01"));
  ASSERT_OK(writer->Finish());
  EXPECT_THAT(store_->OpenUpload("v", digest, 3), HasReason("SIZE_MISMATCH"));
}

TEST_P(BlobStoreConformance, AFinishedWriterTakesNothing) {
  auto writer = Open("u", Sha256Hex("abc"), 3);
  ASSERT_OK(writer->Append(0, "abc"));
  ASSERT_OK(writer->Finish());
  EXPECT_THAT(writer->Append(3, ""), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(writer->Finish(), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_P(BlobStoreConformance, OneWriterPerUpload) {
  const std::string digest = Sha256Hex("abc");
  auto first = Open("u", digest, 3);
  EXPECT_THAT(store_->OpenUpload("u", digest, 3), StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(store_->OpenUpload("u", digest, 3), HasReason("UPLOAD_BUSY"));
  EXPECT_OK(store_->OpenUpload("u", Sha256Hex("other"), 5)) << "the digest is part of the name";
  first.reset();
  EXPECT_OK(store_->OpenUpload("u", digest, 3));
}

TEST_P(BlobStoreConformance, AQuietWriterLosesItsUploadToTheNextOne) {
  const std::string digest = Sha256Hex("abc");
  auto first = Open("u", digest, 3);
  ASSERT_OK(first->Append(0, "a"));
  clock_.Advance(BlobStore::kUploadQuiet - absl::Milliseconds(1));
  EXPECT_THAT(store_->OpenUpload("u", digest, 3), HasReason("UPLOAD_BUSY"));
  clock_.Advance(absl::Milliseconds(1));
  auto second = Open("u", digest, 3);
  EXPECT_EQ(second->committed(), 1);
  for (const absl::Status& status : {first->Append(1, "x"), first->Finish()}) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kAborted));
    EXPECT_THAT(status, HasReason("UPLOAD_TAKEN_OVER"));
  }
  first.reset();
  EXPECT_EQ(store_->StoredBytes(), 3) << "the end of the first one changes nothing";
  EXPECT_THAT(store_->OpenUpload("u", digest, 3), HasReason("UPLOAD_BUSY"));
  ASSERT_OK(second->Append(1, "bc"));
  EXPECT_OK(second->Finish());
  EXPECT_THAT(store_->Read(digest, 0, 9), IsOkAndHolds(std::string("abc")));
}

TEST_P(BlobStoreConformance, TwoUploadsOfOneBlobBothSucceed) {
  const std::string digest = Sha256Hex("abc");
  auto first = Open("u", digest, 3);
  auto second = Open("v", digest, 3);
  ASSERT_OK(first->Append(0, "abc"));
  ASSERT_OK(second->Append(0, "ab"));
  ASSERT_OK(first->Finish());
  ASSERT_OK(second->Append(2, "c"));
  EXPECT_OK(second->Finish());
  EXPECT_THAT(store_->Read(digest, 0, 9), IsOkAndHolds(std::string("abc")));
  EXPECT_THAT(store_->List(), IsOkAndHolds(::testing::ElementsAre(digest)));
}

TEST_P(BlobStoreConformance, ABlobThatExistsNeedsNoBytes) {
  const std::string digest = Put("abc");
  auto writer = Open("again", digest, 3);
  EXPECT_EQ(writer->committed(), 3);
  EXPECT_OK(writer->Finish());
  // One that does not know so sends them all the same. They are looked at.
  writer = Open("again", digest, 3);
  EXPECT_OK(writer->Append(0, "ab"));
  EXPECT_OK(writer->Append(2, "c"));
  EXPECT_THAT(writer->Append(2, "cd"), HasReason("BLOB_TOO_LONG"));
  EXPECT_THAT(writer->Append(4, "c"), HasReason("OFFSET_MISMATCH"));
  EXPECT_OK(writer->Finish());
  EXPECT_THAT(store_->Read(digest, 0, 9), IsOkAndHolds(std::string("abc")));
}

TEST_P(BlobStoreConformance, WrongBytesForABlobThatExistsAreRefused) {
  const std::string digest = Put("abc");
  auto writer = Open("again", digest, 3);
  const absl::Status status = writer->Append(1, "xc");
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(status, HasReason("DIGEST_MISMATCH"));
  EXPECT_THAT(store_->Read(digest, 0, 9), IsOkAndHolds(std::string("abc")));
}

TEST_P(BlobStoreConformance, ABlobThatGoesDuringItsSecondUploadMustBeUploadedAgain) {
  const std::string digest = Put("abc");
  auto writer = Open("again", digest, 3);
  ASSERT_OK(store_->Delete(digest));
  const absl::Status status = writer->Finish();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(status, HasReason("BLOB_REMOVED"));
  Put("abc", "again");
}

TEST_P(BlobStoreConformance, AnUploadIsForgottenWhenAnotherWasFaster) {
  const std::string digest = Sha256Hex("abc");
  ASSERT_OK(Open("slow", digest, 3)->Append(0, "a"));
  Put("abc", "fast");
  EXPECT_OK(Open("slow", digest, 3)->Finish());
  EXPECT_EQ(store_->CommittedBytes("slow", digest), 0);
}

TEST_P(BlobStoreConformance, UploadIdsMayHoldAnything) {
  std::vector<std::string> ids = {"",
                                  ".",
                                  "..",
                                  "../../x",
                                  "/etc/passwd",
                                  std::string("a\0b", 3),
                                  std::string("a\0c", 3),
                                  "\xff\xfe",
                                  std::string(5000, 'x'),
                                  "new\nline"};
  const std::string digest = Sha256Hex("abc");
  for (size_t i = 0; i < ids.size(); ++i) {
    ASSERT_OK(Open(ids[i], digest, 3)->Append(0, std::string("abc").substr(0, i % 3)));
  }
  for (size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(store_->CommittedBytes(ids[i], digest), static_cast<int64_t>(i % 3)) << i;
  }
  EXPECT_EQ(Put("abc", "../../x"), digest);
}

TEST_P(BlobStoreConformance, DeletesForGood) {
  const std::string digest = Put("abc");
  const std::string other = Put("other");
  EXPECT_OK(store_->Delete(digest));
  EXPECT_FALSE(store_->Has(digest));
  EXPECT_THAT(store_->Read(digest, 0, 1), HasReason("BLOB_NOT_FOUND"));
  EXPECT_OK(store_->Delete(digest));
  EXPECT_THAT(store_->List(), IsOkAndHolds(::testing::ElementsAre(other)));
  EXPECT_EQ(Put("abc"), digest);
  EXPECT_TRUE(store_->Has(digest));
}

TEST_P(BlobStoreConformance, AnOpenBlobStaysReadableWhenItIsDeleted) {
  const std::string digest = Put("abc");
  ASSERT_OK_AND_ASSIGN(const auto reader, store_->Open(digest));
  ASSERT_OK(store_->Delete(digest));
  std::string bytes = "longer than what is read";
  ASSERT_OK(reader->Read(1, 9, bytes));
  EXPECT_EQ(bytes, "bc");
  EXPECT_EQ(reader->size_bytes(), 3);
}

TEST_P(BlobStoreConformance, WhatWasUsedSinceIsNotDeleted) {
  const absl::Time start = clock_.Now();
  const std::string digest = Put("abc");
  const auto nothing = std::optional<int64_t>();
  EXPECT_THAT(store_->DeleteUnusedSince(digest, start), IsOkAndHolds(nothing));
  clock_.Advance(absl::Hours(1));
  EXPECT_THAT(store_->Use(digest), IsOkAndHolds(3));
  EXPECT_THAT(store_->DeleteUnusedSince(digest, clock_.Now()), IsOkAndHolds(nothing));
  clock_.Advance(absl::Hours(1));
  Put("abc", "again");  // An upload of what is there is a use, too.
  EXPECT_THAT(store_->DeleteUnusedSince(digest, clock_.Now()), IsOkAndHolds(nothing));
  clock_.Advance(absl::Seconds(1));
  EXPECT_THAT(store_->DeleteUnusedSince(digest, clock_.Now()),
              IsOkAndHolds(std::optional<int64_t>(3)));
  EXPECT_THAT(store_->Use(digest), HasReason("BLOB_NOT_FOUND"));
  EXPECT_THAT(store_->DeleteUnusedSince(digest, clock_.Now()), IsOkAndHolds(nothing));
}

TEST_P(BlobStoreConformance, OldUploadsGoAndFreshOrOpenOnesStay) {
  ASSERT_OK(Open("u", Sha256Hex("stale"), 5)->Append(0, "st"));
  auto open = Open("u", Sha256Hex("open"), 4);
  ASSERT_OK(open->Append(0, "op"));
  clock_.Advance(absl::Hours(48));
  ASSERT_OK(Open("u", Sha256Hex("fresh"), 5)->Append(0, "fr"));
  EXPECT_THAT(store_->RemoveUploadsOlderThan(clock_.Now() - absl::Hours(24)), IsOkAndHolds(1));
  EXPECT_EQ(store_->CommittedBytes("u", Sha256Hex("stale")), 0);
  EXPECT_EQ(store_->CommittedBytes("u", Sha256Hex("fresh")), 2);
  EXPECT_EQ(store_->StoredBytes(), 2 + 4);
  ASSERT_OK(open->Append(2, "en"));
  EXPECT_OK(open->Finish());
}

TEST_P(BlobStoreConformance, CountsBlobsWholeAndUploadsAtWhatTheyMayComeToHold) {
  EXPECT_EQ(store_->StoredBytes(), 0);
  const std::string digest = Put("abc");
  EXPECT_EQ(store_->StoredBytes(), 3);
  Put("abc", "again");
  EXPECT_EQ(store_->StoredBytes(), 3) << "equal content is stored once";
  auto writer = Open("u", Sha256Hex("0123456789"), 10);
  ASSERT_OK(writer->Append(0, "0123"));
  EXPECT_EQ(store_->StoredBytes(), 3 + 10);
  writer.reset();
  EXPECT_EQ(store_->StoredBytes(), 3 + 4);
  EXPECT_THAT(Open("u", Sha256Hex("0123456789"), 10)->Finish(), HasReason("SIZE_MISMATCH"));
  EXPECT_EQ(store_->StoredBytes(), 3);
  // Two uploads of one blob: each counts until one is published.
  auto first = Open("1", Sha256Hex("xy"), 2), second = Open("2", Sha256Hex("xy"), 2);
  EXPECT_EQ(store_->StoredBytes(), 3 + 2 + 2);
  for (BlobWriter* one : {first.get(), second.get()}) {
    ASSERT_OK(one->Append(0, "xy"));
    ASSERT_OK(one->Finish());
  }
  EXPECT_EQ(store_->StoredBytes(), 3 + 2);
  ASSERT_OK(store_->Delete(digest));
  ASSERT_OK(store_->Delete(digest));
  EXPECT_EQ(store_->StoredBytes(), 2);
}

TEST_P(BlobStoreConformance, UploadsCannotPassTheLimitTogether) {
  Put("abc");
  const auto open = [&](const std::string& bytes, int64_t max) {
    return store_->OpenUpload("u", Sha256Hex(bytes), static_cast<int64_t>(bytes.size()), max);
  };
  ASSERT_OK_AND_ASSIGN(auto first, open("1234", 10));
  const auto refused = open("5678", 10);
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(refused, HasReason("QUOTA_EXCEEDED"));
  EXPECT_EQ(GetErrorDetails(refused.status()).quotas.at(0).subject, "tenants/team");
  EXPECT_EQ(store_->StoredBytes(), 3 + 4);
  EXPECT_OK(open("567", 10)) << "exactly the limit";
  EXPECT_OK(open("abc", 0)) << "what is there takes no room";
  // What is kept of an upload does not count twice when it is resumed.
  ASSERT_OK(first->Append(0, "123"));
  first.reset();
  ASSERT_OK_AND_ASSIGN(first, open("1234", 7));
  ASSERT_OK(first->Append(3, "4"));
  EXPECT_OK(first->Finish());
}

TEST_P(BlobStoreConformance, TenantsDoNotMeet) {
  const std::string digest = Put("secret"), partial = Sha256Hex("partial");
  ASSERT_OK(Open("u", partial, 7)->Append(0, "part"));
  // A tenant of that name must not lie where a folder of the store does.
  for (const char* tenant : {"others", "objects", "uploads", "tenants"}) {
    const std::shared_ptr<BlobStore> others = stores_->Of(tenant);
    EXPECT_FALSE(others->Has(digest));
    EXPECT_THAT(others->Use(digest), HasReason("BLOB_NOT_FOUND"));
    EXPECT_THAT(others->Open(digest), HasReason("BLOB_NOT_FOUND"));
    EXPECT_THAT(others->List(), IsOkAndHolds(::testing::IsEmpty()));
    EXPECT_EQ(others->CommittedBytes("u", partial), 0);
    EXPECT_EQ(others->StoredBytes(), 0);
    EXPECT_OK(others->Delete(digest));
    EXPECT_THAT(others->RemoveUploadsOlderThan(absl::InfiniteFuture()), IsOkAndHolds(0));
  }
  EXPECT_THAT(stores_->Tenants(), ::testing::ElementsAre("team"))
      << "asking leaves no trace of a tenant";

  // What somebody else has must be sent and verified all the same, and may be of any size.
  const std::shared_ptr<BlobStore> others = stores_->Of("others");
  ASSERT_OK_AND_ASSIGN(auto writer, others->OpenUpload("u", digest, 6));
  EXPECT_EQ(writer->committed(), 0);
  EXPECT_THAT(writer->Finish(), HasReason("SIZE_MISMATCH"));
  writer.reset();
  ASSERT_OK_AND_ASSIGN(writer, others->OpenUpload("u", digest, 5));
  ASSERT_OK(writer->Append(0, "wrong"));
  EXPECT_THAT(writer->Finish(), HasReason("DIGEST_MISMATCH"));
  PutInto(*others, "secret");
  EXPECT_THAT(stores_->Tenants(), ::testing::ElementsAre("others", "team"));
  ASSERT_OK(others->Delete(digest));
  EXPECT_TRUE(store_->Has(digest));
  EXPECT_EQ(store_->CommittedBytes("u", partial), 4);
}

TEST_P(BlobStoreConformance, ListsEveryDigestSorted) {
  EXPECT_THAT(store_->List(), IsOkAndHolds(::testing::IsEmpty()));
  std::vector<std::string> digests;
  for (int i = 0; i < 20; ++i) digests.push_back(Put(absl::StrCat("blob ", i)));
  std::sort(digests.begin(), digests.end());
  EXPECT_THAT(store_->List(), IsOkAndHolds(digests));
}

TEST_P(BlobStoreConformance, ManyThreadsUploadReadAndDeleteAtOnce) {
  constexpr int kThreads = 8, kRounds = 20;
  // All threads work on the same four blobs. A reader sees the whole blob or none.
  std::vector<std::string> blobs;
  for (uint64_t i = 0; i < 4; ++i) blobs.push_back(SomeBytes(20'000, i));
  std::atomic<int> wrong = 0, finished = 0;
  const auto work = [&](int thread) {
    for (int round = 0; round < kRounds; ++round) {
      const std::string& bytes = blobs[static_cast<size_t>(thread + round) % blobs.size()];
      const std::string digest = Sha256Hex(bytes);
      auto writer = store_->OpenUpload(absl::StrCat("u", thread % 4), digest, 20'000);
      if (writer.ok()) {
        const int64_t start = (*writer)->committed();
        if (!(*writer)->Append(start, bytes.substr(static_cast<size_t>(start))).ok()) ++wrong;
        const absl::Status status = (*writer)->Finish();
        if (status.ok()) ++finished;
        if (!status.ok() && GetErrorDetails(status).reason != "BLOB_REMOVED") ++wrong;
      } else if (GetErrorDetails(writer.status()).reason != "UPLOAD_BUSY") {
        ++wrong;
      }
      const absl::StatusOr<std::string> read = store_->Read(digest, 0, kToTheEnd);
      if (read.ok() ? *read != bytes : GetErrorDetails(read.status()).reason != "BLOB_NOT_FOUND") {
        ++wrong;
      }
      if (round % 5 == 4 && !store_->Delete(digest).ok()) ++wrong;
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(finished, 0);
}

}  // namespace quantd::testing
