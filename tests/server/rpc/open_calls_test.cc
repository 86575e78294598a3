// A token that ends takes its streams and long polls with it.
#include "server/rpc/open_calls.h"

#include <thread>

#include "absl/strings/str_cat.h"
#include "common/digest.h"
#include "common/error.h"
#include "tests/server/rpc/running_server.h"

namespace quantd {
namespace {

using testing::HasReason;
using testing::RunningServer;

class OpenCallsTest : public ::testing::Test {
 protected:
  OpenCallsTest() {
    Submission submission{.tenant = "team", .spec = testing::SampleSpec().SerializeAsString()};
    submission.traits.work_digest = "work";
    job_ = server_.parts.queue.Submit(submission)->name.ToString();
  }

  NewToken TokenOf(Roles roles, std::optional<absl::Time> expires = std::nullopt,
                   const std::string& tenant = "team") {
    return server_.parts.tokens.Create(tenant, roles, "", expires).value();
  }

  static void Authorize(grpc::ClientContext& context, const std::string& secret) {
    context.AddMetadata("authorization", absl::StrCat("Bearer ", secret));
  }

  // Time passes until callers are looked at again, and a little more.
  void PassReview() {
    clock_.Advance(RpcServer::Options().review_callers_after + absl::Milliseconds(1));
  }

  // A watcher of the job, whose first event has arrived.
  class Watch {
   public:
    Watch(OpenCallsTest& test, const std::string& secret) {
      Authorize(context_, secret);
      v1::WatchJobRequest request;
      request.set_name(test.job_);
      reader_ = test.server_.jobs->WatchJob(&context_, request);
      EXPECT_TRUE(Next());
    }
    bool Next() {
      v1::JobEvent event;
      return reader_->Read(&event);
    }
    absl::Status Finish() { return FromGrpc(reader_->Finish()); }

   private:
    grpc::ClientContext context_;
    std::unique_ptr<grpc::ClientReader<v1::JobEvent>> reader_;
  };

  testing::FakeClock clock_;
  static constexpr int kTenantCallsMax = 3;

