// Sustained enqueue, lease and complete, one job after the other.
#include <algorithm>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/digest.h"
#include "tests/bench/queue/bare_sqlite.h"
#include "tests/bench/queue/queue_bench.h"
#include "tests/bench/queue/queue_on_sqlite.h"
#include "tests/bench/queue/same_rows_sqlite.h"

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

double SameRowsRate(SameRowsSqlite& same, int jobs) {
  static int works = 0;
  const std::string spec(kSpecBytes, 's');
  const std::string report(kReportBytes, 'r');
  const absl::Time start = absl::Now();
  for (int i = 0; i < jobs; ++i) {
    same.Enqueue(Sha256Hex(absl::StrCat(++works)), spec);
    same.Complete(same.Lease(), report);
  }
  return jobs / absl::ToDoubleSeconds(absl::Now() - start);
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

void MeasureThroughput(const std::string& folder, int jobs) {
  QueueOnSqlite queue(absl::StrCat(folder, "/queue.db"));
  SameRowsSqlite same(absl::StrCat(folder, "/same.db"));
  BareSqlite bare(absl::StrCat(folder, "/bare.db"));
  std::vector<double> of_same, of_bare;
  // Turn by turn, so that a noisy machine disturbs all alike.
  for (int round = 0; round < kRounds; ++round) {
    const double ours = QueueRate(queue, jobs);
    const double with_same_rows = SameRowsRate(same, jobs);
    const double with_one_row = BareRate(bare, jobs);
    of_same.push_back(ours / with_same_rows);
    of_bare.push_back(ours / with_one_row);
    std::printf(
        "  round %d: JobQueue %6.0f jobs/s, SQLite with the same rows %6.0f, with one row a job "
        "%6.0f\n",
        round + 1, ours, with_same_rows, with_one_row);
  }
  std::printf(
      "throughput ratio to the same rows %.2f (median of %d; at least 0.60 is wanted), to "
      "one row a job %.2f\n",
      Median(of_same), kRounds, Median(of_bare));
}

}  // namespace quantd::bench
