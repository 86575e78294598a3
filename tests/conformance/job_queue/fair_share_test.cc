// How tenants share the workers, and how the jobs of one tenant take turns.
#include <map>

#include "server/core/tenant_registry.h"
#include "tests/conformance/job_queue/queue_fixture.h"

namespace quantd::testing {
namespace {

using ::testing::ElementsAre;

class JobQueueFairShare : public JobQueueConformance {
 protected:
  Submission WorkOf(const std::string& tenant, int priority = 0) {
    Submission submission = SomeWork();
    submission.tenant = tenant;
    submission.traits.priority = priority;
    return submission;
  }
  void SubmitFor(const std::string& tenant, int jobs) {
    for (int i = 0; i < jobs; ++i) Submit(WorkOf(tenant));
  }
  // The tenants of the next jobs, which all run on.
  std::vector<std::string> ServeNext(int jobs) {
    std::vector<std::string> served;
    for (int i = 0; i < jobs; ++i) served.push_back(Lease().job.name.tenant);
    return served;
  }

  TenantRegistry tenants_{store_.get(), {}};
};

TEST_P(JobQueueFairShare, ALongQueueOfOneTenantDoesNotHoldUpAnother) {
  SubmitFor("big", 100);
  EXPECT_THAT(ServeNext(3), ElementsAre("big", "big", "big"));
  SubmitFor("small", 2);
  // Three against none, three against one, three against two.
  EXPECT_THAT(ServeNext(3), ElementsAre("small", "small", "big"));
}

TEST_P(JobQueueFairShare, TenantsWithEquallyManyRunningJobsTakeTurns) {
  for (const char* tenant : {"a", "b", "c"}) SubmitFor(tenant, 5);
  std::vector<std::string> served;
  for (int i = 0; i < 6; ++i) {
    const LeasedJob leased = Lease();
    served.push_back(leased.job.name.tenant);
    ASSERT_OK(Complete(leased, Success(leased.job.name.tenant)));
  }
  EXPECT_THAT(served, ElementsAre("a", "b", "c", "a", "b", "c"));
}

TEST_P(JobQueueFairShare, RunningJobsAreSharedByWeight) {
  ASSERT_OK(tenants_.Set("heavy", {}, 3));
  SubmitFor("heavy", 40);
  SubmitFor("light", 40);
  std::map<std::string, int> running;
  for (const std::string& tenant : ServeNext(40)) ++running[tenant];
  // Three to one.
  EXPECT_EQ(running["heavy"], 30);
  EXPECT_EQ(running["light"], 10);
}

TEST_P(JobQueueFairShare, ATenantWithoutAJobThatMayRunNowIsPassedOver) {
  // Served first: its only job waits for its backoff.
  SubmitFor("waiting", 1);
  ASSERT_OK(Complete(Lease(), Failure()));
  SubmitFor("other", 1);
  EXPECT_THAT(ServeNext(1), ElementsAre("other"));
}

TEST_P(JobQueueFairShare, EveryTenantOfManyIsServedOnceBeforeAnyIsServedTwice) {
  constexpr int kTenants = 50;
  for (int i = 0; i < kTenants; ++i) SubmitFor("tenant-" + std::to_string(i), 3);
  for (int round = 0; round < 3; ++round) {
    std::map<std::string, int> served;
    for (const std::string& tenant : ServeNext(kTenants)) ++served[tenant];
    EXPECT_EQ(served.size(), static_cast<size_t>(kTenants));
  }
}

TEST_P(JobQueueFairShare, AWorkerOfOneTenantGetsItsJobsAlone) {
  SubmitFor("a", 2);
  SubmitFor("b", 1);
  const std::string b = "b";
  const std::optional<LeasedJob> leased = TryLease("worker", Catalogue(), b);
  ASSERT_NE(leased, std::nullopt);
  EXPECT_EQ(leased->job.name.tenant, "b");
  EXPECT_EQ(TryLease("worker", Catalogue(), b), std::nullopt);
  EXPECT_EQ(TryLease("worker", Catalogue(), "nobody"), std::nullopt);
}

TEST_P(JobQueueFairShare, HigherPriorityGoesFirstWithinItsTenantAlone) {
  const Job low = Submit(WorkOf("a", -1));
  const Job high = Submit(WorkOf("a", 5));
  const Job other = Submit(WorkOf("b", -100));
  EXPECT_EQ(Lease().job.name, high.name);
  EXPECT_EQ(Lease().job.name, other.name);
  EXPECT_EQ(Lease().job.name, low.name);
}

// One step of priority is worth ten minutes of waiting, not a second more.
TEST_P(JobQueueFairShare, AJobIsOvertakenOnlyByThoseCreatedSoonEnoughAfterIt) {
  const Job patient = Submit(WorkOf("a", 0));
  clock_.Advance(absl::Minutes(20) - absl::Nanoseconds(1));
  const Job soon = Submit(WorkOf("a", 2));
  clock_.Advance(absl::Nanoseconds(1));
  const Job late = Submit(WorkOf("a", 2));
  EXPECT_EQ(Lease().job.name, soon.name);
  EXPECT_EQ(Lease().job.name, patient.name);
  EXPECT_EQ(Lease().job.name, late.name);
}

TEST_P(JobQueueFairShare, AnEndlessStreamOfUrgentJobsDoesNotStarveTheOthers) {
  const Job patient = Submit(WorkOf("a", 0));
  int overtaken = 0;
  // One urgent job comes a minute, and one job can be run a minute.
  while (true) {
    ASSERT_LE(overtaken, 100);
    Submit(WorkOf("a", 1));
    const LeasedJob leased = Lease();
    ASSERT_OK(Complete(leased, Success(leased.job.name.tenant)));
    if (leased.job.name == patient.name) break;
    ++overtaken;
    clock_.Advance(absl::Minutes(1));
  }
  // Those of the minutes 0 to 9.
  EXPECT_EQ(overtaken, 10);
}

INSTANTIATE_TEST_SUITE_P(AllStores, JobQueueFairShare, ::testing::ValuesIn(JobStores()),
                         [](const auto& store) { return store.param.name; });

}  // namespace
}  // namespace quantd::testing
