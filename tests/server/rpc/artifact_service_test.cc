// quantd.v1.ArtifactService over the wire.
#include "absl/strings/str_cat.h"
#include "common/digest.h"
#include "common/random.h"
#include "proto/wire/blob_encoding.h"
#include "server/core/artifact_registry.h"
#include "tests/server/rpc/running_server.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using testing::FileOf;
using testing::HasReason;
using testing::kParent;
using testing::NamesField;
using testing::RunningServer;
using testing::StatusIs;
using Stub = v1::ArtifactService::Stub;

constexpr size_t kMebibyte = 1 << 20;

std::string RandomBytes(size_t count) {
  Random random(count);
  std::string bytes(count, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.Next());
  return bytes;
}

// One open upload stream.
class Upload {
 public:
  explicit Upload(RunningServer& server)
      : writer_(server.artifacts->WriteBlob(&context_, &response_)) {}

  bool Send(const v1::WriteBlobRequest& message) { return writer_->Write(message); }
  // Ends the stream; how many bytes the server has.
  absl::StatusOr<int64_t> Finish() {
    writer_->WritesDone();
    const absl::Status status = FromGrpc(writer_->Finish());
    if (!status.ok()) return status;
    return response_.committed_bytes();
  }
  void Break() { context_.TryCancel(); }

 private:
  grpc::ClientContext context_;
  v1::WriteBlobResponse response_;
  std::unique_ptr<grpc::ClientWriter<v1::WriteBlobRequest>> writer_;
};

class ArtifactServiceTest : public testing::ServerTest {
 protected:
  static v1::WriteBlobRequest FirstMessage(const std::string& bytes) {
    v1::WriteBlobRequest message;
    message.set_parent(kParent);
    message.set_digest(Sha256Hex(bytes));
    message.set_size_bytes(static_cast<int64_t>(bytes.size()));
    message.set_upload_id("upload-1");
    return message;
  }

  absl::StatusOr<int64_t> SendOne(const v1::WriteBlobRequest& message) {
    Upload upload(server_);
    upload.Send(message);
    return upload.Finish();
  }

  // Uploads bytes[from, ...) in pieces.
  absl::StatusOr<int64_t> SendFrom(const std::string& bytes, size_t from, size_t piece) {
    Upload upload(server_);
    v1::WriteBlobRequest message = FirstMessage(bytes);
    size_t offset = from;
    do {
      message.set_offset(static_cast<int64_t>(offset));
      message.set_data(bytes.substr(offset, piece));
      offset += message.data().size();
      message.set_finish(offset == bytes.size());
      if (!upload.Send(message)) break;
      message.Clear();
    } while (offset < bytes.size());
    return upload.Finish();
  }

  v1::QueryWriteStatusResponse Query(const std::string& bytes) {
    v1::QueryWriteStatusRequest request;
    request.set_parent(kParent);
    request.set_upload_id("upload-1");
    request.set_digest(Sha256Hex(bytes));
    const auto response = RunningServer::Call(*server_.artifacts, &Stub::QueryWriteStatus, request);
    EXPECT_OK(response);
    return response.ok() ? *response : v1::QueryWriteStatusResponse();
  }

  absl::StatusOr<std::string> Read(const std::string& digest, int64_t offset, int64_t limit,
                                   size_t* chunks = nullptr) {
    v1::ReadBlobRequest request;
    request.set_parent(kParent);
    request.set_digest(digest);
    request.set_offset(offset);
    request.set_limit(limit);
    grpc::ClientContext context;
    auto reader = server_.artifacts->ReadBlob(&context, request);
    std::string bytes;
    v1::ReadBlobResponse chunk;
    while (reader->Read(&chunk)) {
      EXPECT_LE(chunk.data().size(), kMebibyte);
      bytes += chunk.data();
      if (chunks != nullptr) ++*chunks;
    }
    const absl::Status status = FromGrpc(reader->Finish());
    if (!status.ok()) return status;
    return bytes;
  }

  absl::StatusOr<v1::Artifact> Create(const std::vector<v1::FileRef>& files,
                                      const std::string& label = "") {
    v1::CreateArtifactRequest request;
    request.set_parent(kParent);
    for (const v1::FileRef& file : files) *request.mutable_artifact()->add_files() = file;
    if (!label.empty()) (*request.mutable_artifact()->mutable_labels())[label] = "x";
    return RunningServer::Call(*server_.artifacts, &Stub::CreateArtifact, request);
  }

