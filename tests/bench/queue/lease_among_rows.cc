// Whether many rows slow down the search for the next job.
#include <algorithm>
#include <cstdio>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/bench/queue/queue_bench.h"
#include "tests/bench/queue/queue_on_sqlite.h"

namespace quantd::bench {
namespace {

constexpr int kFewRows = 1'000;
constexpr int kManyRows = 100'000;
constexpr int kRounds = 9;
constexpr int kLeasesPerRound = 40;

double MedianMicroseconds(QueueOnSqlite& queue) {
  std::vector<double> microseconds;
  for (int i = 0; i < kLeasesPerRound; ++i) {
    const absl::Time start = absl::Now();
    queue.Lease();
    microseconds.push_back(absl::ToDoubleMicroseconds(absl::Now() - start));
  }
  std::sort(microseconds.begin(), microseconds.end());
  return microseconds[microseconds.size() / 2];
}

}  // namespace

void MeasureLease(const std::string& folder) {
  QueueOnSqlite few(absl::StrCat(folder, "/few.db"), Durability::kProcess);
  QueueOnSqlite many(absl::StrCat(folder, "/many.db"), Durability::kProcess);
  few.AddRows(kFewRows);
  many.AddRows(kManyRows);
  std::vector<double> ratios;
  // Turn by turn, so that a noisy machine disturbs both alike.
  for (int round = 0; round < kRounds; ++round) {
    const double among_few = MedianMicroseconds(few);
    const double among_many = MedianMicroseconds(many);
    ratios.push_back(among_many / among_few);
    std::printf("  round %d: %d rows %6.0f us, %d rows %6.0f us, ratio %.2f\n", round + 1, kFewRows,
                among_few, kManyRows, among_many, ratios.back());
  }
  std::sort(ratios.begin(), ratios.end());
  std::printf("lease_ratio %.2f (median of %d; 1 is wanted)\n", ratios[ratios.size() / 2], kRounds);
}

}  // namespace quantd::bench
