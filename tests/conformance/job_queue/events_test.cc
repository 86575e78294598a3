// A job's events: gapless, resumable, bounded.
#include "tests/conformance/job_queue/queue_fixture.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using testing::JobQueueConformance;

class JobQueueEvents : public JobQueueConformance {};

TEST_P(JobQueueEvents, TellWhatHappenedInOrderWithoutGapsAndWithTheQueuesTime) {
  const Job job = Submit();
  const absl::Time created = clock_.Now();
  clock_.Advance(absl::Seconds(1));
  const LeasedJob leased = Lease();
  clock_.Advance(absl::Seconds(1));
  const JobProgress progress{.stage = "calibrate", .step = 1, .steps = 4, .eta = absl::Seconds(30)};
  // What the worker says of sequence and time is not taken; nor what it says of states.
  ASSERT_OK(queue_.Report(job.name, leased.job.lease.token,
                          {{.sequence = 77, .time = absl::UnixEpoch(), .content = progress},
                           {.content = LogText{"line"}},
                           {.content = JobState::kSucceeded},
                           {.content = WarningText{"few rows"}}}));
  const absl::Time reported = clock_.Now();
  EXPECT_THAT(Events(job.name),
              ElementsAre(JobEvent{1, created, JobState::kQueued},
                          JobEvent{2, created + absl::Seconds(1), JobState::kRunning},
                          JobEvent{3, reported, progress}, JobEvent{4, reported, LogText{"line"}},
                          JobEvent{5, reported, WarningText{"few rows"}}));
  EXPECT_EQ(Get(job.name).event_count, 5);
  EXPECT_EQ(Get(job.name).state, JobState::kRunning);
}

TEST_P(JobQueueEvents, ASandboxIsAnEventAndStaysWithTheAttempt) {
  const Job job = Submit();
  const SandboxRecord sandbox{{"no_network", "seccomp"}, {"landlock: the kernel has none"}};
  const LeasedJob first = Lease();
  EXPECT_EQ(Get(job.name).attempts[0].sandbox, std::nullopt);
  ASSERT_OK(queue_.Report(job.name, first.job.lease.token, {{.content = sandbox}}));
  EXPECT_EQ(Get(job.name).attempts[0].sandbox, sandbox);
  EXPECT_EQ(std::get<SandboxRecord>(Events(job.name).back().content), sandbox);
  ASSERT_OK(Complete(first, AttemptHandedBack{}));
  Lease();
  EXPECT_EQ(Get(job.name).attempts[0].sandbox, sandbox);
  EXPECT_EQ(Get(job.name).attempts[1].sandbox, std::nullopt);
}

TEST_P(JobQueueEvents, AreReadOnFromAnySequenceInPagesOfAnySize) {
  const Job job = Submit();
  const LeasedJob leased = Lease();
  for (int i = 0; i < 10; ++i) {
    ASSERT_OK(
        queue_.Report(job.name, leased.job.lease.token, {{.content = LogText{std::to_string(i)}}}));
  }
  const std::vector<JobEvent> all = Events(job.name);
  ASSERT_EQ(all.size(), 12u);
  for (int limit = 1; limit <= 13; ++limit) {
    std::vector<JobEvent> read;
    while (true) {
      const int64_t after = read.empty() ? 0 : read.back().sequence;
      ASSERT_OK_AND_ASSIGN(const auto page, queue_.Events(job.name, after, limit));
      ASSERT_LE(page.size(), static_cast<size_t>(limit));
      if (page.empty()) break;
      read.insert(read.end(), page.begin(), page.end());
    }
    EXPECT_EQ(read, all);
  }
}

TEST_P(JobQueueEvents, EndBehindTheLastOne) {
  const Job job = Submit();
  ASSERT_OK_AND_ASSIGN(const auto none, queue_.Events(job.name, 1, 10));
  EXPECT_TRUE(none.empty());
  ASSERT_OK_AND_ASSIGN(const auto beyond, queue_.Events(job.name, 1000, 10));
  EXPECT_TRUE(beyond.empty());
}