  absl::StatusOr<v1::ListArtifactsResponse> List(int page_size, const std::string& token) {
    v1::ListArtifactsRequest request;
    request.set_parent(kParent);
    request.set_page_size(page_size);
    request.set_page_token(token);
    return RunningServer::Call(*server_.artifacts, &Stub::ListArtifacts, request);
  }
};

TEST_F(ArtifactServiceTest, NamesTheBlobsThatAreMissing) {
  v1::FindMissingBlobsRequest request;
  request.set_parent(kParent);
  const std::string missing = Sha256Hex("missing"), present = Sha256Hex(testing::kModelBytes);
  request.add_digests(missing);
  request.add_digests(present);
  ASSERT_OK_AND_ASSIGN(const auto response,
                       RunningServer::Call(*server_.artifacts, &Stub::FindMissingBlobs, request));
  EXPECT_THAT(response.missing_digests(), ElementsAre(missing));
  request.add_digests("no digest");
  const auto refused = RunningServer::Call(*server_.artifacts, &Stub::FindMissingBlobs, request);
  EXPECT_THAT(refused, HasReason("INVALID_DIGEST"));
  EXPECT_THAT(refused, NamesField("digests[2]"));
  request.clear_digests();
  for (int i = 0; i < 10'001; ++i) request.add_digests(present);
  EXPECT_THAT(RunningServer::Call(*server_.artifacts, &Stub::FindMissingBlobs, request),
              HasReason("TOO_MANY_DIGESTS"));
}

TEST_F(ArtifactServiceTest, AnUploadInPiecesIsReadBackWholeAndInParts) {
  const std::string bytes = RandomBytes(3 * kMebibyte + 17);
  const std::string digest = Sha256Hex(bytes);
  EXPECT_THAT(SendFrom(bytes, 0, kMebibyte), testing::IsOkAndHolds(int64_t(bytes.size())));
  size_t chunks = 0;
  ASSERT_OK_AND_ASSIGN(const std::string all, Read(digest, 0, 0, &chunks));
  EXPECT_TRUE(all == bytes);
  EXPECT_EQ(chunks, 4u);
  const auto size = static_cast<int64_t>(bytes.size());
  for (const auto& [offset, limit] :
       std::vector<std::pair<int64_t, int64_t>>{{0, 1},
                                                {5, 10},
                                                {kMebibyte - 1, 2},
                                                {kMebibyte, kMebibyte},
                                                {size - 1, 0},
                                                {size - 1, 100},
                                                {size, 0},
                                                {17, 2 * kMebibyte + 1}}) {
    ASSERT_OK_AND_ASSIGN(const std::string part, Read(digest, offset, limit));
    const size_t count = limit == 0 ? std::string::npos : static_cast<size_t>(limit);
    EXPECT_TRUE(part == bytes.substr(static_cast<size_t>(offset), count)) << offset;
  }
}

TEST_F(ArtifactServiceTest, AnEmptyBlobIsABlobToo) {
  v1::WriteBlobRequest message = FirstMessage("");
  message.set_finish(true);
  EXPECT_THAT(SendOne(message), testing::IsOkAndHolds(int64_t{0}));
  EXPECT_THAT(Read(Sha256Hex(""), 0, 0), testing::IsOkAndHolds(std::string()));
}

TEST_F(ArtifactServiceTest, AStreamThatEndsEarlyIsResumedWhereItWas) {
  const std::string bytes = RandomBytes(1000);
  v1::WriteBlobRequest message = FirstMessage(bytes);
  message.set_data(bytes.substr(0, 300));
  const auto incomplete = SendOne(message);
  EXPECT_THAT(incomplete, StatusIs(absl::StatusCode::kAborted, ::testing::HasSubstr("300 bytes")));
  EXPECT_THAT(incomplete, HasReason("UPLOAD_INCOMPLETE"));
  EXPECT_EQ(Query(bytes).committed_bytes(), 300);
  EXPECT_FALSE(Query(bytes).complete());
  EXPECT_THAT(Read(Sha256Hex(bytes), 0, 0), HasReason("BLOB_NOT_FOUND"));

  EXPECT_THAT(SendFrom(bytes, 300, 400), testing::IsOkAndHolds(int64_t{1000}));
  EXPECT_EQ(Query(bytes).committed_bytes(), 1000);
  EXPECT_TRUE(Query(bytes).complete());
  EXPECT_THAT(Read(Sha256Hex(bytes), 0, 0), testing::IsOkAndHolds(bytes));
}

TEST_F(ArtifactServiceTest, AStreamThatBreaksIsResumedFromWhatTheServerKept) {
  const std::string bytes = RandomBytes(1000);
  {
    Upload upload(server_);
    v1::WriteBlobRequest message = FirstMessage(bytes);
    message.set_data(bytes.substr(0, 300));
    upload.Send(message);
    upload.Break();
    EXPECT_THAT(upload.Finish(), StatusIs(absl::StatusCode::kCancelled));
  }
  // The server may take a moment to notice; until then the upload is busy or moves on.
  absl::StatusOr<int64_t> resumed = absl::AbortedError("not tried yet");
  while (absl::IsAborted(resumed.status()) || absl::IsOutOfRange(resumed.status())) {
    const int64_t kept = Query(bytes).committed_bytes();
    ASSERT_TRUE(kept == 0 || kept == 300) << kept;
    resumed = SendFrom(bytes, static_cast<size_t>(kept), 1000);
  }
  EXPECT_THAT(resumed, testing::IsOkAndHolds(int64_t{1000}));
  EXPECT_THAT(Read(Sha256Hex(bytes), 0, 0), testing::IsOkAndHolds(bytes));
}

TEST_F(ArtifactServiceTest, UploadingWhatExistsNeedsNoBytes) {
  v1::WriteBlobRequest message = FirstMessage(testing::kModelBytes);
  message.set_offset(message.size_bytes());
  message.set_finish(true);
  EXPECT_THAT(SendOne(message), testing::IsOkAndHolds(message.size_bytes()));
}

TEST_F(ArtifactServiceTest, BytesOfAnotherDigestAreThrownAway) {
  v1::WriteBlobRequest message = FirstMessage("right");
  message.set_data("wrong");
  message.set_finish(true);
  const auto refused = SendOne(message);
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(refused, HasReason("DIGEST_MISMATCH"));
  EXPECT_EQ(Query("right").committed_bytes(), 0);
  EXPECT_THAT(SendFrom("right", 0, 100), testing::IsOkAndHolds(int64_t{5}));
}

TEST_F(ArtifactServiceTest, AChunkOverTwoMebibytesIsRefused) {
  const std::string bytes(2 * kMebibyte + 1, 'x');
  v1::WriteBlobRequest message = FirstMessage(bytes);
  message.set_data(bytes);
  message.set_finish(true);
  const auto refused = SendOne(message);
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(refused, HasReason("CHUNK_TOO_LONG"));
  EXPECT_THAT(refused, NamesField("data"));
  EXPECT_THAT(SendFrom(bytes, 0, 2 * kMebibyte), testing::IsOk());
}

TEST_F(ArtifactServiceTest, AWrongUploadIsRefusedByReason) {
  const auto reason_of = [&](void (*change)(v1::WriteBlobRequest&)) {
    v1::WriteBlobRequest message = FirstMessage("some bytes");
    message.set_data("some bytes");
    message.set_finish(true);
    change(message);
    return GetErrorDetails(SendOne(message).status()).reason;
  };
  EXPECT_EQ(reason_of([](auto& m) { m.clear_upload_id(); }), "INVALID_UPLOAD_ID");
  EXPECT_EQ(reason_of([](auto& m) { m.set_upload_id(std::string(129, 'u')); }),
            "INVALID_UPLOAD_ID");
  EXPECT_EQ(reason_of([](auto& m) { m.set_digest("abc"); }), "INVALID_DIGEST");
  EXPECT_EQ(reason_of([](auto& m) { m.set_size_bytes(-1); }), "INVALID_SIZE");
  EXPECT_EQ(reason_of([](auto& m) { m.set_size_bytes(4); }), "BLOB_TOO_LONG");
  EXPECT_EQ(reason_of([](auto& m) { m.set_size_bytes(11); }), "SIZE_MISMATCH");
  EXPECT_EQ(reason_of([](auto& m) { m.set_offset(1); }), "OFFSET_MISMATCH");
  Upload empty(server_);
  EXPECT_THAT(empty.Finish(), HasReason("INVALID_NAME"));
}

TEST_F(ArtifactServiceTest, TwoTenantsWithOneUploadIdDoNotMeet) {
  v1::WriteBlobRequest message = FirstMessage("shared text");
  message.set_data("shared");
  EXPECT_THAT(SendOne(message), HasReason("UPLOAD_INCOMPLETE"));
  v1::QueryWriteStatusRequest request;
  request.set_parent("tenants/others");
  request.set_upload_id("upload-1");
  request.set_digest(message.digest());
  ASSERT_OK_AND_ASSIGN(const auto other,
                       RunningServer::Call(*server_.artifacts, &Stub::QueryWriteStatus, request));
  EXPECT_EQ(other.committed_bytes(), 0);
}

TEST_F(ArtifactServiceTest, NoCallTellsThatAnotherTenantHasABlob) {
  const v1::FileRef model = FileOf("model.onnx", testing::kModelBytes);
  v1::FindMissingBlobsRequest find;
  find.set_parent("tenants/others");
  find.add_digests(model.digest());
  ASSERT_OK_AND_ASSIGN(const auto found,
                       RunningServer::Call(*server_.artifacts, &Stub::FindMissingBlobs, find));
  EXPECT_THAT(found.missing_digests(), ElementsAre(model.digest()));

  v1::ReadBlobRequest read;
  read.set_parent("tenants/others");
  read.set_digest(model.digest());
  grpc::ClientContext context;
  v1::ReadBlobResponse chunk;
  const auto reader = server_.artifacts->ReadBlob(&context, read);
  EXPECT_FALSE(reader->Read(&chunk));
  EXPECT_THAT(FromGrpc(reader->Finish()), HasReason("BLOB_NOT_FOUND"));

  v1::CreateArtifactRequest create;
  create.set_parent("tenants/others");
  *create.mutable_artifact()->add_files() = model;
  EXPECT_THAT(RunningServer::Call(*server_.artifacts, &Stub::CreateArtifact, create),
              HasReason("BLOB_MISSING"));

  v1::CreateJobRequest job;
  job.set_parent("tenants/others");
  *job.mutable_job()->mutable_spec() = testing::SampleSpec();
  EXPECT_THAT(RunningServer::Call(*server_.jobs, &v1::JobService::Stub::CreateJob, job),
              HasReason("MISSING_BLOB"));
  v1::ValidateJobRequest validate;
  validate.set_parent("tenants/others");
  *validate.mutable_spec() = testing::SampleSpec();
  EXPECT_THAT(RunningServer::Call(*server_.jobs, &v1::JobService::Stub::ValidateJob, validate),
              HasReason("MISSING_BLOB"));
  EXPECT_THAT(server_.parts.blobs.Tenants(), ElementsAre("team")) << "they have left no trace";
}

TEST_F(ArtifactServiceTest, ABlobIsReadEncodedWhereThatIsWorthIt) {
  const std::string text(3 * kMebibyte, 'x'), noise = RandomBytes(kMebibyte);
  for (const std::string& bytes : {text, noise}) {
    testing::PutBlob(*server_.parts.blobs.Of("team"), bytes);
    v1::ReadBlobRequest request;
    request.set_parent(kParent);
    request.set_digest(Sha256Hex(bytes));
    request.set_encoding(v1::ZSTD);
    grpc::ClientContext context;
    const auto reader = server_.artifacts->ReadBlob(&context, request);
    BlobDecoder decoder(kMebibyte);
    v1::ReadBlobResponse chunk;
    std::string got;
    while (reader->Read(&chunk)) {
      EXPECT_EQ(chunk.encoding(), bytes == text ? v1::ZSTD : v1::IDENTITY);
      ASSERT_OK_AND_ASSIGN(const absl::string_view data,
                           decoder.Decode(chunk.encoding(), chunk.data()));
      got.append(data.data(), data.size());
    }
    ASSERT_OK(FromGrpc(reader->Finish()));
    EXPECT_TRUE(got == bytes);
  }
}

TEST_F(ArtifactServiceTest, ReadingBeyondTheBlobOrAnUnknownOneIsRefused) {
  const std::string digest = Sha256Hex(testing::kDataBytes);
  for (const int64_t offset : {-1, 5}) {
    EXPECT_THAT(Read(digest, offset, 0), StatusIs(absl::StatusCode::kOutOfRange));
    EXPECT_THAT(Read(digest, offset, 0), HasReason("OFFSET_OUT_OF_RANGE"));
    EXPECT_THAT(Read(digest, offset, 0), NamesField("offset"));
  }
  EXPECT_THAT(Read(digest, 0, -1), HasReason("INVALID_LIMIT"));
  EXPECT_THAT(Read(Sha256Hex("none"), 0, 0), HasReason("BLOB_NOT_FOUND"));
  EXPECT_THAT(Read("../../etc/passwd", 0, 0), HasReason("BLOB_NOT_FOUND"));
}

TEST_F(ArtifactServiceTest, AnArtifactIsCreatedFoundListedAndDeleted) {
  const v1::FileRef a = FileOf("a", testing::kModelBytes), b = FileOf("b/c", testing::kDataBytes);
  ASSERT_OK_AND_ASSIGN(const v1::Artifact made, Create({b, a}, "kind"));
  EXPECT_EQ(made.name(), "tenants/team/artifacts/id-000001");
  ASSERT_EQ(made.files_size(), 2);
  EXPECT_EQ(made.files(0).SerializeAsString(), a.SerializeAsString());
  EXPECT_EQ(made.labels().at("kind"), "x");
  EXPECT_EQ(made.create_time().seconds(), absl::ToUnixSeconds(clock_.Now()));
  EXPECT_EQ(made.digest(), ArtifactDigest({{"a", a.digest(), 0}, {"b/c", b.digest(), 0}}));

  v1::GetArtifactRequest get;
  get.set_name(made.name());
  ASSERT_OK_AND_ASSIGN(const auto found,
                       RunningServer::Call(*server_.artifacts, &Stub::GetArtifact, get));
  EXPECT_EQ(found.SerializeAsString(), made.SerializeAsString());
  v1::DeleteArtifactRequest remove;
  remove.set_name(made.name());
  ASSERT_OK(RunningServer::Call(*server_.artifacts, &Stub::DeleteArtifact, remove));
  for (const absl::Status& status :
       {RunningServer::Call(*server_.artifacts, &Stub::GetArtifact, get).status(),
        RunningServer::Call(*server_.artifacts, &Stub::DeleteArtifact, remove).status()}) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kNotFound));
    EXPECT_THAT(status, HasReason("ARTIFACT_NOT_FOUND"));
  }
}

