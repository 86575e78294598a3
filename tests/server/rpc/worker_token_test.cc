// What a worker's token opens of the blobs of a server that asks for tokens: with the lease of a
// job that job's blobs, without one nothing.
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/digest.h"
#include "tests/server/rpc/running_server.h"

namespace quantd::testing {
namespace {

using Code = absl::StatusCode;

struct Ref {
  std::string job;
  uint64_t token = 0;
};

class WorkerTokenTest : public ::testing::Test {
 protected:
  void SetUp() override {
    worker_ = SecretOf("team", {Role::kWorker});
    ASSERT_OK(server_.parts.catalogues.Announce(catalogue_));
    PutBlob(*team_, "unread");
    first_ = Leased("team", kModelBytes);
    second_ = Leased("team", kDataBytes);
  }

  std::string SecretOf(const std::string& tenant, Roles roles) {
    return server_.parts.tokens.Create(tenant, roles, "", std::nullopt)->secret;
  }

  // The lease of a new job that reads `input`.
  Ref Leased(const std::string& tenant, const std::string& input) {
    PutBlob(*server_.parts.blobs.Of(tenant), input);
    Submission submission{.tenant = tenant, .spec = SampleSpec().SerializeAsString()};
    submission.traits = {.work_digest = Sha256Hex(input), .requirements = {"preset:a"}};
    submission.traits.inputs = {Sha256Hex(input)};
    EXPECT_OK(server_.parts.queue.Submit(submission));
    const auto leased = server_.parts.queue.Lease("worker", catalogue_, tenant);
    EXPECT_TRUE(leased.ok() && leased->has_value());
    return {(*leased)->job.name.ToString(), (*leased)->job.lease.token};
  }

  absl::Status Write(const std::string& secret, const std::string& bytes,
                     const std::optional<Ref>& lease) {
    v1::WriteBlobRequest message;
    message.set_parent(kParent);
    message.set_digest(Sha256Hex(bytes));
    message.set_size_bytes(static_cast<int64_t>(bytes.size()));
    message.set_upload_id("u");
    message.set_data(bytes);
    message.set_finish(true);
    if (lease) *message.mutable_lease() = ToProto(*lease);
    grpc::ClientContext context;
    context.AddMetadata("authorization", absl::StrCat("Bearer ", secret));
    v1::WriteBlobResponse response;
    const auto writer = server_.artifacts->WriteBlob(&context, &response);
    writer->Write(message);
    writer->WritesDone();
    const absl::Status status = FromGrpc(writer->Finish());
    EXPECT_EQ(team_->Has(message.digest()), status.ok()) << bytes;
    EXPECT_EQ(team_->CommittedBytes("u", message.digest()), 0) << bytes;
    return status;
  }

  absl::Status Read(const std::string& secret, const std::string& bytes,
                    const std::optional<Ref>& lease) {
    v1::ReadBlobRequest request;
    request.set_parent(kParent);
    request.set_digest(Sha256Hex(bytes));
    if (lease) *request.mutable_lease() = ToProto(*lease);
    grpc::ClientContext context;
    context.AddMetadata("authorization", absl::StrCat("Bearer ", secret));
    const auto reader = server_.artifacts->ReadBlob(&context, request);
    std::string got;
    for (v1::ReadBlobResponse chunk; reader->Read(&chunk);) got += chunk.data();
    const absl::Status status = FromGrpc(reader->Finish());
    EXPECT_EQ(got, status.ok() ? bytes : "");
    return status;
  }

  static v1::LeaseRef ToProto(const Ref& ref) {
    v1::LeaseRef proto;
    proto.set_job(ref.job);
    proto.set_token(ref.token);
    return proto;
  }

