// All or nothing, and consistent to every reader.
#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/conformance/job_store/store_fixture.h"

namespace quantd::testing {
namespace {

class Transactions : public JobStoreConformance {};
INSTANTIATE_TEST_SUITE_P(AllStores, Transactions, ::testing::ValuesIn(JobStores()), StoreName);

TEST_P(Transactions, ABodyThatFailsChangesNothingInAnyTable) {
  const Job kept = Insert(SomeJob("kept"));
  const absl::Status status = store_->Write([&](Transaction& t) -> absl::Status {
    Job changed = kept;
    changed.state = JobState::kRunning;
    EXPECT_OK(t.jobs().Update(changed));
    EXPECT_OK(t.jobs().WriteReport(kept.key, "report"));
    EXPECT_OK(t.jobs().Insert(SomeJob("new"), "spec").status());
    EXPECT_OK(t.events().Append(kept.key, {{1, At(0), JobState::kRunning}}));
    EXPECT_OK(t.artifacts().Insert({.name = {"t", "a"}, .create_time = At(0)}));
    EXPECT_OK(t.catalogues().Put({.digest = "d", .last_seen = At(0)}));
    EXPECT_OK(t.jobs().NextToken().status());
    // Inside, everything is visible.
    EXPECT_EQ(t.jobs().Get(kept.name)->state, JobState::kRunning);
    return absl::AbortedError("no");
  });
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(Get("kept"), IsOkAndHolds(kept));
  EXPECT_THAT(Get("new"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_OK(store_->Read([&](Transaction& t) {
    EXPECT_EQ(t.jobs().ReadPayload(kept.key, JobPayload::kReport).value(), "");
    EXPECT_TRUE(t.events().Read(kept.key, 0, 9)->empty());
    EXPECT_TRUE(t.artifacts().List("t", std::nullopt, 9)->empty());
    EXPECT_TRUE(t.catalogues().All()->empty());
    return absl::OkStatus();
  }));
}

TEST_P(Transactions, ADeletionThatIsTakenBackLeavesTheWholeJob) {
  const Job job = Insert(SomeJob("a"), "its spec");
  EXPECT_FALSE(store_
                   ->Write([&](Transaction& t) -> absl::Status {
                     EXPECT_OK(t.events().Append(job.key, {{1, At(0), JobState::kQueued}}));
                     EXPECT_OK(t.jobs().Delete(job.key));
                     return absl::AbortedError("no");
                   })
                   .ok());
  EXPECT_THAT(Get("a"), IsOkAndHolds(job));
  EXPECT_THAT(
      Read([&](Transaction& t) { return t.jobs().ReadPayload(job.key, JobPayload::kSpec); }),
      IsOkAndHolds(std::string("its spec")));
}

// Two jobs always change together; no reader may see one without the other.
TEST_P(Transactions, ReadersSeeConsistentStatesWhileAWriterWorks) {
  const Job a = Insert(SomeJob("a")), b = Insert(SomeJob("b"));
  constexpr int kRounds = 200;
  std::atomic<bool> done = false;
  std::atomic<int> torn = 0, reads = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!done || reads < 10) {
        EXPECT_OK(store_->Read([&](Transaction& t) {
          if (t.jobs().Get(a.name)->version != t.jobs().Get(b.name)->version) ++torn;
          ++reads;
          return absl::OkStatus();
        }));
      }
    });
  }
  for (int round = 2; round < kRounds; ++round) {
    EXPECT_OK(store_->Write([&](Transaction& t) -> absl::Status {
      for (Job job : {a, b}) {
        job.version = round;
        EXPECT_OK(t.jobs().Update(job));
      }
      return absl::OkStatus();
    }));
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(torn, 0);
}

TEST_P(Transactions, WritersTakeTurns) {
  constexpr int kThreads = 4, kEach = 25;
  const Job job = Insert(SomeJob("a"));
  std::vector<std::thread> writers;
  for (int i = 0; i < kThreads; ++i) {
    writers.emplace_back([&] {
      for (int k = 0; k < kEach; ++k) {
        EXPECT_OK(store_->Write([&](Transaction& t) -> absl::Status {
          Job read = t.jobs().Get(job.name).value();
          ++read.version;
          return t.jobs().Update(read);
        }));
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(Get("a")->version, 1 + kThreads * kEach);
}

}  // namespace
}  // namespace quantd::testing
