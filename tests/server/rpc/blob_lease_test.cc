// What a worker may do with blobs by the lease of a job, and no longer than it holds.
#include <string>

#include "common/digest.h"
#include "tests/server/rpc/running_server.h"

namespace quantd::testing {
namespace {

using Code = absl::StatusCode;

class BlobLeaseTest : public ServerTest {
 protected:
  void SetUp() override {
    server_.AnnounceWorker();
    server_.CreateJob();
    lease_ = server_.Lease();
  }

  v1::WriteBlobRequest Message(const std::string& bytes) const {
    v1::WriteBlobRequest message;
    message.set_parent(kParent);
    message.set_digest(Sha256Hex(bytes));
    message.set_size_bytes(static_cast<int64_t>(bytes.size()));
    message.set_upload_id("u");
    message.set_data(bytes);
    message.set_finish(true);
    message.mutable_lease()->set_job(lease_.job());
    message.mutable_lease()->set_token(lease_.token());
    return message;
  }

  absl::Status Write(const v1::WriteBlobRequest& message) {
    grpc::ClientContext context;
    v1::WriteBlobResponse response;
    const auto writer = server_.artifacts->WriteBlob(&context, &response);
    writer->Write(message);
    writer->WritesDone();
    return FromGrpc(writer->Finish());
  }

  absl::Status Read(const std::string& bytes, uint64_t token) {
    v1::ReadBlobRequest request;
    request.set_parent(kParent);
    request.set_digest(Sha256Hex(bytes));
    request.mutable_lease()->set_job(lease_.job());
    request.mutable_lease()->set_token(token);
    grpc::ClientContext context;
    const auto reader = server_.artifacts->ReadBlob(&context, request);
    v1::ReadBlobResponse chunk;
    std::string got;
    while (reader->Read(&chunk)) got += chunk.data();
    const absl::Status status = FromGrpc(reader->Finish());
    EXPECT_EQ(got, status.ok() ? bytes : "");
    return status;
  }

  void HandBack() {
    v1::CompleteJobRequest request;
    request.set_job(lease_.job());
    request.set_token(lease_.token());
    request.set_handed_back(true);
    ASSERT_OK(
        RunningServer::Call(*server_.workers, &v1::WorkerService::Stub::CompleteJob, request));
  }

  v1::Lease lease_;
};

TEST_F(BlobLeaseTest, AWorkerUploadsAsLongAsItsLeaseHolds) {
  EXPECT_OK(Write(Message("result")));
  HandBack();
  const absl::Status status = Write(Message("too late"));
  EXPECT_THAT(status, StatusIs(Code::kAborted));
  EXPECT_THAT(status, HasReason("STALE_LEASE"));
}

TEST_F(BlobLeaseTest, AnUploadDuringWhichTheLeaseEndsPublishesNothing) {
  grpc::ClientContext context;
  v1::WriteBlobResponse response;
  const auto writer = server_.artifacts->WriteBlob(&context, &response);
  v1::WriteBlobRequest message = Message("result");
  message.set_data("res");
  message.set_finish(false);
  writer->Write(message);
  const std::shared_ptr<BlobStore> blobs = server_.parts.blobs.Of("team");
  while (blobs->CommittedBytes("u", message.digest()) < 3) {
  }
  HandBack();
  message.Clear();
  message.set_offset(3);
  message.set_data("ult");
  message.set_finish(true);
  writer->Write(message);
  EXPECT_THAT(FromGrpc(writer->Finish()), HasReason("STALE_LEASE"));
  EXPECT_FALSE(blobs->Has(Sha256Hex("result")));
  EXPECT_EQ(blobs->CommittedBytes("u", Sha256Hex("result")), 6) << "the next attempt goes on here";
}

TEST_F(BlobLeaseTest, AWorkerReadsTheInputsOfItsJobAndNothingElse) {
  PutBlob(*server_.parts.blobs.Of("team"), "of another job");
  EXPECT_OK(Read(kModelBytes, lease_.token()));
  EXPECT_OK(Read(kDataBytes, lease_.token()));
  EXPECT_THAT(Read("of another job", lease_.token()), HasReason("BLOB_NOT_FOUND"));
  EXPECT_THAT(Read("of nobody", lease_.token()), HasReason("BLOB_NOT_FOUND"));
  EXPECT_THAT(Read(kModelBytes, lease_.token() + 1), HasReason("STALE_LEASE"));
  HandBack();
  EXPECT_THAT(Read(kModelBytes, lease_.token()), HasReason("STALE_LEASE"));
}

}  // namespace
}  // namespace quantd::testing
