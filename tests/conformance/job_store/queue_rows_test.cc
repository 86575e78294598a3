// What the queue asks for: the next job, leases that ended, work that is equal.
#include "tests/conformance/job_store/store_fixture.h"

namespace quantd::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class QueueRows : public JobStoreConformance {
 protected:
  using Words = std::vector<std::string>;

  // The id of the next job; empty when there is none.
  std::string Next(const Words& requirements = {"model:onnx", "preset:a"}, int64_t at = 0,
                   const std::string& tenant = "t") {
    const std::optional<Job> job = Read([&](Transaction& t) {
                                     return t.jobs().NextQueued(requirements, tenant, At(at));
                                   }).value();
    return job ? job->name.job : "";
  }
};
INSTANTIATE_TEST_SUITE_P(AllStores, QueueRows, ::testing::ValuesIn(JobStores()), StoreName);

TEST_P(QueueRows, TheLowestRankThenTheOldestIsNext) {
  for (const auto& [id, priority] : {std::pair("a", 0), {"b", 5}, {"c", 5}, {"d", -5}}) {
    Job job = SomeJob(id);
    job.traits.priority = priority;
    Insert(job);
  }
  // A step of priority is worth ten minutes: created 60 minutes later, 5 steps are not enough.
  Job late = SomeJob("late");
  late.traits.priority = 5;
  late.create_time = At(3600);
  Insert(late);
  for (const char* id : {"b", "c", "a", "late", "d"}) {
    EXPECT_EQ(Next(), id);
    Job job = Get(id).value();
    job.state = JobState::kCancelled;
    Update(job);
  }
  EXPECT_EQ(Next(), "");
}

TEST_P(QueueRows, RequirementsMatchAsAWhole) {
  Insert(SomeJob("a"));
  EXPECT_EQ(Next({"model:onnx"}), "");
  EXPECT_EQ(Next({"model:onnx", "preset:a", "preset:b"}), "");
  Job none = SomeJob("none");
  none.traits.requirements = {};
  Insert(none);
  EXPECT_EQ(Next({}), "none");
}

TEST_P(QueueRows, AJobIsNotNextBeforeItsTime) {
  Job job = SomeJob("a");
  job.not_before = At(10);
  Insert(job);
  EXPECT_EQ(Next({"model:onnx", "preset:a"}, 9), "");
  EXPECT_EQ(Next({"model:onnx", "preset:a"}, 10), "a");
}

TEST_P(QueueRows, AJobWaitsWhileItsTwinOfTheSameTenantRuns) {
  Job running = SomeJob("running");
  running.state = JobState::kRunning;
  running = Insert(running);
  Job twin = SomeJob("twin");
  twin.traits.work_digest = running.traits.work_digest;
  Insert(twin);
  EXPECT_EQ(Next(), "");
  Job elsewhere = twin;
  elsewhere.name = {"u", "elsewhere"};
  Insert(elsewhere);
  EXPECT_EQ(Next({"model:onnx", "preset:a"}, 0, "u"), "elsewhere");
  running.state = JobState::kFailed;
  Update(running);
  EXPECT_EQ(Next(), "twin");
}

TEST_P(QueueRows, DistinctRequirementsOfQueuedJobsAreListed) {
  const auto sets = [&] {
    return Read([](Transaction& t) { return t.jobs().QueuedRequirements(); }).value();
  };
  EXPECT_THAT(sets(), IsEmpty());
  Insert(SomeJob("a"));
  Insert(SomeJob("b"));
  Job other = SomeJob("c");
  other.traits.requirements = {"preset:b"};
  Insert(other);
  Job running = SomeJob("d");
  running.traits.requirements = {"preset:c"};
  running.state = JobState::kRunning;
  Insert(running);
  EXPECT_THAT(sets(),
              ::testing::UnorderedElementsAre(Words{"model:onnx", "preset:a"}, Words{"preset:b"}));
}

TEST_P(QueueRows, TenantsWithQueuedJobsAreListedWithWhatWasSetForThem) {
  const Words requirements = {"model:onnx", "preset:a"};
  const auto tenants = [&] {
    return Read([&](Transaction& t) { return t.jobs().QueuedTenants(requirements); }).value();
  };
  EXPECT_THAT(tenants(), IsEmpty());
  const Tenant set = {.name = "u",
                      .limits = {.stored_bytes_max = 1, .running_jobs_max = 2},
                      .weight = 2.5,
                      .last_lease = 7};
  ASSERT_OK(store_->Write([&](Transaction& t) { return t.tenants().Put(set); }));
  Insert(SomeJob("a"));
  Insert(SomeJob("b"));
  for (const char* tenant : {"u", "v"}) {
    Job job = SomeJob("c");
    job.name.tenant = tenant;
    // The second one asks for something else.
    if (job.name.tenant == "v") job.traits.requirements = {"preset:b"};
    Insert(job);
  }
  Job running = SomeJob("d");
  running.name.tenant = "w";
  running.state = JobState::kRunning;
  Insert(running);
  EXPECT_THAT(tenants(), ElementsAre(Tenant{.name = "t"}, set));
}

