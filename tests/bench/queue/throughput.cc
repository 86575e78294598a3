// Sustained enqueue, lease and complete, one job after the other.
#include <algorithm>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/digest.h"
#include "tests/bench/queue/bare_sqlite.h"
#include "tests/bench/queue/queue_bench.h"
#include "tests/bench/queue/queue_on_sqlite.h"

namespace quantd::bench {
namespace {

constexpr int kRounds = 9;
constexpr size_t kSpecBytes = 1 << 10;
constexpr size_t kReportBytes = 4 << 10;

// Jobs a second of one round.
double QueueRate(QueueOnSqlite& queue, int jobs) {
  const std::string report(kReportBytes, 'r');
  const absl::Time start = absl::Now();
  for (int i = 0; i < jobs; ++i) {
    queue.Submit("team", std::string(kSpecBytes, 's'));
    queue.Complete(queue.Lease(), report);
  }
  return jobs / absl::ToDoubleSeconds(absl::Now() - start);
}

double BareRate(BareSqlite& bare, int jobs) {
  const std::string spec(kSpecBytes, 's');
  const std::string report(kReportBytes, 'r');
  const absl::Time start = absl::Now();
  for (int i = 0; i < jobs; ++i) {
    const int64_t key = bare.Enqueue(spec);
    bare.Lease(key);
    bare.Complete(key, report);
  }
  return jobs / absl::ToDoubleSeconds(absl::Now() - start);
}

}  // namespace

void MeasureThroughput(const std::string& folder, int jobs) {
  QueueOnSqlite queue(absl::StrCat(folder, "/queue.db"));
  BareSqlite bare(absl::StrCat(folder, "/bare.db"));
  std::vector<double> ratios;
  // Turn by turn, so that a noisy machine disturbs both alike.
  for (int round = 0; round < kRounds; ++round) {
    const double ours = QueueRate(queue, jobs);
    const double theirs = BareRate(bare, jobs);
    ratios.push_back(ours / theirs);
    std::printf("  round %d: JobQueue %7.0f jobs/s, bare SQLite %7.0f jobs/s, ratio %.2f\n",
                round + 1, ours, theirs, ratios.back());
  }
  std::sort(ratios.begin(), ratios.end());
  std::printf("throughput_ratio %.2f (median of %d; at least 0.60 is wanted)\n",
              ratios[ratios.size() / 2], kRounds);
}

}  // namespace quantd::bench
