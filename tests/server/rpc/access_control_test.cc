// What AccessControl does beyond its policy, which access_test.cc tests: rates and the audit log.
#include "server/rpc/access_control.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_split.h"
#include "common/file.h"
#include "quantd/v1/job.pb.h"
#include "quantd/v1/worker.pb.h"
#include "server/rpc/rpc_server.h"
#include "server/store/memory/memory_job_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/file_size_limit.h"
#include "tests/support/sequential_ids.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_folder.h"

namespace quantd {
namespace {

using testing::HasReason;

constexpr char kCancel[] = "JobService/CancelJob";  // An audited method.
constexpr char kGet[] = "JobService/GetJob";        // One that is not.
constexpr char kJob[] = "tenants/team/jobs/01k";

class AccessControlTest : public ::testing::Test {
 protected:
  // Lets a call through and records it, as CallRunner does.
  template <typename Request>
  absl::Status Call(const char* method, const std::string& secret, Request request) {
    request.set_name(kJob);
    CallRecord record{.method = method, .peer = "ipv4:10.0.0.7:1"};
    absl::Status status = access_.Identify(secret, record);
    if (status.ok()) status = access_.Admit(request, record);
    access_.Record(record, status);
    return status;
  }
  absl::Status Cancel(const std::string& secret) {
    return Call(kCancel, secret, v1::CancelJobRequest());
  }
  absl::Status Get(const std::string& secret) { return Call(kGet, secret, v1::GetJobRequest()); }

  std::string SecretOf(Roles roles) {
    return tokens_.Create("team", roles, "", std::nullopt)->secret;
  }

  std::vector<nlohmann::json> Lines() const {
    const std::string text = ReadFile(path_, 1 << 20).value();
    std::vector<nlohmann::json> lines;
    for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
      lines.push_back(nlohmann::json::parse(line.begin(), line.end()));
    }
    return lines;
  }

  testing::TemporaryFolder folder_;
  const std::string path_ = folder_.path() + "/audit.log";
  testing::FakeClock clock_;
  testing::SequentialIds ids_;
  MemoryJobStore store_;
  TenantRegistry tenants_{&store_, TenantLimits()};
  TokenRegistry tokens_{&store_, &clock_, &ids_};
  std::unique_ptr<AuditLog> audit_ = AuditLog::Open(path_).value();
  AccessControl access_{
      AccessPolicy::Make(ApiServices()).value(),
      {.tokens = &tokens_, .tenants = &tenants_, .audit = audit_.get(), .clock = &clock_}};
};

TEST_F(AccessControlTest, WhatChangesSomethingIsListedAndWhatLooksIsNot) {
  const std::string secret = SecretOf({Role::kSubmit});
  EXPECT_OK(Get(secret));
  EXPECT_OK(Cancel(secret));
  const auto lines = Lines();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0]["method"], kCancel);
  EXPECT_EQ(lines[0]["code"], "OK");
  EXPECT_EQ(lines[0]["peer"], "ipv4:10.0.0.7:1");
  EXPECT_EQ(lines[0]["resources"], nlohmann::json({kJob}));
  EXPECT_EQ(lines[0]["caller"].get<std::string>().find("tenants/team/tokens/"), 0u);
}

TEST_F(AccessControlTest, RefusedCallsAreListedWhateverTheyAskedFor) {
  EXPECT_THAT(Get("nobody's"), HasReason("UNAUTHENTICATED"));
  EXPECT_THAT(Cancel(SecretOf({Role::kRead})), HasReason("PERMISSION_DENIED"));
  const auto lines = Lines();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0]["method"], kGet);
  EXPECT_EQ(lines[0]["caller"], "");
  EXPECT_EQ(lines[0]["reason"], "UNAUTHENTICATED");
  EXPECT_EQ(lines[1]["code"], "PERMISSION_DENIED");
}

TEST_F(AccessControlTest, AFloodOfRefusalsIsCountedRatherThanListed) {
  constexpr int kBurst = 100;  // Ten seconds' worth of ten a second.
  for (int i = 0; i < kBurst + 50; ++i) EXPECT_FALSE(Get("nobody's").ok());
  EXPECT_EQ(Lines().size(), size_t{kBurst});
  clock_.Advance(absl::Seconds(1));
  EXPECT_FALSE(Get("nobody's").ok());
  const auto lines = Lines();
  ASSERT_EQ(lines.size(), size_t{kBurst + 1});
  EXPECT_EQ(lines.back()["reason"],
            "UNAUTHENTICATED; 50 refused calls before this one are left out");
  // What changes something is listed all the same.
  for (int i = 0; i < kBurst; ++i) EXPECT_FALSE(Get("nobody's").ok());
  EXPECT_OK(Cancel(SecretOf({Role::kSubmit})));
  EXPECT_EQ(Lines().back()["method"], kCancel);
}

TEST_F(AccessControlTest, OnceALineCouldNotBeWrittenNothingMoreIsChanged) {
  const std::string secret = SecretOf({Role::kSubmit});
  EXPECT_OK(Cancel(secret));
  {
    const testing::FileSizeLimit full(FileSize(path_).value() + 10);
    EXPECT_OK(Cancel(secret));  // Nobody knew yet.
    EXPECT_THAT(Cancel(secret), HasReason("AUDIT_UNAVAILABLE"));
    EXPECT_OK(Get(secret));
  }
  EXPECT_OK(Cancel(secret));
  const auto lines = Lines();
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[1]["method"], "AuditLog/Resume");
  EXPECT_EQ(lines[2]["method"], kCancel);
}

TEST_F(AccessControlTest, WorkersAreCountedApartAndTheirRoleLiftsNoLimitOfOthers) {
  const auto counted = [&](const char* method, Roles roles, const std::string& tenant) {
    return access_.CountedWith({.method = method, .caller = {.tenant = tenant, .roles = roles}});
  };
  constexpr char kLease[] = "WorkerService/LeaseJob", kRead[] = "ArtifactService/ReadBlob";
  EXPECT_EQ(counted(kGet, {Role::kRead}, "team"), CallGroup{"team"});
  EXPECT_EQ(counted(kGet, {Role::kRead, Role::kWorker}, "team"), CallGroup{"team"});
  EXPECT_EQ(counted(kRead, {Role::kRead, Role::kWorker}, "team"), CallGroup{"team"});
  EXPECT_EQ(counted(kRead, {Role::kWorker}, "team"), (CallGroup{"team", true}));
  EXPECT_EQ(counted(kLease, {Role::kRead, Role::kWorker}, "team"), (CallGroup{"team", true}));
  EXPECT_EQ(counted(kLease, {Role::kWorker}, kEveryTenant), CallGroup());
}

TEST_F(AccessControlTest, WorkersAreNotHeldUpByTheirTenantsRate) {
  ASSERT_OK(store_.Write([&](Transaction& t) {
    return t.tenants().Put({.name = "team", .limits = {.calls_per_second = 0.1}});
  }));
  const std::string client = SecretOf({Role::kRead}), worker = SecretOf({Role::kWorker});
  EXPECT_OK(Get(client));
  EXPECT_THAT(Get(client), HasReason("RATE_LIMITED"));
  for (int i = 0; i < 5; ++i) {
    v1::HeartbeatRequest request;
    request.set_job(kJob);
    CallRecord record{.method = "WorkerService/Heartbeat"};
    ASSERT_OK(access_.Identify(worker, record));
    EXPECT_OK(access_.Admit(request, record));
  }
}

}  // namespace
}  // namespace quantd