TEST_P(QueueRows, JobsAreCountedByTenantAndState) {
  for (int i = 0; i < 6; ++i) {
    Job job = SomeJob(std::string(1, static_cast<char>('a' + i)));
    if (i >= 2) job.state = JobState::kRunning;
    if (i == 5) job.name.tenant = "u";
    Insert(job);
  }
  EXPECT_THAT(Read([](Transaction& t) { return t.jobs().RunningByTenant(); }).value(),
              ElementsAre(::testing::Pair("t", 3), ::testing::Pair("u", 1)));
  const auto count = [&](const std::string& tenant, JobState state) {
    return Read([&](Transaction& t) { return t.jobs().CountOf(tenant, state); });
  };
  EXPECT_THAT(count("t", JobState::kQueued), IsOkAndHolds(2));
  EXPECT_THAT(count("t", JobState::kRunning), IsOkAndHolds(3));
  EXPECT_THAT(count("u", JobState::kQueued), IsOkAndHolds(0));
}

TEST_P(QueueRows, WhetherAnythingIsDueIsKnownWithoutReadingIt) {
  const auto due = [&](int64_t at) {
    return Read([&](Transaction& t) { return t.jobs().AnythingDue(At(at)); });
  };
  EXPECT_THAT(due(1'000'000), IsOkAndHolds(false));
  Job queued = SomeJob("queued");
  queued.traits.queue_timeout = absl::Seconds(10);
  queued = Insert(queued);
  Job running = SomeJob("running");
  running.state = JobState::kRunning;
  running.lease.expire_time = At(20);
  Insert(running);
  EXPECT_THAT(due(9), IsOkAndHolds(false));
  EXPECT_THAT(due(10), IsOkAndHolds(true));
  queued.start_time = At(5);
  Update(queued);
  EXPECT_THAT(due(19), IsOkAndHolds(false));
  EXPECT_THAT(due(20), IsOkAndHolds(true));
}

TEST_P(QueueRows, EqualWorkIsFoundWhileQueuedAndOnceDone) {
  Job a = SomeJob("a"), b = SomeJob("b");
  b.traits.work_digest = a.traits.work_digest;
  a = Insert(a);
  b = Insert(b);
  const auto queued = [&](const std::string& tenant, int limit = 10) {
    return Ids(
        Read([&](Transaction& t) { return t.jobs().QueuedWork(tenant, "work-a", limit); }).value());
  };
  const auto finished = [&](const std::string& version) {
    const std::optional<Job> job =
        Read([&](Transaction& t) { return t.jobs().FinishedWork("t", "work-a", version); }).value();
    return job ? job->name.job : "";
  };
  EXPECT_THAT(queued("t"), ElementsAre("a", "b"));
  EXPECT_THAT(queued("t", 1), ElementsAre("a"));
  EXPECT_THAT(queued("u"), IsEmpty());
  EXPECT_EQ(finished("1"), "");
  a.state = b.state = JobState::kSucceeded;
  a.engine_version = b.engine_version = "1";
  Update(a);
  b.cached_from = a.name.ToString();
  Update(b);
  EXPECT_THAT(queued("t"), IsEmpty());
  EXPECT_EQ(finished("1"), "a") << "not the one that took the result over";
  EXPECT_EQ(finished("2"), "");
  b.cached_from = "";
  Update(b);
  EXPECT_EQ(finished("1"), "b") << "the newest";
}

TEST_P(QueueRows, ExpiredLeasesComeLongestOverdueFirst) {
  int64_t ends = 30;
  for (const char* id : {"a", "b", "c"}) {
    Job job = SomeJob(id);
    job.state = JobState::kRunning;
    job.lease.expire_time = At(ends);
    ends -= 10;
    Insert(job);
  }
  const auto expired = [&](int64_t at, int limit) {
    return Ids(Read([&](Transaction& t) { return t.jobs().ExpiredLeases(At(at), limit); }).value());
  };
  EXPECT_THAT(expired(9, 10), IsEmpty());
  EXPECT_THAT(expired(20, 10), ElementsAre("c", "b"));
  EXPECT_THAT(expired(99, 2), ElementsAre("c", "b"));
  EXPECT_EQ(Read([](Transaction& t) { return t.jobs().Running(); })->size(), 3u);
}

TEST_P(QueueRows, QueuedJobsThatNeverStartedCanBeOverdue) {
  Job job = SomeJob("a");
  job.traits.queue_timeout = absl::Seconds(10);
  job = Insert(job);
  Insert(SomeJob("patient"));
  const auto overdue = [&](int64_t at) {
    return Ids(Read([&](Transaction& t) { return t.jobs().OverdueQueued(At(at), 9); }).value());
  };
  EXPECT_THAT(overdue(9), IsEmpty());
  EXPECT_THAT(overdue(10), ElementsAre("a"));
  job.start_time = At(5);
  Update(job);
  EXPECT_THAT(overdue(1'000'000), IsEmpty());
}

TEST_P(QueueRows, TokensAreNeverRepeated) {
  uint64_t last = 0;
  for (int i = 0; i < 5; ++i) {
    ASSERT_OK(store_->Write([&](Transaction& t) -> absl::Status {
      const absl::StatusOr<uint64_t> token = t.jobs().NextToken();
      EXPECT_GT(token.value(), last);
      last = *token;
      return absl::OkStatus();
    }));
  }
}

}  // namespace
}  // namespace quantd::testing
