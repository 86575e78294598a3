// AdminService.CollectGarbage: what an operator's collection removes and what it counts. The rules
// of the collector itself are in tests/conformance/garbage.
#include <string>

#include "absl/strings/str_cat.h"
#include "common/digest.h"
#include "quantd/v1/admin.grpc.pb.h"
#include "tests/server/rpc/running_server.h"

namespace quantd::testing {
namespace {

using Stub = v1::AdminService::Stub;

class CollectGarbageTest : public ServerTest {
 protected:
  // With the server's own grace period, or with one of so many seconds.
  absl::StatusOr<v1::CollectGarbageResponse> Collect(
      std::optional<int64_t> grace_seconds = std::nullopt) {
    v1::CollectGarbageRequest request;
    if (grace_seconds) request.mutable_grace()->set_seconds(*grace_seconds);
    return RunningServer::Call(*admin_, &Stub::CollectGarbage, request);
  }

  int64_t BlobsRemovedNow() {
    clock_.Advance(absl::Seconds(1));
    const auto removed = Collect(0);
    EXPECT_OK(removed);
    return removed.ok() ? removed->removed_blobs() : -1;
  }

  void KeepFor(const std::string& tenant, int64_t seconds) {
    v1::UpdateTenantRequest request;
    request.mutable_tenant()->set_name(absl::StrCat("tenants/", tenant));
    request.mutable_tenant()->mutable_retention()->set_seconds(seconds);
    ASSERT_OK(RunningServer::Call(*admin_, &Stub::UpdateTenant, request));
  }

  bool Has(const std::string& bytes) { return team_->Has(Sha256Hex(bytes)); }

  v1::WriteBlobRequest FirstMessage(const std::string& bytes) {
    v1::WriteBlobRequest message;
    message.set_parent(kParent);
    message.set_digest(Sha256Hex(bytes));
    message.set_size_bytes(static_cast<int64_t>(bytes.size()));
    message.set_upload_id("u");
    return message;
  }

