// Events, artifacts and catalogues.
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "tests/conformance/job_store/store_fixture.h"

namespace quantd::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class OtherTables : public JobStoreConformance {
 protected:
  absl::Status Append(int64_t key, const std::vector<JobEvent>& events) {
    return store_->Write([&](Transaction& t) { return t.events().Append(key, events); });
  }
  std::vector<JobEvent> Events(int64_t key, int64_t after = 0, int limit = 100) {
    return Read([&](Transaction& t) { return t.events().Read(key, after, limit); }).value();
  }
  absl::Status Insert(const Artifact& artifact) {
    return store_->Write([&](Transaction& t) { return t.artifacts().Insert(artifact); });
  }
  absl::StatusOr<Artifact> Get(const std::string& id) {
    return Read([&](Transaction& t) { return t.artifacts().Get({"t", id}); });
  }
};
INSTANTIATE_TEST_SUITE_P(AllStores, OtherTables, ::testing::ValuesIn(JobStores()), StoreName);

TEST_P(OtherTables, EveryKindOfEventComesBackInOrder) {
  const Job job = JobStoreConformance::Insert(SomeJob("a"));
  const std::vector<JobEvent> events = {
      {1, At(0), JobState::kQueued},
      {2, At(1),
       JobProgress{
           .stage = "plan", .step = 1, .steps = 2, .eta = absl::Seconds(3), .fraction = 0.25}},
      {3, At(1), LogText{std::string("line \"one\"\n\0 two", 16)}},
      {4, At(2), WarningText{""}},
      {5, At(3), LogText{std::string(1 << 20, 'x')}}};
  ASSERT_OK(Append(job.key, {events.begin(), events.begin() + 2}));
  ASSERT_OK(Append(job.key, {events.begin() + 2, events.end()}));
  EXPECT_EQ(Events(job.key), events);
  EXPECT_EQ(Events(job.key, 3), std::vector<JobEvent>(events.begin() + 3, events.end()));
  EXPECT_EQ(Events(job.key, 1, 2), std::vector<JobEvent>(events.begin() + 1, events.begin() + 3));
  EXPECT_THAT(Events(job.key, 5), IsEmpty());
}

TEST_P(OtherTables, EventsGoWithTheirJobAndWithNoOther) {
  const Job a = JobStoreConformance::Insert(SomeJob("a"));
  const Job b = JobStoreConformance::Insert(SomeJob("b"));
  ASSERT_OK(Append(a.key, {{1, At(0), JobState::kQueued}}));
  ASSERT_OK(Append(b.key, {{1, At(0), JobState::kQueued}}));
  ASSERT_OK(store_->Write([&](Transaction& t) { return t.jobs().Delete(a.key); }));
  EXPECT_THAT(Events(a.key), IsEmpty());
  EXPECT_EQ(Events(b.key).size(), 1u);
}

TEST_P(OtherTables, BytesThatAreNoUtf8DoNotBreakAnEvent) {
  const Job job = JobStoreConformance::Insert(SomeJob("a"));
  ASSERT_OK(Append(job.key, {{1, At(0), LogText{"\xff\xfe"}}}));
  EXPECT_EQ(Events(job.key).size(), 1u);
}

// A worker's 0 / 0 must not make its job unreadable, and with it every list that the job is in.
TEST_P(OtherTables, ProgressThatIsNoNumberLeavesTheJobReadable) {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double odd : {std::nan(""), infinity, -infinity}) {
    SCOPED_TRACE(odd);
    Job job = SomeJob(absl::StrCat("job-", odd > 0, odd < 0));
    job.state = JobState::kRunning;
    job.progress = {.stage = "calibrate", .step = 1, .fraction = odd};
    job = JobStoreConformance::Insert(job);
    ASSERT_OK(Append(job.key, {{1, At(0), job.progress}, {2, At(0), LogText{"next"}}}));
    EXPECT_OK(JobStoreConformance::Get(job.name.job));
    EXPECT_OK(Read([](Transaction& t) { return t.jobs().Running(); }));
    const auto events = Read([&](Transaction& t) { return t.events().Read(job.key, 0, 10); });
    ASSERT_OK(events);
    ASSERT_EQ(events->size(), 2u);
    EXPECT_EQ(std::get<JobProgress>((*events)[0].content).stage, "calibrate");
  }
}

