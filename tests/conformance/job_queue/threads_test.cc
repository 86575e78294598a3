// The queue under many threads at once. Runs under the thread sanitizer too.
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "tests/conformance/job_queue/queue_fixture.h"

namespace quantd {
namespace {

using testing::JobQueueConformance;

class JobQueueThreads : public JobQueueConformance {};

TEST_P(JobQueueThreads, EightWorkersLeaseTwoHundredJobsEachExactlyOnce) {
  constexpr int kJobs = 200;
  constexpr int kWorkers = 8;
  for (int i = 0; i < kJobs; ++i) Submit();
  ASSERT_OK(catalogues_.Announce(Catalogue()));
  const AttemptSucceeded success = Success();
  std::mutex mutex;
  std::map<JobName, int> times_leased;
  std::set<uint64_t> tokens;
  std::vector<std::thread> workers;
  for (int w = 0; w < kWorkers; ++w) {
    workers.emplace_back([&, worker = "worker-" + std::to_string(w)] {
      while (true) {
        const auto leased = queue_.Lease(worker, Catalogue(), std::nullopt);
        ASSERT_OK(leased);
        if (!*leased) return;
        const Job& job = (*leased)->job;
        {
          const std::lock_guard lock(mutex);
          ++times_leased[job.name];
          tokens.insert(job.lease.token);
        }
        ASSERT_OK(queue_.Heartbeat(job.name, job.lease.token));
        ASSERT_OK(queue_.Report(job.name, job.lease.token, {{.content = LogText{worker}}}));
        ASSERT_OK(queue_.Complete(job.name, job.lease.token, success));
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(times_leased.size(), static_cast<size_t>(kJobs));
  for (const auto& [name, times] : times_leased) EXPECT_EQ(times, 1) << name.ToString();
  EXPECT_EQ(tokens.size(), static_cast<size_t>(kJobs));
  ASSERT_OK_AND_ASSIGN(QueueCounts counts, queue_.Count());
  EXPECT_EQ(counts.jobs[JobState::kSucceeded], kJobs);
}

TEST_P(JobQueueThreads, OneRequestFromManyThreadsMakesOneJob) {
  Submission submission = SomeWork();
  submission.request_id = "request-1";
  std::mutex mutex;
  std::set<JobName> names;
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      const absl::StatusOr<Job> job = queue_.Submit(submission);
      ASSERT_OK(job);
      const std::lock_guard lock(mutex);
      names.insert(job->name);
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(names.size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(AllStores, JobQueueThreads, ::testing::ValuesIn(testing::JobStores()),
                         [](const auto& store) { return store.param.name; });

}  // namespace
}  // namespace quantd
