// Uploads that go wrong, a row each, over the wire and onto a disk that can fail: a typed error
// with a stable reason, nothing that anybody sees, and the next upload runs.
#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>
#include <zstd.h>

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/digest.h"
#include "common/error.h"
#include "server/blob/local_dir/local_dir_blob_stores.h"
#include "tests/server/rpc/running_server.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/temporary_folder.h"

namespace quantd::testing {
namespace {

using Stub = v1::ArtifactService::Stub;
using Code = absl::StatusCode;
using Messages = std::vector<v1::WriteBlobRequest>;

constexpr size_t kMebibyte = 1 << 20;

v1::WriteBlobRequest First(const std::string& bytes, const std::string& id = "u") {
  v1::WriteBlobRequest message;
  message.set_parent(kParent);
  message.set_digest(Sha256Hex(bytes));
  message.set_size_bytes(static_cast<int64_t>(bytes.size()));
  message.set_upload_id(id);
  return message;
}

// The upload of `bytes` in messages of `piece`.
Messages UploadOf(const std::string& bytes, size_t piece, const std::string& id = "u") {
  Messages messages = {First(bytes, id)};
  for (size_t offset = 0; offset < bytes.size(); offset += piece) {
    if (offset > 0) messages.emplace_back();
    messages.back().set_offset(static_cast<int64_t>(offset));
    messages.back().set_data(bytes.substr(offset, piece));
  }
  messages.back().set_finish(true);
  return messages;
}

class UploadRowsTest : public ::testing::Test {
 protected:
  absl::StatusOr<int64_t> Send(const Messages& messages) {
    grpc::ClientContext context;
    v1::WriteBlobResponse response;
    const auto writer = server_.artifacts->WriteBlob(&context, &response);
    for (const v1::WriteBlobRequest& message : messages) {
      if (!writer->Write(message)) break;
    }
    writer->WritesDone();
    const absl::Status status = FromGrpc(writer->Finish());
    if (!status.ok()) return status;
    return response.committed_bytes();
  }

  bool IsMissing(const std::string& digest) {
    v1::FindMissingBlobsRequest request;
    request.set_parent(kParent);
    request.add_digests(digest);
    const auto found = RunningServer::Call(*server_.artifacts, &Stub::FindMissingBlobs, request);
    EXPECT_OK(found);
    return found.ok() && found->missing_digests_size() == 1;
  }

  v1::QueryWriteStatusResponse Query(const std::string& bytes) {
    v1::QueryWriteStatusRequest request;
    request.set_parent(kParent);
    request.set_upload_id("u");
    request.set_digest(Sha256Hex(bytes));
    return *RunningServer::Call(*server_.artifacts, &Stub::QueryWriteStatus, request);
  }

  // The blob can be uploaded from wherever it stands.
  void ExpectUploadRuns(const std::string& bytes) {
    const auto committed = static_cast<size_t>(Query(bytes).committed_bytes());
    v1::WriteBlobRequest message = First(bytes);
    message.set_offset(static_cast<int64_t>(committed));
    message.set_data(bytes.substr(committed, 2 * kMebibyte));
    message.set_finish(committed + message.data().size() == bytes.size());
    absl::StatusOr<int64_t> sent = Send({message});
    for (int retries = 0; !sent.ok() && retries < 3; ++retries) {
      sent = Send(UploadOf(bytes, kMebibyte));  // What was kept was no good and has gone.
    }
    EXPECT_THAT(sent, IsOkAndHolds(static_cast<int64_t>(bytes.size())));
    EXPECT_FALSE(IsMissing(Sha256Hex(bytes)));
  }

  double CallsThatEndedWith(const std::string& code) {
    double calls = 0;
    for (const auto& collectable : server_.parts.metrics.collectables()) {
      for (const auto& family : collectable.lock()->Collect()) {
        if (family.name != "quantd_rpc_total") continue;
        for (const auto& metric : family.metric) {
          for (const auto& label : metric.label) {
            if (label.value == code) calls += metric.counter.value;
          }
        }
      }
    }
    return calls;
  }