TEST_P(OtherTables, ArtifactsAreKeptListedAndDeleted) {
  Artifact artifact{.name = {"t", "a1"},
                    .files = {{"m.onnx", std::string(64, 'a'), 12}, {"r", std::string(64, 'b'), 0}},
                    .create_time = At(1),
                    .job = "tenants/t/jobs/j",
                    .labels = {{"k", "v"}},
                    .digest = std::string(64, 'c')};
  ASSERT_OK(Insert(artifact));
  EXPECT_THAT(Insert(artifact), StatusIs(absl::StatusCode::kAlreadyExists));
  const Artifact found = Get("a1").value();
  artifact.key = found.key;
  EXPECT_EQ(found, artifact);
  for (const char* id : {"a2", "a3"}) {
    artifact.name.artifact = id;
    ASSERT_OK(Insert(artifact));
  }
  artifact.name = {"u", "a4"};
  ASSERT_OK(Insert(artifact));
  const auto list = [&](std::optional<int64_t> before, int limit) {
    std::vector<std::string> ids;
    const auto artifacts =
        Read([&](Transaction& t) { return t.artifacts().List("t", before, limit); }).value();
    for (const Artifact& one : artifacts) ids.push_back(one.name.artifact);
    return ids;
  };
  EXPECT_THAT(list(std::nullopt, 2), ElementsAre("a3", "a2"));
  EXPECT_THAT(list(Get("a2")->key, 9), ElementsAre("a1"));

  const auto remove = [&] {
    return store_->Write([](Transaction& t) { return t.artifacts().Delete({"t", "a2"}); });
  };
  EXPECT_OK(remove());
  EXPECT_THAT(remove(), HasReason("ARTIFACT_NOT_FOUND"));
  EXPECT_THAT(Get("a2").status(), HasReason("ARTIFACT_NOT_FOUND"));
  EXPECT_THAT(list(std::nullopt, 9), ElementsAre("a3", "a1"));
}

TEST_P(OtherTables, ACatalogueIsOneEntryAndTheLatestSeenComesFirst) {
  const auto put = [&](const std::string& digest, int64_t seen) {
    const WorkerCatalogue catalogue{.digest = digest,
                                    .engine_version = "1",
                                    .capabilities = {"preset:a", "preset:b"},
                                    .content = std::string("\0bytes", 6),
                                    .last_seen = At(seen)};
    EXPECT_OK(store_->Write([&](Transaction& t) { return t.catalogues().Put(catalogue); }));
    return catalogue;
  };
  put("x", 1);
  const WorkerCatalogue y = put("y", 2);
  const WorkerCatalogue x = put("x", 3);
  EXPECT_THAT(Read([](Transaction& t) { return t.catalogues().All(); }).value(), ElementsAre(x, y));
}

TEST_P(OtherTables, CataloguesAreATenantsOwnOrEverybodys) {
  const auto put = [&](const std::string& tenant, const std::string& digest, int64_t seen) {
    const WorkerCatalogue catalogue{.digest = digest, .last_seen = At(seen), .tenant = tenant};
    EXPECT_OK(store_->Write([&](Transaction& t) { return t.catalogues().Put(catalogue); }));
    return catalogue;
  };
  const WorkerCatalogue own = put("team", "d", 1), same = put("others", "d", 2),
                        shared = put(kEveryTenant, "d", 3), newer = put("team", "e", 4),
                        newest = put("team", "f", 5);
  const auto of = [&](const std::string& tenant) {
    return Read([&](Transaction& t) { return t.catalogues().Of(tenant); }).value();
  };
  EXPECT_THAT(of("team"), ElementsAre(newest, newer, shared, own));
  EXPECT_THAT(of("others"), ElementsAre(shared, same));
  EXPECT_THAT(of("nobody"), ElementsAre(shared));
  ASSERT_OK(store_->Write([](Transaction& t) { return t.catalogues().KeepLatest("team", 2); }));
  EXPECT_THAT(of("team"), ElementsAre(newest, newer, shared));
  EXPECT_THAT(of("others"), ElementsAre(shared, same));
}