  RunningServer server_{&clock_, {.authenticate = true, .tenant_calls_max = kTenantCallsMax}};
  std::string job_;
};

TEST_F(OpenCallsTest, AWatcherIsCutOffWhenItsTokenIsRevokedAndTheOthersWatchOn) {
  const NewToken revoked = TokenOf({Role::kRead}), other = TokenOf({Role::kRead});
  Watch cut_off(*this, revoked.secret), goes_on(*this, other.secret);
  ASSERT_OK(server_.parts.tokens.Revoke(revoked.token.name));
  PassReview();
  EXPECT_FALSE(cut_off.Next());
  EXPECT_THAT(cut_off.Finish(), HasReason("UNAUTHENTICATED"));
  ASSERT_OK(server_.parts.queue.Cancel(ParseJobName(job_).value()));
  EXPECT_TRUE(goes_on.Next());
  EXPECT_FALSE(goes_on.Next());
  EXPECT_OK(goes_on.Finish());
}

TEST_F(OpenCallsTest, AnExpiryEndsAWatchToo) {
  Watch watch(*this, TokenOf({Role::kRead}, clock_.Now() + absl::Seconds(1)).secret);
  PassReview();
  EXPECT_FALSE(watch.Next());
  EXPECT_THAT(watch.Finish(), HasReason("UNAUTHENTICATED"));
}

TEST_F(OpenCallsTest, ASecretThatWasRotatedAwayIsGoodUntilItsOverlapEnds) {
  const NewToken token = TokenOf({Role::kRead});
  Watch watch(*this, token.secret);
  ASSERT_OK(server_.parts.tokens.Rotate(token.token.name, absl::Hours(1)));
  PassReview();
  // This caller has been looked at when a younger call of a revoked one is cut off.
  const NewToken revoked = TokenOf({Role::kRead});
  Watch probe(*this, revoked.secret);
  ASSERT_OK(server_.parts.tokens.Revoke(revoked.token.name));
  PassReview();
  EXPECT_FALSE(probe.Next());
  ASSERT_OK(server_.parts.queue.Cancel(ParseJobName(job_).value()));
  EXPECT_TRUE(watch.Next());
}

TEST_F(OpenCallsTest, AfterTheOverlapTheOldSecretEndsItsWatch) {
  const NewToken token = TokenOf({Role::kRead});
  Watch watch(*this, token.secret);
  ASSERT_OK(server_.parts.tokens.Rotate(token.token.name, absl::Seconds(1)));
  PassReview();
  EXPECT_FALSE(watch.Next());
  EXPECT_THAT(watch.Finish(), HasReason("UNAUTHENTICATED"));
}

TEST_F(OpenCallsTest, LongPollsEnd) {
  const NewToken reader = TokenOf({Role::kRead});
  // Of a tenant that has no job to lease.
  const NewToken worker = TokenOf({Role::kWorker}, std::nullopt, "others");
  absl::Status waited, leased;
  std::thread waits([&] {
    grpc::ClientContext context;
    Authorize(context, reader.secret);
    v1::WaitJobRequest request;
    request.set_name(job_);
    request.mutable_timeout()->set_seconds(600);
    v1::Job job;
    waited = FromGrpc(server_.jobs->WaitJob(&context, request, &job));
  });
  std::thread leases([&] {
    grpc::ClientContext context;
    Authorize(context, worker.secret);
    v1::LeaseJobRequest request;
    request.set_worker("worker-a");
    request.mutable_catalogue()->set_engine_version("1");
    request.mutable_wait()->set_seconds(60);
    v1::LeaseJobResponse response;
    leased = FromGrpc(server_.workers->LeaseJob(&context, request, &response));
  });
  // The server has let the worker in when it knows what it can do.
  while (server_.parts.catalogues.Current(kEveryTenant)->empty()) std::this_thread::yield();
  ASSERT_OK(server_.parts.tokens.Revoke(reader.token.name));
  ASSERT_OK(server_.parts.tokens.Revoke(worker.token.name));
  PassReview();
  waits.join();
  leases.join();
  EXPECT_THAT(waited, HasReason("UNAUTHENTICATED"));
  EXPECT_THAT(leased, HasReason("UNAUTHENTICATED"));
}

TEST_F(OpenCallsTest, AnUploadEndsAndNothingOfItIsVisible) {
  const NewToken token = TokenOf({Role::kSubmit});
  grpc::ClientContext context;
  Authorize(context, token.secret);
  v1::WriteBlobResponse response;
  const auto writer = server_.artifacts->WriteBlob(&context, &response);
  v1::WriteBlobRequest message;
  message.set_parent(testing::kParent);
  message.set_digest(Sha256Hex("the blob"));
  message.set_upload_id("upload");
  message.set_size_bytes(8);
  message.set_data("the ");
  ASSERT_TRUE(writer->Write(message));
  // The server has it, hence has let the caller in.
  const std::shared_ptr<BlobStore> blobs = server_.parts.blobs.Of("team");
  while (blobs->CommittedBytes("upload", message.digest()) < 4) std::this_thread::yield();
  ASSERT_OK(server_.parts.tokens.Revoke(token.token.name));
  PassReview();
  const absl::Status status = FromGrpc(writer->Finish());
  EXPECT_THAT(status, HasReason("UNAUTHENTICATED"));
  EXPECT_FALSE(blobs->Has(message.digest()));
}

TEST_F(OpenCallsTest, ATenantsOpenCallsLeaveRoomForTheOthers) {
  const NewToken token = TokenOf({Role::kRead});
  std::vector<std::unique_ptr<Watch>> watches;
  for (int i = 0; i < kTenantCallsMax; ++i) {
    watches.push_back(std::make_unique<Watch>(*this, token.secret));
  }
  const auto call = [&](const char* method, const std::string& request, const NewToken& caller) {
    return server_.CallRaw(method, request, absl::StrCat("Bearer ", caller.secret)).status();
  };
  const auto get = [&](const NewToken& caller) {
    v1::GetJobRequest request;
    request.set_name(job_);
    return call("/quantd.v1.JobService/GetJob", request.SerializeAsString(), caller);
  };
  const auto beat = [&](const NewToken& caller) {
    v1::HeartbeatRequest request;
    request.set_job(job_);
    return call("/quantd.v1.WorkerService/Heartbeat", request.SerializeAsString(), caller);
  };
  const absl::Status refused = get(token);
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(refused, HasReason("TOO_MANY_CALLS"));
  EXPECT_THAT(get(TokenOf({Role::kSubmit})),
              HasReason("TOO_MANY_CALLS"));  // One tenant, one count.
  EXPECT_TRUE(GetErrorDetails(refused).retry_after.has_value());
  ASSERT_EQ(GetErrorDetails(refused).quotas.size(), 1u);
  EXPECT_EQ(GetErrorDetails(refused).quotas[0].subject, testing::kParent);
  // The role of a worker lifts no limit, and who works is not held up.
  EXPECT_THAT(get(TokenOf({Role::kRead, Role::kWorker})), HasReason("TOO_MANY_CALLS"));
  EXPECT_THAT(beat(TokenOf({Role::kRead, Role::kWorker})), HasReason("STALE_LEASE"));
  EXPECT_THAT(beat(TokenOf({Role::kWorker})), HasReason("STALE_LEASE"));
  EXPECT_OK(get(TokenOf({Role::kRead}, std::nullopt, kEveryTenant)));
  EXPECT_THAT(get(TokenOf({Role::kRead}, std::nullopt, "others")), HasReason("PERMISSION_DENIED"));
  watches.clear();
  while (!get(token).ok()) std::this_thread::yield();
}

// The class alone: what the store answers.
TEST(OpenCalls, EndsACallOnceAndOnlyForWhatIsWrongWithItsCaller) {
  testing::FakeClock clock;
  std::atomic<int> asked = 0;
  OpenCalls calls(&clock, {.review_after = absl::Seconds(5), .look_every = absl::Milliseconds(1)},
                  [&](const std::string& secret) {
                    ++asked;
                    if (secret == "unknown") return absl::UnauthenticatedError("who?");
                    if (secret == "store is down") return absl::UnavailableError("later");
                    return absl::OkStatus();
                  });
  std::atomic<int> cut_off = 0;
  const auto begin = [&](const std::string& secret) {
    return calls
        .Begin({.secret = secret, .recognized = clock.Now()},
               [&](const absl::Status&) { ++cut_off; })
        .value();
  };
  const auto known = begin("known"), same = begin("known");
  const auto unlucky = begin("store is down"), unknown = begin("unknown");
  for (int review = 1; review <= 3; ++review) {
    clock.Advance(absl::Seconds(5));
    // Two secrets that are asked for each time, and one that is asked for once.
    while (asked < 2 * review + 1) std::this_thread::yield();
  }
  while (unknown->end().ok()) std::this_thread::yield();
  EXPECT_EQ(cut_off, 1);
  EXPECT_EQ(asked, 7);
  EXPECT_OK(known->end());
  EXPECT_OK(same->end());
  EXPECT_OK(unlucky->end());
  EXPECT_EQ(unknown->end(), absl::UnauthenticatedError("who?"));
}

}  // namespace
}  // namespace quantd