TEST_P(JobQueueEvents, OfTwoJobsDoNotMix) {
  const Job one = Submit();
  const Job other = Submit();
  const LeasedJob leased = Lease();
  ASSERT_EQ(leased.job.name, one.name);
  ASSERT_OK(queue_.Report(one.name, leased.job.lease.token, {{.content = LogText{"mine"}}}));
  EXPECT_EQ(Events(one.name).size(), 3u);
  EXPECT_EQ(Events(other.name).size(), 1u);
}

TEST_P(JobQueueEvents, ARetryIsExplained) {
  const Job job = Submit();
  ASSERT_OK(Complete(Lease(), Failure(absl::StatusCode::kInternal, "the child died")));
  const std::vector<JobEvent> events = Events(job.name);
  ASSERT_EQ(events.size(), 4u);
  const auto* warning = std::get_if<WarningText>(&events[2].content);
  ASSERT_NE(warning, nullptr);
  EXPECT_THAT(warning->text, ::testing::HasSubstr("attempt 1 failed: the child died"));
  EXPECT_EQ(std::get<JobState>(events[3].content), JobState::kQueued);
}

TEST_P(JobQueueEvents, AreBoundedWithAWarningButStatesAreAlwaysTold) {
  const Job job = Submit();
  const LeasedJob leased = Lease();
  const uint64_t token = leased.job.lease.token;
  const std::vector<JobEvent> many(1000, JobEvent{.content = LogText{"x"}});
  for (int64_t sent = 0; sent < JobQueue::kEventsMax; sent += 1000) {
    ASSERT_OK(queue_.Report(job.name, token, many));
  }
  // 2 states and 99,998 lines, then the warning; the rest is dropped.
  EXPECT_EQ(Get(job.name).event_count, JobQueue::kEventsMax + 1);
  const JobProgress progress{.stage = "export", .fraction = 0.9};
  ASSERT_OK(queue_.Report(job.name, token, {{.content = progress}, {.content = LogText{"y"}}}));
  EXPECT_EQ(Get(job.name).event_count, JobQueue::kEventsMax + 1);
  EXPECT_EQ(Get(job.name).progress, progress);
  ASSERT_OK(Complete(leased, Success()));
  ASSERT_OK_AND_ASSIGN(const auto tail, queue_.Events(job.name, JobQueue::kEventsMax - 1, 10));
  ASSERT_EQ(tail.size(), 3u);
  EXPECT_TRUE(std::holds_alternative<LogText>(tail[0].content));
  ASSERT_TRUE(std::holds_alternative<WarningText>(tail[1].content));
  EXPECT_THAT(std::get<WarningText>(tail[1].content).text, ::testing::HasSubstr("100000"));
  EXPECT_EQ(std::get<JobState>(tail[2].content), JobState::kSucceeded);
  EXPECT_EQ(tail[2].sequence, JobQueue::kEventsMax + 2);
}

TEST_P(JobQueueEvents, LongTextsAreCutInAJobThatToldMuch) {
  const Job job = Submit();
  const LeasedJob leased = Lease();
  const std::string text(64 << 10, 'x');
  const std::vector<JobEvent> long_ones = {{.content = LogText{text}},
                                           {.content = WarningText{text}}};
  ASSERT_OK(queue_.Report(job.name, leased.job.lease.token, long_ones));
  EXPECT_EQ(std::get<LogText>(Events(job.name)[2].content).text, text);
  const std::vector<JobEvent> many(JobQueue::kLongEventsMax, JobEvent{.content = LogText{"x"}});
  ASSERT_OK(queue_.Report(job.name, leased.job.lease.token, many));
  ASSERT_OK(queue_.Report(job.name, leased.job.lease.token, long_ones));
  ASSERT_OK_AND_ASSIGN(const auto tail, queue_.Events(job.name, Get(job.name).event_count - 2, 10));
  ASSERT_EQ(tail.size(), 2u);
  const std::string cut = text.substr(0, JobQueue::kLaterTextBytesMax) + "...";
  EXPECT_EQ(std::get<LogText>(tail[0].content).text, cut);
  EXPECT_EQ(std::get<WarningText>(tail[1].content).text, cut);
}

INSTANTIATE_TEST_SUITE_P(AllStores, JobQueueEvents, ::testing::ValuesIn(testing::JobStores()),
                         [](const auto& store) { return store.param.name; });

}  // namespace
}  // namespace quantd