TEST_P(OtherTables, WhatWasSetForATenantIsKeptAndOthersHaveNothing) {
  const auto get = [&](const std::string& name) {
    return Read([&](Transaction& t) { return t.tenants().Get(name); });
  };
  EXPECT_THAT(get("t"), IsOkAndHolds(Tenant{.name = "t"}));
  Tenant tenant{.name = "t",
                .limits = {.stored_bytes_max = int64_t{1} << 40,
                           .queued_jobs_max = 0,
                           .running_jobs_max = 3,
                           .calls_per_second = 2.5,
                           .retention = absl::Hours(7)},
                .weight = 0.5,
                .last_lease = 12};
  const auto put = [&] {
    EXPECT_OK(store_->Write([&](Transaction& t) { return t.tenants().Put(tenant); }));
  };
  put();
  EXPECT_THAT(get("t"), IsOkAndHolds(tenant));
  EXPECT_THAT(get("u"), IsOkAndHolds(Tenant{.name = "u"}));
  tenant.limits = {};
  put();
  EXPECT_THAT(get("t"), IsOkAndHolds(tenant));
}

TEST_P(OtherTables, TheServersSwitchIsOffUntilItIsSet) {
  const auto paused = [&] { return Read([](Transaction& t) { return t.tenants().Paused(); }); };
  EXPECT_THAT(paused(), IsOkAndHolds(false));
  for (const bool value : {true, true, false}) {
    EXPECT_OK(store_->Write([&](Transaction& t) { return t.tenants().SetPaused(value); }));
    EXPECT_THAT(paused(), IsOkAndHolds(value));
  }
}

TEST_P(OtherTables, TokensAreKeptFoundListedAndChanged) {
  AccessToken token{.name = {"t", "k1"},
                    .roles = {Role::kRead, Role::kAdmin},
                    .description = "CI",
                    .secret_hash = std::string(64, 'a'),
                    .create_time = At(1),
                    .expire_time = At(9)};
  const auto insert = [&] {
    return store_->Write([&](Transaction& t) { return t.tokens().Insert(token); });
  };
  const auto get = [&](const std::string& tenant, const std::string& id) {
    return Read([&](Transaction& t) { return t.tokens().Get({tenant, id}); });
  };
  ASSERT_OK(insert());
  EXPECT_THAT(insert(), StatusIs(absl::StatusCode::kAlreadyExists));
  token.key = get("t", "k1")->key;
  EXPECT_THAT(get("t", "k1"), IsOkAndHolds(token));
  EXPECT_THAT(get("u", "k1"), HasReason("TOKEN_NOT_FOUND"));
  EXPECT_EQ(Read([](Transaction& t) { return t.tokens().Find("k1"); }).value(), token);
  EXPECT_EQ(Read([](Transaction& t) { return t.tokens().Find("k2"); }).value(), std::nullopt);

  token.old_secret_hash = token.secret_hash;
  token.old_secret_until = At(4);
  token.secret_hash = std::string(64, 'b');
  token.rotate_time = At(3);
  token.revoke_time = At(5);
  EXPECT_OK(store_->Write([&](Transaction& t) { return t.tokens().Update(token); }));
  EXPECT_THAT(get("t", "k1"), IsOkAndHolds(token));

  // An id is one token's, whatever the tenant.
  AccessToken other = token;
  other.name.tenant = "u";
  EXPECT_THAT(store_->Write([&](Transaction& t) { return t.tokens().Insert(other); }),
              StatusIs(absl::StatusCode::kAlreadyExists));
  other.name = {"t", "k2"};
  ASSERT_OK(store_->Write([&](Transaction& t) { return t.tokens().Insert(other); }));
  const auto list = [&](std::optional<int64_t> before, int limit) {
    std::vector<std::string> ids;
    const auto tokens =
        Read([&](Transaction& t) { return t.tokens().List("t", before, limit); }).value();
    for (const AccessToken& one : tokens) ids.push_back(one.name.token);
    return ids;
  };
  EXPECT_THAT(list(std::nullopt, 9), ElementsAre("k2", "k1"));
  EXPECT_THAT(list(std::nullopt, 1), ElementsAre("k2"));
  EXPECT_THAT(list(get("t", "k2")->key, 9), ElementsAre("k1"));
}

}  // namespace
}  // namespace quantd::testing