  std::unique_ptr<Stub> admin_ = v1::AdminService::NewStub(server_.channel);
  const std::shared_ptr<BlobStore> team_ = server_.parts.blobs.Of("team");
};

TEST_F(CollectGarbageTest, CountsWhatItRemoves) {
  KeepFor("team", 3600);
  server_.AnnounceWorker();
  const v1::Job job = server_.FinishJob();
  PutBlob(*team_, "of nobody");
  ASSERT_OK((*team_->OpenUpload("u", Sha256Hex("broken off"), 10))->Append(0, "broken"));
  clock_.Advance(absl::Hours(24 * 8));
  ASSERT_OK_AND_ASSIGN(const v1::CollectGarbageResponse removed, Collect());
  EXPECT_EQ(removed.removed_jobs(), 1);
  EXPECT_EQ(removed.removed_artifacts(), 1);
  // Model, data, result, and what nobody ever referred to.
  EXPECT_EQ(removed.removed_blobs(), 4);
  EXPECT_EQ(removed.removed_bytes(), 11 + 4 + 9 + 9);
  EXPECT_EQ(removed.removed_uploads(), 1);
  EXPECT_EQ(team_->StoredBytes(), 0);
  v1::GetJobRequest request;
  request.set_name(job.name());
  EXPECT_THAT(RunningServer::Call(*server_.jobs, &v1::JobService::Stub::GetJob, request),
              HasReason("JOB_NOT_FOUND"));
  ASSERT_OK_AND_ASSIGN(const v1::CollectGarbageResponse again, Collect(0));
  EXPECT_EQ(again.SerializeAsString(), v1::CollectGarbageResponse().SerializeAsString());
}

TEST_F(CollectGarbageTest, WhatJobsAndArtifactsReferToStays) {
  server_.AnnounceWorker();
  server_.FinishJob();
  PutBlob(*team_, "named");
  v1::CreateArtifactRequest request;
  request.set_parent(kParent);
  *request.mutable_artifact()->add_files() = FileOf("a", "named");
  ASSERT_OK(
      RunningServer::Call(*server_.artifacts, &v1::ArtifactService::Stub::CreateArtifact, request));
  PutBlob(*team_, "of nobody");
  clock_.Advance(absl::Hours(1000));
  ASSERT_OK_AND_ASSIGN(const v1::CollectGarbageResponse removed, Collect(0));
  EXPECT_EQ(removed.removed_jobs(), 0);
  EXPECT_EQ(removed.removed_artifacts(), 0);
  EXPECT_EQ(removed.removed_blobs(), 1);
  EXPECT_EQ(removed.removed_bytes(), 9);
  for (const char* bytes : {kModelBytes, kDataBytes, "quantized", "named"})
    EXPECT_TRUE(Has(bytes)) << bytes;
  EXPECT_FALSE(Has("of nobody"));
}

TEST_F(CollectGarbageTest, WithoutAGraceTheServersOwnHolds) {
  PutBlob(*team_, "of nobody");
  clock_.Advance(absl::Hours(24));
  ASSERT_OK_AND_ASSIGN(const v1::CollectGarbageResponse kept, Collect());
  EXPECT_EQ(kept.removed_blobs(), 0);
  ASSERT_OK_AND_ASSIGN(const v1::CollectGarbageResponse of_an_hour, Collect(3600));
  EXPECT_EQ(of_an_hour.removed_blobs(), 3)
      << "the files of the sample, to which nothing refers, too";
}

TEST_F(CollectGarbageTest, ANegativeGraceIsRefused) {
  EXPECT_THAT(Collect(-1), NamesField("grace"));
}

TEST_F(CollectGarbageTest, AnOpenUploadIsLeftAlone) {
  BlobsRemovedNow();  // The files of the sample.
  grpc::ClientContext context;
  v1::WriteBlobResponse response;
  const auto writer = server_.artifacts->WriteBlob(&context, &response);
  v1::WriteBlobRequest message = FirstMessage("result");
  message.set_data("res");
  writer->Write(message);
  while (team_->CommittedBytes("u", message.digest()) < 3) {
  }
  EXPECT_EQ(BlobsRemovedNow(), 0);
  EXPECT_EQ(team_->CommittedBytes("u", message.digest()), 3);
  message.Clear();
  message.set_offset(3);
  message.set_data("ult");
  message.set_finish(true);
  writer->Write(message);
  EXPECT_OK(FromGrpc(writer->Finish()));
  EXPECT_TRUE(Has("result"));
}

TEST_F(CollectGarbageTest, AJobThatRunsKeepsItsInputsAndEnds) {
  server_.AnnounceWorker();
  const v1::Job job = server_.CreateJob();
  const v1::Lease lease = server_.Lease();
  EXPECT_EQ(BlobsRemovedNow(), 0);
  EXPECT_TRUE(Has(kModelBytes) && Has(kDataBytes));
  // The result is uploaded, and nothing refers to it yet: that is what the grace period is for.
  const v1::CompleteJobRequest success = server_.SuccessOf(lease);
  clock_.Advance(absl::Seconds(1));
  ASSERT_OK_AND_ASSIGN(const v1::CollectGarbageResponse removed, Collect());
  EXPECT_EQ(removed.removed_blobs(), 0);
  ASSERT_OK(RunningServer::Call(*server_.workers, &v1::WorkerService::Stub::CompleteJob, success));
  EXPECT_EQ(server_.GetJob(job.name()).state(), v1::Job::SUCCEEDED);
  EXPECT_EQ(BlobsRemovedNow(), 0);
  EXPECT_TRUE(Has("quantized"));
}

TEST_F(CollectGarbageTest, AResultStaysWhileItsJobRuns) {
  server_.AnnounceWorker();
  const v1::Job job = server_.CreateJob();
  const v1::Lease lease = server_.Lease();
  const v1::CompleteJobRequest success = server_.SuccessOf(lease);
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(BlobsRemovedNow(), 0);
  ASSERT_OK(RunningServer::Call(*server_.workers, &v1::WorkerService::Stub::CompleteJob, success));
  EXPECT_EQ(server_.GetJob(job.name()).state(), v1::Job::SUCCEEDED);
}

TEST_F(CollectGarbageTest, EveryTenantsGarbageGoesByItsOwnRules) {
  KeepFor("team", 3600);
  for (const char* tenant : {"team", "others"}) {
    ASSERT_OK(server_.parts.artifacts.Create(
        tenant, {{"a", PutBlob(*server_.parts.blobs.Of(tenant), "shared"), 6}}, {}));
  }
  clock_.Advance(absl::Hours(2));
  ASSERT_OK_AND_ASSIGN(const v1::CollectGarbageResponse removed, Collect(0));
  EXPECT_EQ(removed.removed_artifacts(), 1);
  EXPECT_EQ(removed.removed_bytes(), 6 + 11 + 4);
  EXPECT_FALSE(Has("shared"));
  EXPECT_TRUE(server_.parts.blobs.Of("others")->Has(Sha256Hex("shared")));
}

// Every other wrong role is a row of access_test.cc.
TEST(CollectGarbageAccess, IsForAdministratorsOfAllTenants) {
  FakeClock clock;
  RunningServer server(&clock, {.authenticate = true});
  const auto collect_as = [&](const std::string& tenant) {
    v1::CollectGarbageRequest request;
    request.mutable_grace();
    const std::string secret =
        server.parts.tokens.Create(tenant, {Role::kAdmin}, "", std::nullopt)->secret;
    return server
        .CallRaw("/quantd.v1.AdminService/CollectGarbage", request.SerializeAsString(),
                 absl::StrCat("Bearer ", secret))
        .status();
  };
  clock.Advance(absl::Seconds(1));
  EXPECT_THAT(collect_as("team"), StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_EQ(server.parts.blobs.Of("team")->StoredBytes(), 11 + 4);
  EXPECT_OK(collect_as(kEveryTenant));
  EXPECT_EQ(server.parts.blobs.Of("team")->StoredBytes(), 0);
}

}  // namespace
}  // namespace quantd::testing
