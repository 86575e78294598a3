// Records of jobs: what is written is read, found and listed.
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "tests/conformance/job_store/store_fixture.h"

namespace quantd::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class JobRecords : public JobStoreConformance {};
INSTANTIATE_TEST_SUITE_P(AllStores, JobRecords, ::testing::ValuesIn(JobStores()), StoreName);

// A job that differs from the default in every field.
Job FullJobRecord(const Job& base) {
  Job job = base;
  job.display_name = "name with \"quotes\", ünicode and '";
  job.labels = {{"team", "vision"}, {"a.b-c_d", "50% \"x\" '; DROP TABLE jobs"}};
  job.request_id = "request-1";
  job.traits.priority = -7;
  job.traits.max_attempts = 9;
  job.traits.queue_timeout = absl::Seconds(90);
  job.state = JobState::kFailed;
  job.version = 12;
  job.update_time = absl::FromUnixNanos(1'700'000'000'123'456'789);
  job.start_time = absl::FromUnixSeconds(1'700'000'001);
  job.end_time = absl::InfiniteFuture();
  job.not_before = absl::InfinitePast();
  job.cancel_requested = true;
  job.lease = {"worker \\ 1", 0x7fff'ffff'ffff'ffff, absl::FromUnixSeconds(5)};
  job.progress = {
      .stage = "evaluate", .step = 3, .steps = 4, .eta = absl::Milliseconds(1500), .fraction = 0.1};
  job.attempts = {{.number = 1,
                   .worker = "w",
                   .start_time = absl::FromUnixSeconds(2),
                   .end_time = absl::FromUnixSeconds(3),
                   .outcome = AttemptOutcome::kFailed,
                   .error = MakeError(absl::StatusCode::kInternal, "bad",
                                      {.reason = "CHILD_CRASHED",
                                       .metadata = {{"signal", "11"}},
                                       .violations = {{"field", "what"}},
                                       .retry_after = absl::Seconds(2)})},
                  {.number = 2, .worker = "v", .start_time = absl::FromUnixSeconds(4)}};
  job.event_count = 17;
  job.engine_version = "1.2.3";
  job.artifact = "tenants/t/artifacts/a";
  job.cached_from = "tenants/t/jobs/other";
  job.error = absl::CancelledError("why not");
  return job;
}

TEST_P(JobRecords, EveryFieldComesBackAsItWasWritten) {
  Job job = FullJobRecord(SomeJob("a"));
  job = Insert(job);
  EXPECT_THAT(Get("a"), IsOkAndHolds(job));
}

TEST_P(JobRecords, AnUpdateReplacesWhatMayChangeAndKeepsTheRest) {
  const Job plain = Insert(SomeJob("a"));
  Job changed = FullJobRecord(plain);
  changed.create_time = At(99);
  Update(changed);
  changed.create_time = plain.create_time;
  Job expected = changed;
  expected.display_name = plain.display_name;
  expected.labels = plain.labels;
  expected.request_id = plain.request_id;
  expected.traits = plain.traits;
  EXPECT_THAT(Get("a"), IsOkAndHolds(expected));
}

TEST_P(JobRecords, AMissingJobIsNotFound) {
  EXPECT_THAT(Get("a"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Get("a").status(), HasReason("JOB_NOT_FOUND"));
}

TEST_P(JobRecords, ANameIsTakenOnceATenant) {
  Insert(SomeJob("a"));
  EXPECT_THAT(
      store_->Write([&](Transaction& t) { return t.jobs().Insert(SomeJob("a"), "").status(); }),
      StatusIs(absl::StatusCode::kAlreadyExists));
  Job other = SomeJob("a");
  other.name.tenant = "u";
  Insert(other);
}

TEST_P(JobRecords, KeysAscendAndAreNeverUsedAgain) {
  const Job first = Insert(SomeJob("a"));
  const Job second = Insert(SomeJob("b"));
  EXPECT_GT(second.key, first.key);
  ASSERT_OK(store_->Write([&](Transaction& t) { return t.jobs().Delete(second.key); }));
  EXPECT_GT(Insert(SomeJob("c")).key, second.key);
}

TEST_P(JobRecords, PayloadsAreKeptAndGoWithTheirJob) {
  const std::string bytes("\0\xff spec", 7);
  const Job job = Insert(SomeJob("a"), bytes);
  const auto payload = [&](JobPayload kind) {
    return Read([&](Transaction& t) { return t.jobs().ReadPayload(job.key, kind); });
  };
  EXPECT_THAT(payload(JobPayload::kSpec), IsOkAndHolds(bytes));
  EXPECT_THAT(payload(JobPayload::kReport), IsOkAndHolds(std::string()));
  const std::string report(1 << 20, 'r');
  ASSERT_OK(store_->Write([&](Transaction& t) { return t.jobs().WriteReport(job.key, report); }));
  EXPECT_THAT(payload(JobPayload::kReport), IsOkAndHolds(report));
  ASSERT_OK(store_->Write([&](Transaction& t) { return t.jobs().Delete(job.key); }));
  EXPECT_THAT(payload(JobPayload::kSpec), IsOkAndHolds(std::string()));
  EXPECT_THAT(payload(JobPayload::kReport), IsOkAndHolds(std::string()));
  EXPECT_OK(store_->Write([&](Transaction& t) { return t.jobs().Delete(job.key); }));
}

TEST_P(JobRecords, ARequestIsFoundInItsTenantOnly) {
  Job job = SomeJob("a");
  job.request_id = "r";
  job = Insert(job);
  Insert(SomeJob("without"));
  Insert(SomeJob("without too"));
  const auto find = [&](const std::string& tenant, const std::string& id) {
    return Read([&](Transaction& t) { return t.jobs().FindByRequestId(tenant, id); }).value();
  };
  EXPECT_EQ(find("t", "r"), job);
  EXPECT_EQ(find("u", "r"), std::nullopt);
  EXPECT_EQ(find("t", "s"), std::nullopt);
  EXPECT_EQ(find("t", ""), std::nullopt);
}

TEST_P(JobRecords, ListsInEitherOrderPageByPage) {
  for (const char* id : {"a", "b", "c", "d"}) Insert(SomeJob(id));
  Job foreign = SomeJob("x");
  foreign.name.tenant = "u";
  Insert(foreign);
  EXPECT_THAT(List({.tenant = "t"}), ElementsAre("d", "c", "b", "a"));
  EXPECT_THAT(List({.tenant = "t", .newest_first = false}), ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(List({.tenant = "t", .limit = 2}), ElementsAre("d", "c"));
  const int64_t key = Get("c")->key;
  EXPECT_THAT(List({.tenant = "t", .after_key = key}), ElementsAre("b", "a"));
  EXPECT_THAT(List({.tenant = "t", .newest_first = false, .after_key = key}), ElementsAre("d"));
  EXPECT_THAT(List({.tenant = "nobody"}), IsEmpty());
}

TEST_P(JobRecords, FiltersCompareWholeValues) {
  Job a = SomeJob("a");
  a.display_name = "nightly";
  a.labels = {{"team", "vision"}, {"k.x", "1"}};
  Insert(a);
  Job b = SomeJob("b");
  b.display_name = "nightly%";
  b.labels = {{"team", "vision\" or 1=1 --"}};
  b.state = JobState::kSucceeded;
  Insert(b);
  EXPECT_THAT(List({.tenant = "t", .display_name = "nightly"}), ElementsAre("a"));
  EXPECT_THAT(List({.tenant = "t", .display_name = "nightly%"}), ElementsAre("b"));
  EXPECT_THAT(List({.tenant = "t", .state = JobState::kSucceeded}), ElementsAre("b"));
  EXPECT_THAT(List({.tenant = "t", .labels = {{"team", "vision"}}}), ElementsAre("a"));
  EXPECT_THAT(List({.tenant = "t", .labels = {{"team", "vision"}, {"k.x", "1"}}}),
              ElementsAre("a"));
  EXPECT_THAT(List({.tenant = "t", .labels = {{"team", "vision"}, {"k.x", "2"}}}), IsEmpty());
  EXPECT_THAT(List({.tenant = "t", .labels = {{"team", "vision\" or 1=1 --"}}}), ElementsAre("b"));
  EXPECT_THAT(List({.tenant = "t", .labels = {{"k", "1"}}}), IsEmpty());
}

TEST_P(JobRecords, LabelsMayHoldAnyText) {
  const std::vector<std::string> values = {
      "", "'", "\"", "a\\b", "x.y[0]", "\u00fc\U0001f600", "1", "true", "null", "a"};
  for (size_t i = 0; i < values.size(); ++i) {
    Job job = SomeJob(absl::StrCat("job-", i));
    job.labels = {{"value", values[i]}, {"k.\"" + values[i], "key"}};
    Insert(job);
  }
  for (size_t i = 0; i < values.size(); ++i) {
    SCOPED_TRACE(absl::CHexEscape(values[i]));
    const std::string id = absl::StrCat("job-", i);
    EXPECT_THAT(List({.tenant = "t", .labels = {{"value", values[i]}}}), ElementsAre(id));
    EXPECT_THAT(List({.tenant = "t", .labels = {{"k.\"" + values[i], "key"}}}), ElementsAre(id));
  }
}

TEST_P(JobRecords, CountsByStateAndTheFirstQueued) {
  const auto count = [&] { return Read([](Transaction& t) { return t.jobs().Count(); }).value(); };
  EXPECT_EQ(count().oldest_queued, std::nullopt);
  for (int i = 1; i <= 3; ++i) {
    Job job = SomeJob(std::to_string(i));
    job.create_time = At(i);
    if (i == 1) job.state = JobState::kRunning;
    Insert(job);
  }
  EXPECT_EQ(count().jobs[JobState::kQueued], 2);
  EXPECT_EQ(count().jobs[JobState::kRunning], 1);
  EXPECT_EQ(count().oldest_queued, At(2));
}

}  // namespace
}  // namespace quantd::testing