  std::shared_ptr<BlobStore> Blobs() { return server_.parts.blobs.Of("team"); }

  FakeClock clock_;
  TemporaryFolder folder_;
  PosixFileSystem disk_;
  FaultyFileSystem files_{&disk_};
  RunningServer server_{&clock_,
                        {.blobs = *LocalDirBlobStores::Open(&files_, &clock_, folder_.path())}};
};

struct MessageRow {
  const char* what;
  Messages messages;
  Code code;
  const char* reason;
};

MessageRow Changed(const char* what, Code code, const char* reason,
                   const std::function<void(v1::WriteBlobRequest&)>& change) {
  Messages messages = UploadOf("some bytes", 10);
  change(messages[0]);
  return {what, messages, code, reason};
}

std::vector<MessageRow> MessageRows() {
  const Code invalid = Code::kInvalidArgument, range = Code::kOutOfRange;
  Messages gap = UploadOf("some bytes", 5), replay = gap, negative = gap, unfinished = gap;
  gap[1].set_offset(6);
  replay[1].set_offset(0);
  negative[1].set_offset(-1);
  unfinished[1].set_finish(false);
  Messages beyond = UploadOf("some bytes", 5);
  beyond[1].set_data("bytes and more");
  std::string bomb(ZSTD_compressBound(64 * kMebibyte), '\0');
  const std::string zeros(64 * kMebibyte, '\0');
  bomb.resize(ZSTD_compress(bomb.data(), bomb.size(), zeros.data(), zeros.size(), 1));
  return {
      {"an empty stream", {}, invalid, "INVALID_NAME"},
      {"a first message without fields", {v1::WriteBlobRequest()}, invalid, "INVALID_NAME"},
      Changed("no upload id", invalid, "INVALID_UPLOAD_ID", [](auto& m) { m.clear_upload_id(); }),
      Changed("a long upload id", invalid, "INVALID_UPLOAD_ID",
              [](auto& m) { m.set_upload_id(std::string(129, 'u')); }),
      Changed("no digest", invalid, "INVALID_DIGEST", [](auto& m) { m.clear_digest(); }),
      Changed("a path for a digest", invalid, "INVALID_DIGEST",
              [](auto& m) { m.set_digest("../../objects"); }),
      Changed("a wrong digest", invalid, "DIGEST_MISMATCH",
              [](auto& m) { m.set_digest(Sha256Hex("other bytes")); }),
      Changed("a size that is too long", invalid, "SIZE_MISMATCH",
              [](auto& m) { m.set_size_bytes(11); }),
      Changed("a size that is too short", invalid, "BLOB_TOO_LONG",
              [](auto& m) { m.set_size_bytes(9); }),
      Changed("a negative size", invalid, "INVALID_SIZE", [](auto& m) { m.set_size_bytes(-1); }),
      Changed("the largest size", invalid, "INVALID_SIZE",
              [](auto& m) { m.set_size_bytes(std::numeric_limits<int64_t>::max()); }),
      Changed("the lowest size", invalid, "INVALID_SIZE",
              [](auto& m) { m.set_size_bytes(std::numeric_limits<int64_t>::min()); }),
      Changed("a start in the middle", range, "OFFSET_MISMATCH", [](auto& m) { m.set_offset(1); }),
      Changed("a start at the end of numbers", range, "OFFSET_MISMATCH",
              [](auto& m) { m.set_offset(std::numeric_limits<int64_t>::max()); }),
      Changed("an end before the size", invalid, "SIZE_MISMATCH", [](auto& m) { m.clear_data(); }),
      Changed("a chunk over two mebibytes", invalid, "CHUNK_TOO_LONG",
              [](auto& m) { m.set_data(std::string(2 * kMebibyte + 1, 'x')); }),
      Changed("an unknown encoding", invalid, "INVALID_ENCODING",
              [](auto& m) { m.set_encoding(static_cast<v1::BlobEncoding>(99)); }),
      Changed("no zstd frame", invalid, "INVALID_ENCODING",
              [](auto& m) { m.set_encoding(v1::ZSTD); }),
      Changed("a zstd bomb", invalid, "INVALID_ENCODING",
              [&](auto& m) {
                m.set_encoding(v1::ZSTD);
                m.set_data(bomb);
              }),
      Changed("another tenant's lease", invalid, "INVALID_LEASE",
              [](auto& m) { m.mutable_lease()->set_job("tenants/others/jobs/1"); }),
      Changed("a lease of no job", Code::kNotFound, "JOB_NOT_FOUND",
              [](auto& m) { m.mutable_lease()->set_job("tenants/team/jobs/1"); }),
      {"a gap", gap, range, "OFFSET_MISMATCH"},
      {"a replay", replay, range, "OFFSET_MISMATCH"},
      {"a negative offset", negative, range, "OFFSET_MISMATCH"},
      {"bytes beyond the size", beyond, invalid, "BLOB_TOO_LONG"},
      {"no last message", unfinished, Code::kAborted, "UPLOAD_INCOMPLETE"},
  };
}

TEST_F(UploadRowsTest, WrongMessagesAreRefusedByReason) {
  const std::string bytes = "some bytes";
  for (const MessageRow& row : MessageRows()) {
    const auto refused = Send(row.messages);
    EXPECT_THAT(refused, StatusIs(row.code)) << row.what;
    EXPECT_THAT(refused, HasReason(row.reason)) << row.what;
    EXPECT_TRUE(IsMissing(Sha256Hex(bytes))) << row.what;
    EXPECT_THAT(Blobs()->List(), IsOkAndHolds(::testing::SizeIs(2))) << row.what;  // The sample's.
    ExpectUploadRuns(bytes);
    ASSERT_OK(Blobs()->Delete(Sha256Hex(bytes)));
  }
}

struct DiskRow {
  const char* what;
  FileFault fault;
  Code code;
  const char* reason;  // Empty: INTERNAL errors have none.
};

std::vector<DiskRow> DiskRows() {
  const absl::Status full = MakeError(Code::kResourceExhausted, "DISK_FULL", "no space");
  const absl::Status broken = absl::DataLossError("input/output error");
  std::vector<DiskRow> rows;
  const std::pair<const char*, FileOperation> operations[] = {
      {"opening", FileOperation::kOpen},
      {"syncing", FileOperation::kSync},
      {"renaming", FileOperation::kRename},
      {"touching", FileOperation::kTouch},
      {"making a folder", FileOperation::kCreateFolder},
      {"syncing a folder", FileOperation::kSyncFolder}};
  for (const auto& [what, operation] : operations) {
    rows.push_back({what, {operation, 0, full}, Code::kResourceExhausted, "DISK_FULL"});
    rows.push_back({what, {operation, 0, broken}, Code::kDataLoss, ""});
  }
  rows.push_back({"syncing the second folder",
                  {FileOperation::kSyncFolder, 1, full},
                  Code::kResourceExhausted,
                  "DISK_FULL"});
  for (int write = 0; write < 4; ++write) {
    for (const bool torn : {false, true}) {
      rows.push_back({"writing",
                      {FileOperation::kWrite, write, full, torn},
                      Code::kResourceExhausted,
                      "DISK_FULL"});
      rows.push_back(
          {"writing", {FileOperation::kWrite, write, broken, torn}, Code::kDataLoss, ""});
    }
  }
  return rows;
}

TEST_F(UploadRowsTest, ADiskThatFailsIsReportedAndBreaksNothing) {
  int number = 0;
  for (const DiskRow& row : DiskRows()) {
    // Another content each time, so that folders are made each time.
    const std::string bytes = absl::StrCat("a blob in four pieces: ", ++number);
    const std::string what = absl::StrCat(number, " ", row.what);
    const int64_t stored_before = Blobs()->StoredBytes();
    files_.Arm(row.fault);
    const auto refused = Send(UploadOf(bytes, bytes.size() / 4 + 1));
    if (files_.armed()) {
      files_.Disarm();  // The shard's folder was there by chance.
      EXPECT_OK(refused) << what;
      continue;
    }
    EXPECT_THAT(refused, StatusIs(row.code)) << what;
    EXPECT_EQ(GetErrorDetails(refused.status()).reason, row.reason) << what;
    EXPECT_TRUE(IsMissing(Sha256Hex(bytes))) << what;
    EXPECT_EQ(Blobs()->StoredBytes(), stored_before + Query(bytes).committed_bytes()) << what;
    ExpectUploadRuns(bytes);
    EXPECT_EQ(Blobs()->StoredBytes(), stored_before + static_cast<int64_t>(bytes.size())) << what;
  }
}

TEST_F(UploadRowsTest, AnotherTenantsDigestMustBeSentAndTellsNothing) {
  const std::string bytes = "a secret of others";
  PutBlob(*server_.parts.blobs.Of("others"), bytes);
  EXPECT_TRUE(IsMissing(Sha256Hex(bytes)));
  EXPECT_EQ(Query(bytes).committed_bytes(), 0);
  EXPECT_FALSE(Query(bytes).complete());
  v1::WriteBlobRequest nothing = First(bytes);
  nothing.set_offset(nothing.size_bytes());
  nothing.set_finish(true);
  EXPECT_THAT(Send({nothing}), HasReason("OFFSET_MISMATCH"));
  nothing.set_offset(0);
  EXPECT_THAT(Send({nothing}), HasReason("SIZE_MISMATCH"));
  ExpectUploadRuns(bytes);
}

TEST_F(UploadRowsTest, WhatExistsAndIsSentAgainIsCompared) {
  const std::string bytes = "some bytes";
  ExpectUploadRuns(bytes);
  EXPECT_THAT(Send(UploadOf(bytes, 4)), IsOkAndHolds(10));
  v1::WriteBlobRequest wrong = First(bytes);
  wrong.set_data("SOME bytes");
  wrong.set_finish(true);
  EXPECT_THAT(Send({wrong}), HasReason("DIGEST_MISMATCH"));
  wrong = First(bytes);
  wrong.set_size_bytes(9);
  EXPECT_THAT(Send({wrong}), HasReason("SIZE_MISMATCH"));
  EXPECT_FALSE(IsMissing(Sha256Hex(bytes)));
}

TEST_F(UploadRowsTest, TwoWritersOfOneUploadDoNotHarmEachOther) {
  const std::string bytes = "some bytes";
  grpc::ClientContext context;
  v1::WriteBlobResponse response;
  const auto first = server_.artifacts->WriteBlob(&context, &response);
  Messages messages = UploadOf(bytes, 5);
  first->Write(messages[0]);
  while (Query(bytes).committed_bytes() < 5) {
  }
  EXPECT_THAT(Send(UploadOf(bytes, 5)), HasReason("UPLOAD_BUSY"));
  EXPECT_THAT(Send(UploadOf(bytes, 5, "another id")), IsOkAndHolds(10));
  first->Write(messages[1]);
  first->WritesDone();
  EXPECT_OK(FromGrpc(first->Finish()));
}

TEST_F(UploadRowsTest, AStreamThatIsBrokenButNotNoticedIsTakenOver) {
  const std::string bytes = "some bytes";
  grpc::ClientContext context;
  v1::WriteBlobResponse response;
  const auto first = server_.artifacts->WriteBlob(&context, &response);
  Messages messages = UploadOf(bytes, 5);
  first->Write(messages[0]);
  while (Query(bytes).committed_bytes() < 5) {
  }
  clock_.Advance(BlobStore::kUploadQuiet);
  ExpectUploadRuns(bytes);
  first->Write(messages[1]);
  first->WritesDone();
  const absl::Status status = FromGrpc(first->Finish());
  EXPECT_THAT(status, StatusIs(Code::kAborted));
  EXPECT_THAT(status, HasReason("UPLOAD_TAKEN_OVER"));
}

TEST_F(UploadRowsTest, AnUploadThatWasCollectedStartsAnew) {
  const std::string bytes = "some bytes";
  Messages half = UploadOf(bytes, 5);
  half.pop_back();
  EXPECT_THAT(Send(half), HasReason("UPLOAD_INCOMPLETE"));
  EXPECT_THAT(Blobs()->RemoveUploadsOlderThan(clock_.Now() + absl::Seconds(1)), IsOkAndHolds(1));
  v1::WriteBlobRequest rest = First(bytes);
  rest.set_offset(5);
  rest.set_data("bytes");
  rest.set_finish(true);
  const auto refused = Send({rest});
  EXPECT_THAT(refused, HasReason("OFFSET_MISMATCH"));
  EXPECT_EQ(GetErrorDetails(refused.status()).metadata["committed_bytes"], "0");
  ExpectUploadRuns(bytes);
}

TEST_F(UploadRowsTest, AnEmptyBlobIsUploadedAndIsThere) {
  EXPECT_THAT(Send(UploadOf("", 1)), IsOkAndHolds(0));
  EXPECT_FALSE(IsMissing(Sha256Hex("")));
  EXPECT_THAT(Send(UploadOf("", 1)), IsOkAndHolds(0));
}

TEST_F(UploadRowsTest, ABlobAboveTheTenantsLimitIsRefusedBeforeItsFirstByte) {
  ASSERT_OK(server_.parts.tenants.Set("team", {.stored_bytes_max = 100}, 1));
  const auto refused = Send(UploadOf(std::string(100, 'x'), 10));  // The sample's blobs are there.
  EXPECT_THAT(refused, StatusIs(Code::kResourceExhausted));
  EXPECT_THAT(refused, HasReason("QUOTA_EXCEEDED"));
  EXPECT_EQ(Query(std::string(100, 'x')).committed_bytes(), 0);
  ExpectUploadRuns(std::string(50, 'x'));
}

TEST_F(UploadRowsTest, AQuietUploadIsCutOffAndCanBeResumed) {
  const std::string bytes = "some bytes";
  grpc::ClientContext context;
  v1::WriteBlobResponse response;
  const auto quiet = server_.artifacts->WriteBlob(&context, &response);
  Messages messages = UploadOf(bytes, 5);
  quiet->Write(messages[0]);
  while (Query(bytes).committed_bytes() < 5) {
  }
  clock_.Advance(absl::Seconds(61));
  const absl::Status status = FromGrpc(quiet->Finish());
  EXPECT_THAT(status, StatusIs(Code::kDeadlineExceeded));
  EXPECT_THAT(status, HasReason("STREAM_IDLE"));
  EXPECT_EQ(Query(bytes).committed_bytes(), 5);
  ExpectUploadRuns(bytes);
}

TEST_F(UploadRowsTest, ADownloadThatNobodyTakesIsCutOff) {
  // More than the connection holds on its way.
  const std::string bytes(64 * kMebibyte, 'x');
  PutBlob(*Blobs(), bytes);
  v1::ReadBlobRequest request;
  request.set_parent(kParent);
  request.set_digest(Sha256Hex(bytes));
  grpc::ClientContext context;
  const auto reader = server_.artifacts->ReadBlob(&context, request);
  v1::ReadBlobResponse chunk;
  ASSERT_TRUE(reader->Read(&chunk));
  // The server waits sooner or later, and time passes until it has given up.
  while (CallsThatEndedWith("DEADLINE_EXCEEDED") == 0) clock_.Advance(absl::Seconds(61));
  size_t got = chunk.data().size();
  while (reader->Read(&chunk)) got += chunk.data().size();
  EXPECT_THAT(FromGrpc(reader->Finish()), HasReason("STREAM_IDLE"));
  EXPECT_LT(got, bytes.size());
}

}  // namespace
}  // namespace quantd::testing
