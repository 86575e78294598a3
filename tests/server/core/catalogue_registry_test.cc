#include "server/core/catalogue_registry.h"

#include "absl/strings/str_cat.h"
#include "server/store/memory/memory_job_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;

TEST(Covers, TellsWhetherEveryNeededWordIsOffered) {
  EXPECT_TRUE(Covers({}, {}));
  EXPECT_TRUE(Covers({"a"}, {}));
  EXPECT_TRUE(Covers({"a", "b", "c"}, {"a", "c"}));
  EXPECT_TRUE(Covers({"a", "b"}, {"a", "b"}));
  EXPECT_FALSE(Covers({}, {"a"}));
  EXPECT_FALSE(Covers({"a", "c"}, {"b"}));
  EXPECT_FALSE(Covers({"a", "b"}, {"a", "b", "c"}));
  EXPECT_FALSE(Covers({"ab"}, {"a"}));
}

// Counts the writes that reach a store.
class CountingStore final : public JobStore {
 public:
  absl::Status Write(const Body& body) override {
    ++writes;
    if (!failure.ok()) return failure;
    return store_.Write(body);
  }
  absl::Status Read(const Body& body) override { return store_.Read(body); }

  int writes = 0;
  absl::Status failure;

 private:
  MemoryJobStore store_;
};

class CatalogueRegistryTest : public ::testing::Test {
 protected:
  static WorkerCatalogue Catalogue(const std::string& digest) {
    return {.digest = digest,
            .engine_version = "engine of " + digest,
            .capabilities = {"preset:a"},
            .content = "content of " + digest};
  }

  std::vector<std::string> CurrentDigests() {
    const auto current = registry_.Current(kEveryTenant);
    EXPECT_OK(current);
    std::vector<std::string> digests;
    for (const WorkerCatalogue& catalogue : *current) digests.push_back(catalogue.digest);
    return digests;
  }

  testing::FakeClock clock_;
  CountingStore store_;
  CatalogueRegistry registry_{&store_, &clock_};
};

TEST_F(CatalogueRegistryTest, BeforeAnyWorkerThereIsNone) {
  EXPECT_THAT(CurrentDigests(), ElementsAre());
}

TEST_F(CatalogueRegistryTest, WhatIsAnnouncedIsCurrentAsItWasSent) {
  ASSERT_OK(registry_.Announce(Catalogue("d")));
  WorkerCatalogue expected = Catalogue("d");
  expected.last_seen = clock_.Now();
  EXPECT_THAT(registry_.Current(kEveryTenant), testing::IsOkAndHolds(ElementsAre(expected)));
}

TEST_F(CatalogueRegistryTest, PollsAreWrittenOnlyEveryTenMinutes) {
  ASSERT_OK(registry_.Announce(Catalogue("d")));
  clock_.Advance(absl::Minutes(10) - absl::Nanoseconds(1));
  ASSERT_OK(registry_.Announce(Catalogue("d")));
  EXPECT_EQ(store_.writes, 1);
  clock_.Advance(absl::Nanoseconds(1));
  ASSERT_OK(registry_.Announce(Catalogue("d")));
  EXPECT_EQ(store_.writes, 2);
  ASSERT_OK(registry_.Announce(Catalogue("e")));
  EXPECT_EQ(store_.writes, 3);
}

TEST_F(CatalogueRegistryTest, AWriteThatFailedIsTriedAgain) {
  store_.failure = absl::InternalError("disk");
  EXPECT_THAT(registry_.Announce(Catalogue("d")), testing::StatusIs(absl::StatusCode::kInternal));
  store_.failure = absl::OkStatus();
  ASSERT_OK(registry_.Announce(Catalogue("d")));
  EXPECT_THAT(CurrentDigests(), ElementsAre("d"));
}

TEST_F(CatalogueRegistryTest, TheLatestOneComesFirst) {
  ASSERT_OK(registry_.Announce(Catalogue("old")));
  clock_.Advance(absl::Minutes(1));
  ASSERT_OK(registry_.Announce(Catalogue("new")));
  EXPECT_THAT(CurrentDigests(), ElementsAre("new", "old"));
  clock_.Advance(absl::Minutes(20));
  ASSERT_OK(registry_.Announce(Catalogue("old")));
  EXPECT_THAT(CurrentDigests(), ElementsAre("old", "new"));
}

TEST_F(CatalogueRegistryTest, ACatalogueGoesOutOfUseADayAfterItsLastSight) {
  ASSERT_OK(registry_.Announce(Catalogue("old")));
  clock_.Advance(absl::Hours(24));
  ASSERT_OK(registry_.Announce(Catalogue("new")));
  EXPECT_THAT(CurrentDigests(), ElementsAre("new", "old"));
  clock_.Advance(absl::Minutes(10));
  ASSERT_OK(registry_.Announce(Catalogue("new")));
  EXPECT_THAT(CurrentDigests(), ElementsAre("new"));
}

TEST_F(CatalogueRegistryTest, WhileNoWorkerRunsNothingGoesOutOfUse) {
  ASSERT_OK(registry_.Announce(Catalogue("d")));
  clock_.Advance(absl::Hours(24 * 365));
  EXPECT_THAT(CurrentDigests(), ElementsAre("d"));
}

TEST_F(CatalogueRegistryTest, OneTenantsWorkersSayNothingOfAnothers) {
  WorkerCatalogue own = Catalogue("own");
  own.tenant = "team";
  ASSERT_OK(registry_.Announce(own));
  EXPECT_EQ(registry_.Current("team")->size(), 1u);
  EXPECT_TRUE(registry_.Current("others")->empty());
  ASSERT_OK(registry_.Announce(Catalogue("shared")));
  EXPECT_EQ(registry_.Current("team")->size(), 2u);
  EXPECT_EQ(registry_.Current("others")->size(), 1u);
  EXPECT_EQ(registry_.Current(kEveryTenant)->size(), 2u);
}

TEST_F(CatalogueRegistryTest, OfATenantsManyCataloguesTheLatestStay) {
  WorkerCatalogue own = Catalogue("");
  own.tenant = "team";
  for (int i = 0; i < 3 * CatalogueRegistry::kCataloguesPerTenant; ++i) {
    own.digest = absl::StrCat(i);
    ASSERT_OK(registry_.Announce(own));
    clock_.Advance(absl::Seconds(1));
  }
  ASSERT_OK_AND_ASSIGN(const auto current, registry_.Current("team"));
  ASSERT_EQ(current.size(), size_t{CatalogueRegistry::kCataloguesPerTenant});
  EXPECT_EQ(current.front().digest, own.digest);
}

TEST_F(CatalogueRegistryTest, AnotherServerOnTheStoreSeesTheSame) {
  ASSERT_OK(registry_.Announce(Catalogue("d")));
  const CatalogueRegistry other(&store_, &clock_);
  EXPECT_EQ(*other.Current(kEveryTenant), *registry_.Current(kEveryTenant));
}

}  // namespace
}  // namespace quantd
