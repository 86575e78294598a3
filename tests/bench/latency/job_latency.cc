// How long a job waits for an idle worker, and what idle watchers and idle workers cost.
//
//   job_latency FOLDER [JOBS_PER_ROUND] [ROUNDS]
//
// A quantd process of this build runs with its defaults on a new folder within FOLDER, which is to
// be on the kind of disk that a server has. A client submits one job after the other while a worker
// waits; what is timed is from the start of CreateJob to the return of LeaseJob. Each round does
// that alone, with 200 watchers, and with 200 waiting workers, in an order that changes, so that
// the machine's moods meet all three.
//
// A job is acknowledged when it is on the disk, and leased when that is: no server can be faster
// than two synchronizations, which are timed beside it.
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/check.h"
#include "common/random.h"
#include "tests/bench/latency/load.h"
#include "tests/bench/latency/samples.h"
#include "tests/bench/latency/server_process.h"

namespace quantd::bench {
namespace {

constexpr int kIdle = 200;  // Watchers, or workers.
constexpr int kWarmUpJobs = 50;
constexpr double kP50MillisecondsMax = 5;
constexpr double kP99MillisecondsMax = 50;
constexpr double kWatcherBytesMax = 100e6;
// The preset of the jobs that run, and of those that only are watched: no worker here has it.
constexpr char kPreset[] = "w8a8-mse";
constexpr char kWatchedPreset[] = "w8a8-minmax";

enum Company { kNobody, kWatchers, kWorkers };
constexpr std::array<const char*, 3> kCompanyTexts = {"one waiting worker", "and 200 watchers",
                                                      "and 199 waiting workers"};

double Milliseconds(SteadyTime from, SteadyTime to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

// A server, its client and jobs that nobody runs.
struct Stage {
  ServerProcess server;
  Client client{server.port()};
  std::vector<std::string> watched;
  Random random{1};

  explicit Stage(const std::string& folder) : server(QUANTD_BIN_DIR "/quantd", folder) {
    for (int i = 0; i < kIdle; ++i) watched.push_back(client.Submit(kWatchedPreset));
    RunJobs(kNobody, kWarmUpJobs, nullptr);
  }

  // Milliseconds from submission to lease of each job. `use` gets what the server takes in a second
  // without jobs: all of its memory, and only that second's processor time.
  std::vector<double> RunJobs(Company company, int jobs, ProcessUse* use) {
    std::unique_ptr<Watchers> watchers;
    if (company == kWatchers) watchers = std::make_unique<Watchers>(server.port(), watched);
    WaitingWorkers workers(server.port(), company == kWorkers ? kIdle : 1, kWatchedPreset);
    std::vector<double> milliseconds;
    for (int i = 0; i < jobs; ++i) {
      // Time for everybody to wait again.
      absl::SleepFor(absl::Milliseconds(4) + absl::Microseconds(random.Next() % 4000));
      const SteadyTime submitted = std::chrono::steady_clock::now();
      client.Submit(kPreset);
      const WaitingWorkers::Arrival arrival = workers.Next();
      milliseconds.push_back(Milliseconds(submitted, arrival.time));
      client.Complete(arrival.lease);
    }
    if (use != nullptr) {
      const absl::Duration before = server.Use().processor;
      absl::SleepFor(absl::Seconds(1));
      *use = server.Use();
      use->processor -= before;
    }
    return milliseconds;
  }
};

// Of writing 16 KiB, as a small transaction does, over what a file has.
std::vector<double> TimeDisk(const std::string& path, int times) {
  constexpr size_t kBytes = 16 << 10;
  constexpr int kPlaces = 64;
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT, 0600);
  QUANTD_CHECK(fd >= 0);
  const std::string bytes(kBytes, 'x');
  const auto write = [&](int place) {
    QUANTD_CHECK(::pwrite(fd, bytes.data(), kBytes, place * kBytes) == ssize_t{kBytes});
  };
  for (int i = 0; i < kPlaces; ++i) write(i);
  QUANTD_CHECK(::fsync(fd) == 0);
  std::vector<double> milliseconds;
  for (int i = 0; i < times; ++i) {
    const SteadyTime start = std::chrono::steady_clock::now();
    write(i % kPlaces);
    QUANTD_CHECK(::fdatasync(fd) == 0);
    milliseconds.push_back(Milliseconds(start, std::chrono::steady_clock::now()));
  }
  ::close(fd);
  return milliseconds;
}

const char* Verdict(bool met) { return met ? "met" : "MISSED"; }

// What the first `company` of a new server adds to it.
void MeasureMemory(const std::string& folder, Company company) {
  Stage stage(folder);
  ProcessUse alone, together;
  stage.RunJobs(kNobody, 1, &alone);
  stage.RunJobs(company, kWarmUpJobs, &together);
  const auto pss = static_cast<double>(together.pss_bytes - alone.pss_bytes);
  const auto rss = static_cast<double>(together.rss_bytes - alone.rss_bytes);
  std::printf(
      "%-24s  PSS %+5.1f MB (RSS %+.1f) to %.1f, %+d threads, processor %.1f %% (%.1f alone)",
      kCompanyTexts[company], pss / 1e6, rss / 1e6, static_cast<double>(together.pss_bytes) / 1e6,
      together.threads - alone.threads, absl::ToDoubleSeconds(together.processor) * 100,
      absl::ToDoubleSeconds(alone.processor) * 100);
  if (company == kWatchers) {
    std::printf("; under 100 MB is wanted: %s", Verdict(pss < kWatcherBytesMax));
  }
  std::printf("\n");
}

struct Series {
  std::vector<double> all;      // Of every round.
  std::vector<double> medians;  // Of each round.