  FakeClock clock_;
  RunningServer server_{&clock_, {.authenticate = true}};
  const WorkerCatalogue catalogue_{
      .digest = "c", .engine_version = "1", .capabilities = {"preset:a"}, .content = "c"};
  const std::shared_ptr<BlobStore> team_ = server_.parts.blobs.Of("team");
  std::string worker_;
  Ref first_, second_;  // The leases of two jobs that run.
};

TEST_F(WorkerTokenTest, WithTheLeaseInputsAreReadAndResultsWritten) {
  EXPECT_OK(Read(worker_, kModelBytes, first_));
  EXPECT_OK(Read(worker_, kDataBytes, second_));
  EXPECT_OK(Write(worker_, "result", first_));
}

TEST_F(WorkerTokenTest, WithoutALeaseNothingIsReadOrWritten) {
  for (const std::string& secret : {worker_, SecretOf(kEveryTenant, {Role::kWorker})}) {
    const absl::Status written = Write(secret, "result", std::nullopt);
    EXPECT_THAT(written, StatusIs(Code::kFailedPrecondition));
    EXPECT_THAT(written, HasReason("LEASE_REQUIRED"));
    const absl::Status read = Read(secret, kModelBytes, std::nullopt);
    EXPECT_THAT(read, StatusIs(Code::kFailedPrecondition));
    EXPECT_THAT(read, HasReason("LEASE_REQUIRED"));
    EXPECT_EQ(Read(secret, "not there", std::nullopt), read) << "the answer tells what there is";
  }
}

TEST_F(WorkerTokenTest, OtherRolesNeedNoLease) {
  EXPECT_OK(Read(SecretOf("team", {Role::kRead}), "unread", std::nullopt));
  EXPECT_OK(Read(SecretOf("team", {Role::kSubmit}), "unread", std::nullopt));
  EXPECT_OK(Read(SecretOf("team", {Role::kAdmin}), "unread", std::nullopt));
  EXPECT_OK(Write(SecretOf("team", {Role::kSubmit}), "a", std::nullopt));
  EXPECT_OK(Write(SecretOf("team", {Role::kAdmin}), "b", std::nullopt));
  EXPECT_OK(Write(SecretOf("team", {Role::kSubmit, Role::kWorker}), "c", std::nullopt));
  // A token that may read and work may read without a lease, and writes with one alone.
  const std::string reader = SecretOf("team", {Role::kRead, Role::kWorker});
  EXPECT_OK(Read(reader, "unread", std::nullopt));
  EXPECT_THAT(Write(reader, "d", std::nullopt), HasReason("LEASE_REQUIRED"));
}

TEST_F(WorkerTokenTest, ALeaseThatIsSentCountsForEveryRole) {
  const std::string submit = SecretOf("team", {Role::kSubmit});
  EXPECT_OK(Write(submit, "result", first_));
  EXPECT_THAT(Write(submit, "late", Ref{first_.job, first_.token + 100}), HasReason("STALE_LEASE"));
  EXPECT_THAT(Read(submit, "unread", first_), HasReason("BLOB_NOT_FOUND"));
}

TEST_F(WorkerTokenTest, ALeaseOpensTheInputsOfItsOwnJobAlone) {
  const absl::Status read = Read(worker_, kDataBytes, first_);
  EXPECT_THAT(read, StatusIs(Code::kNotFound));
  EXPECT_THAT(read, HasReason("BLOB_NOT_FOUND"));
  EXPECT_THAT(Read(worker_, "unread", first_), HasReason("BLOB_NOT_FOUND"));
  EXPECT_THAT(Read(worker_, "not there", first_), HasReason("BLOB_NOT_FOUND"));
}

TEST_F(WorkerTokenTest, TheTokenOfOneJobIsNoneOfAnother) {
  const Ref mixed{first_.job, second_.token};
  const absl::Status written = Write(worker_, "result", mixed);
  EXPECT_THAT(written, StatusIs(Code::kAborted));
  EXPECT_THAT(written, HasReason("STALE_LEASE"));
  EXPECT_THAT(Read(worker_, kModelBytes, mixed), HasReason("STALE_LEASE"));
  EXPECT_THAT(Read(worker_, kDataBytes, mixed), HasReason("STALE_LEASE"));
}

TEST_F(WorkerTokenTest, ALeaseOfAnotherTenantsJobIsRefused) {
  const Ref foreign = Leased("others", "of others");
  for (const std::string& secret : {worker_, SecretOf(kEveryTenant, {Role::kWorker})}) {
    EXPECT_THAT(Write(secret, "result", foreign), NamesField("lease.job"));
    EXPECT_THAT(Read(secret, "of others", foreign), NamesField("lease.job"));
    EXPECT_THAT(Read(secret, kModelBytes, foreign), HasReason("INVALID_LEASE"));
  }
}

TEST_F(WorkerTokenTest, AStaleTokenOpensNothingAndTheNextOneDoes) {
  const JobName name = ParseJobName(first_.job).value();
  ASSERT_OK(server_.parts.queue.Complete(name, first_.token, AttemptHandedBack{}));
  EXPECT_THAT(Write(worker_, "result", first_), HasReason("STALE_LEASE"));
  EXPECT_THAT(Read(worker_, kModelBytes, first_), HasReason("STALE_LEASE"));
  const auto again = server_.parts.queue.Lease("worker", catalogue_, "team");
  ASSERT_TRUE(again.ok() && again->has_value());
  ASSERT_EQ((*again)->job.name, name);
  EXPECT_THAT(Write(worker_, "result", first_), HasReason("STALE_LEASE"));
  EXPECT_THAT(Read(worker_, kModelBytes, first_), HasReason("STALE_LEASE"));
  const Ref next{first_.job, (*again)->job.lease.token};
  EXPECT_OK(Write(worker_, "result", next));
  EXPECT_OK(Read(worker_, kModelBytes, next));
}

TEST_F(WorkerTokenTest, WhatIsNoLeaseIsRefused) {
  EXPECT_THAT(Write(worker_, "result", Ref{"nonsense", 1}), NamesField("lease.job"));
  EXPECT_THAT(Read(worker_, kModelBytes, Ref{"nonsense", 1}), NamesField("lease.job"));
  EXPECT_THAT(Write(worker_, "result", Ref{}), NamesField("lease.job"));
  const Ref nobodys{absl::StrCat(kParent, "/jobs/nobodys"), 1};
  EXPECT_THAT(Write(worker_, "result", nobodys), HasReason("JOB_NOT_FOUND"));
  EXPECT_THAT(Read(worker_, kModelBytes, nobodys), HasReason("JOB_NOT_FOUND"));
}

}  // namespace
}  // namespace quantd::testing
