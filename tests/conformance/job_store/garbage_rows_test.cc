// What the garbage collector asks of a job store.
#include "tests/conformance/job_store/store_fixture.h"

namespace quantd::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class GarbageRows : public JobStoreConformance {
 protected:
  std::vector<std::string> Inputs(const std::string& tenant) {
    return Read([&](Transaction& t) { return t.jobs().Inputs(tenant); }).value();
  }
  bool HasInput(const Job& job, const std::string& digest) {
    return Read([&](Transaction& t) { return t.jobs().HasInput(job.key, digest); }).value();
  }
  Job Finished(const std::string& id, int64_t second, JobState state = JobState::kSucceeded) {
    Job job = SomeJob(id);
    job.state = state;
    job.update_time = At(second);
    return Insert(job);
  }
  std::vector<std::string> FinishedUntil(int64_t second, int limit = 10) {
    std::vector<std::string> ids;
    const auto jobs =
        Read([&](Transaction& t) { return t.jobs().FinishedUntil("t", At(second), limit); });
    for (const Job& job : jobs.value()) ids.push_back(job.name.job);
    return ids;
  }
  void InsertArtifact(const std::string& id, int64_t second, const std::string& tenant = "t") {
    ASSERT_OK(store_->Write([&](Transaction& t) {
      return t.artifacts().Insert({.name = {tenant, id}, .create_time = At(second)});
    }));
  }
  std::vector<std::string> UnusedUntil(int64_t second, int limit = 10) {
    std::vector<std::string> ids;
    const auto artifacts =
        Read([&](Transaction& t) { return t.artifacts().UnusedUntil("t", At(second), limit); });
    for (const Artifact& artifact : artifacts.value()) ids.push_back(artifact.name.artifact);
    return ids;
  }
};
INSTANTIATE_TEST_SUITE_P(AllStores, GarbageRows, ::testing::ValuesIn(JobStores()), StoreName);

TEST_P(GarbageRows, InputsAreKeptWithTheirJobAndNotGivenBackWithIt) {
  Job job = SomeJob("a");
  job.traits.inputs = {"1", "2"};
  const Job a = Insert(job);
  job = SomeJob("b");
  job.traits.inputs = {"2", "3"};
  const Job b = Insert(job);
  job.name = {"others", "c"};
  job.traits.inputs = {"4"};
  Insert(job);
  EXPECT_THAT(Inputs("t"), ElementsAre("1", "2", "3"));
  EXPECT_THAT(Inputs("others"), ElementsAre("4"));
  EXPECT_THAT(Inputs("nobody"), IsEmpty());
  EXPECT_TRUE(HasInput(a, "1"));
  EXPECT_FALSE(HasInput(a, "3"));
  EXPECT_THAT(Read([&](Transaction& t) { return t.jobs().Get(a.name); })->traits.inputs, IsEmpty());

  Job changed = a;
  changed.state = JobState::kRunning;
  changed.traits.inputs.clear();
  Update(changed);
  EXPECT_TRUE(HasInput(a, "1")) << "an update leaves them alone";
  ASSERT_OK(store_->Write([&](Transaction& t) { return t.jobs().AddInputs(b.key, {"3", "5"}); }));
  ASSERT_OK(store_->Write([&](Transaction& t) { return t.jobs().Delete(a.key); }));
  EXPECT_THAT(Inputs("t"), ElementsAre("2", "3", "5"));
}

TEST_P(GarbageRows, FinishedJobsComeLongestAgoFirst) {
  Finished("late", 30);
  Finished("early", 10, JobState::kFailed);
  Finished("middle", 20, JobState::kCancelled);
  Finished("queued", 0, JobState::kQueued);
  Finished("running", 0, JobState::kRunning);
  EXPECT_THAT(FinishedUntil(9), IsEmpty());
  EXPECT_THAT(FinishedUntil(20), ElementsAre("early", "middle"));
  EXPECT_THAT(FinishedUntil(100), ElementsAre("early", "middle", "late"));
  EXPECT_THAT(FinishedUntil(100, 1), ElementsAre("early"));
}

TEST_P(GarbageRows, AnArtifactThatAJobHasAsItsResultIsUsed) {
  InsertArtifact("old", 10);
  InsertArtifact("result", 11);
  InsertArtifact("fresh", 50);
  InsertArtifact("foreign", 10, "others");
  Job job = SomeJob("a");
  job.state = JobState::kSucceeded;
  job.artifact = "tenants/t/artifacts/result";
  job = Insert(job);
  EXPECT_THAT(UnusedUntil(20), ElementsAre("old"));
  EXPECT_THAT(UnusedUntil(50), ElementsAre("old", "fresh"));
  ASSERT_OK(store_->Write([&](Transaction& t) { return t.jobs().Delete(job.key); }));
  EXPECT_THAT(UnusedUntil(20), ElementsAre("old", "result"));
  EXPECT_THAT(UnusedUntil(20, 1), ElementsAre("old"));
}

TEST_P(GarbageRows, TenantsAreThoseWithRows) {
  Insert(SomeJob("a"));
  InsertArtifact("a", 0, "others");
  EXPECT_THAT(Read([](Transaction& t) { return t.jobs().Tenants(); }).value(), ElementsAre("t"));
  EXPECT_THAT(Read([](Transaction& t) { return t.artifacts().Tenants(); }).value(),
              ElementsAre("others"));
}

}  // namespace
}  // namespace quantd::testing