  void Add(const std::vector<double>& round) {
    all.insert(all.end(), round.begin(), round.end());
    medians.push_back(Quantile(round, 0.5));
  }
};

void Print(const std::array<Series, 3>& series, const std::vector<double>& disk) {
  const double p50 = Quantile(series[kNobody].all, 0.5), p99 = Quantile(series[kNobody].all, 0.99);
  std::printf("submit to lease, %zu jobs each\n", series[kNobody].all.size());
  for (size_t company = 0; company < series.size(); ++company) {
    std::printf("%-24s  p50 %6.2f ms, p99 %6.2f ms", kCompanyTexts[company],
                Quantile(series[company].all, 0.5), Quantile(series[company].all, 0.99));
    if (company == kNobody) {
      std::printf("; under 5 and 50 is wanted: %s, %s\n", Verdict(p50 < kP50MillisecondsMax),
                  Verdict(p99 < kP99MillisecondsMax));
      continue;
    }
    const RatioEstimate ratio = RatioOf(series[company].medians, series[kNobody].medians);
    std::printf("; ratio of the rounds' p50 %.2f (%.2f to %.2f)", ratio.mean, ratio.lower,
                ratio.upper);
    if (company == kWatchers) {
      std::printf("; nothing measurable is wanted: %s", Verdict(ratio.lower <= 1));
    }
    std::printf("\n");
  }
  std::printf("%-24s  p50 %6.2f ms, p99 %6.2f ms; a job waits for two of them\n",
              "the disk's own fdatasync", Quantile(disk, 0.5), Quantile(disk, 0.99));
}

void Run(const std::string& folder, int jobs, int rounds) {
  MeasureMemory(folder + "/watchers", kWatchers);
  MeasureMemory(folder + "/workers", kWorkers);
  Stage stage(folder + "/rounds");
  std::array<Series, 3> series;
  std::vector<double> disk;
  for (int round = 0; round < rounds; ++round) {
    for (int i = 0; i < 3; ++i) {
      const auto company = static_cast<Company>((round + i) % 3);
      series[company].Add(stage.RunJobs(company, jobs, nullptr));
    }
    const std::vector<double> times = TimeDisk(folder + "/disk", jobs);
    disk.insert(disk.end(), times.begin(), times.end());
  }
  Print(series, disk);
}

}  // namespace
}  // namespace quantd::bench

int main(int argc, char** argv) {
  int jobs = 60, rounds = 12;
  std::string folder = absl::StrCat(argc > 1 ? argv[1] : ".", "/job_latency_XXXXXX");
  if (argc < 2 || argc > 4 || (argc > 2 && !absl::SimpleAtoi(argv[2], &jobs)) ||
      (argc > 3 && !absl::SimpleAtoi(argv[3], &rounds)) || jobs < 1 || rounds < 2 ||
      ::mkdtemp(folder.data()) == nullptr) {
    std::fprintf(stderr, "usage: job_latency FOLDER [JOBS_PER_ROUND] [ROUNDS, at least 2]\n");
    return 2;
  }
  const absl::Cleanup remove = [&] { std::filesystem::remove_all(folder); };
  quantd::bench::Run(folder, jobs, rounds);
  return 0;
}