TEST_F(ArtifactServiceTest, ListsArtifactsPageByPageNewestFirst) {
  std::vector<std::string> names;
  for (int i = 0; i < 5; ++i) {
    ASSERT_OK_AND_ASSIGN(const auto made, Create({FileOf("a", testing::kDataBytes)}));
    names.insert(names.begin(), made.name());
  }
  std::vector<std::string> listed;
  std::string token;
  do {
    ASSERT_OK_AND_ASSIGN(const auto page, List(2, token));
    for (const v1::Artifact& artifact : page.artifacts()) listed.push_back(artifact.name());
    token = page.next_page_token();
  } while (!token.empty());
  EXPECT_EQ(listed, names);
  EXPECT_THAT(List(1001, ""), NamesField("page_size"));
  EXPECT_THAT(List(0, "x"), NamesField("page_token"));
}

TEST_F(ArtifactServiceTest, AWrongArtifactIsRefusedByField) {
  EXPECT_THAT(Create({}), NamesField("artifact.files"));
  EXPECT_THAT(Create({FileOf("../a", testing::kDataBytes)}), NamesField("artifact.files[0].name"));
  EXPECT_THAT(Create({FileOf("a", testing::kDataBytes)}, "No"), NamesField("artifact.labels[No]"));
  EXPECT_THAT(Create({FileOf("a", "never uploaded")}), HasReason("BLOB_MISSING"));
}

}  // namespace
}  // namespace quantd
