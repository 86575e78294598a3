// The figures as Prometheus reads them: over a socket, from a real server.
#include "server/http/metrics.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/http/metrics_server.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using testing::HasReason;
using testing::StatusIs;

// What the server answers to `GET path`, headers included.
std::string HttpGet(int port, const std::string& path) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_GE(fd, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  const std::string request =
      absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(::send(fd, request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
  std::string answer;
  char buffer[4096];
  for (ssize_t got = 0; (got = ::recv(fd, buffer, sizeof(buffer), 0)) > 0;) {
    answer.append(buffer, static_cast<size_t>(got));
  }
  ::close(fd);
  return answer;
}

class MetricsTest : public ::testing::Test {
 protected:
  // Starts the server at the first call. Series, as exposed, and their values.
  std::map<std::string, double> Scrape() {
    if (server_ == nullptr) {
      auto started = MetricsServer::Start("127.0.0.1:0", metrics_);
      EXPECT_OK(started);
      server_ = *std::move(started);
    }
    last_ = HttpGet(server_->port(), "/metrics");
    EXPECT_THAT(last_, ::testing::StartsWith("HTTP/1.1 200"));
    std::map<std::string, double> series;
    for (const absl::string_view line : absl::StrSplit(last_, '\n')) {
      const size_t space = line.rfind(' ');
      double value = 0;
      if (line.substr(0, 7) != "quantd_" || space == absl::string_view::npos) continue;
      EXPECT_TRUE(absl::SimpleAtod(line.substr(space + 1), &value)) << line;
      series[std::string(line.substr(0, space))] = value;
    }
    return series;
  }

  testing::FakeClock clock_;
  Metrics metrics_;
  std::string last_;  // The answer to the last scrape.

 private:
  std::unique_ptr<MetricsServer> server_;
};

TEST_F(MetricsTest, CallsAreCountedByMethodAndCode) {
  metrics_.CountCall("JobService/CreateJob", "OK", absl::Milliseconds(3));
  metrics_.CountCall("JobService/CreateJob", "OK", absl::Milliseconds(30));
  metrics_.CountCall("JobService/CreateJob", "INVALID_ARGUMENT", absl::ZeroDuration());
  metrics_.CountCall("JobService/GetJob", "NOT_FOUND", absl::ZeroDuration());
  auto series = Scrape();
  EXPECT_EQ(series["quantd_rpc_total{code=\"OK\",method=\"JobService/CreateJob\"}"], 2);
  EXPECT_EQ(series["quantd_rpc_total{code=\"INVALID_ARGUMENT\",method=\"JobService/CreateJob\"}"],
            1);
  EXPECT_EQ(series["quantd_rpc_total{code=\"NOT_FOUND\",method=\"JobService/GetJob\"}"], 1);
}

TEST_F(MetricsTest, DurationsFallIntoCumulativeBucketsOfSeconds) {
  // 2 ms, 30 ms, 100 s: up to 0.0025 one, up to 0.05 two, up to 60 two, in all three.
  metrics_.CountCall("M", "OK", absl::Milliseconds(2));
  metrics_.CountCall("M", "OK", absl::Milliseconds(30));
  metrics_.CountCall("M", "OK", absl::Seconds(100));
  auto series = Scrape();
  const auto bucket = [&](const std::string& le) {
    const std::string name =
        absl::StrCat("quantd_rpc_duration_seconds_bucket{method=\"M\",le=\"", le, "\"}");
    EXPECT_TRUE(series.contains(name)) << name;
    return series[name];
  };
  EXPECT_EQ(bucket("0.001"), 0);
  EXPECT_EQ(bucket("0.0025"), 1);
  EXPECT_EQ(bucket("0.025"), 1);
  EXPECT_EQ(bucket("0.05"), 2);
  EXPECT_EQ(bucket("60"), 2);
  EXPECT_EQ(bucket("+Inf"), 3);
  EXPECT_EQ(series["quantd_rpc_duration_seconds_count{method=\"M\"}"], 3);
  EXPECT_NEAR(series["quantd_rpc_duration_seconds_sum{method=\"M\"}"], 100.032, 1e-9);
}

TEST_F(MetricsTest, BytesAttemptsLeasesAndCachedJobsAreCounted) {
  metrics_.CountBlobBytes(Metrics::Direction::kIn, 1000);
  metrics_.CountBlobBytes(Metrics::Direction::kIn, 24);
  metrics_.CountBlobBytes(Metrics::Direction::kOut, 7);
  metrics_.CountAttempt("SUCCEEDED");
  metrics_.CountAttempt("FAILED");
  metrics_.CountAttempt("FAILED");
  for (int i = 0; i < 4; ++i) metrics_.CountLease();
  metrics_.CountCachedJob();
  auto series = Scrape();
  EXPECT_EQ(series["quantd_blob_bytes_total{direction=\"in\"}"], 1024);
  EXPECT_EQ(series["quantd_blob_bytes_total{direction=\"out\"}"], 7);
  EXPECT_EQ(series["quantd_attempts_total{outcome=\"SUCCEEDED\"}"], 1);
  EXPECT_EQ(series["quantd_attempts_total{outcome=\"FAILED\"}"], 2);
  EXPECT_EQ(series["quantd_leases_total"], 4);
  EXPECT_EQ(series["quantd_cached_jobs_total"], 1);
}

TEST_F(MetricsTest, CountersThatHaveNotMovedAreThereAtZero) {
  const auto series = Scrape();
  EXPECT_EQ(series.at("quantd_leases_total"), 0);
  EXPECT_EQ(series.at("quantd_cached_jobs_total"), 0);
}

TEST_F(MetricsTest, StagesAreTimedByName) {
  metrics_.ObserveStage("calibrate", 20);
  metrics_.ObserveStage("calibrate", 2);
  metrics_.ObserveStage("export", 0.02);
  auto series = Scrape();
  EXPECT_EQ(series["quantd_stage_duration_seconds_bucket{stage=\"calibrate\",le=\"5\"}"], 1);
  EXPECT_EQ(series["quantd_stage_duration_seconds_bucket{stage=\"calibrate\",le=\"30\"}"], 2);
  EXPECT_EQ(series["quantd_stage_duration_seconds_sum{stage=\"calibrate\"}"], 22);
  EXPECT_EQ(series["quantd_stage_duration_seconds_count{stage=\"export\"}"], 1);
}

TEST_F(MetricsTest, NamesThatAreNoStagesMakeNoSeriesOfTheirOwn) {
  for (const char* stage : {"import_", "", "a", "b\"}\n"}) metrics_.ObserveStage(stage, 1);
  auto series = Scrape();
  EXPECT_EQ(series["quantd_stage_duration_seconds_count{stage=\"other\"}"], 4);
  EXPECT_EQ(std::count_if(series.begin(), series.end(),
                          [](const auto& one) {
                            return one.first.starts_with("quantd_stage_duration_seconds_count");
                          }),
            1);
}

TEST_F(MetricsTest, TheQueueIsAskedAtEveryScrape) {
  QueueCounts counts;
  counts.jobs[JobState::kQueued] = 3;
  counts.jobs[JobState::kSucceeded] = 40;
  counts.oldest_queued = clock_.Now();
  metrics_.WatchQueue([&]() -> absl::StatusOr<QueueCounts> { return counts; },
                      [&] { return clock_.Now(); });
  clock_.Advance(absl::Milliseconds(12'500));
  auto series = Scrape();
  EXPECT_EQ(series["quantd_jobs{state=\"QUEUED\"}"], 3);
  EXPECT_EQ(series["quantd_jobs{state=\"SUCCEEDED\"}"], 40);
  // States without a job are told too, so that an alert on one has a series.
  for (const std::string state : {"RUNNING", "FAILED", "CANCELLED", "DEAD_LETTERED"}) {
    ASSERT_TRUE(series.contains("quantd_jobs{state=\"" + state + "\"}"));
    EXPECT_EQ(series["quantd_jobs{state=\"" + state + "\"}"], 0);
  }
  EXPECT_EQ(series["quantd_queue_oldest_age_seconds"], 12.5);
  counts = QueueCounts();
  series = Scrape();
  EXPECT_EQ(series["quantd_jobs{state=\"QUEUED\"}"], 0);
  EXPECT_EQ(series["quantd_queue_oldest_age_seconds"], 0);
}

TEST_F(MetricsTest, AQueueThatCannotBeCountedHidesNothingElse) {
  metrics_.CountLease();
  metrics_.WatchQueue(
      []() -> absl::StatusOr<QueueCounts> { return absl::InternalError("the disk is gone"); },
      [&] { return clock_.Now(); });
  const auto series = Scrape();
  EXPECT_EQ(series.at("quantd_leases_total"), 1);
  EXPECT_FALSE(series.contains("quantd_jobs{state=\"QUEUED\"}"));
}

TEST_F(MetricsTest, EveryFamilyIsExplained) {
  metrics_.CountCall("M", "OK", absl::ZeroDuration());
  metrics_.CountBlobBytes(Metrics::Direction::kIn, 1);
  metrics_.CountAttempt("FAILED");
  metrics_.ObserveStage("export", 1);
  metrics_.WatchQueue([]() -> absl::StatusOr<QueueCounts> { return QueueCounts(); },
                      [&] { return clock_.Now(); });
  metrics_.CountGarbage({.removed_blobs = 1});
  metrics_.WatchStorage([] { return int64_t{5}; });
  Scrape();
  for (const std::string name :
       {"quantd_garbage_total", "quantd_garbage_bytes_total", "quantd_stored_bytes",
        "quantd_rpc_total", "quantd_rpc_duration_seconds", "quantd_blob_bytes_total",
        "quantd_attempts_total", "quantd_leases_total", "quantd_cached_jobs_total",
        "quantd_stage_duration_seconds", "quantd_jobs", "quantd_queue_oldest_age_seconds"}) {
    EXPECT_THAT(last_, ::testing::HasSubstr(absl::StrCat("# HELP ", name, " ")));
    EXPECT_THAT(last_, ::testing::HasSubstr(absl::StrCat("# TYPE ", name, " ")));
  }
}

TEST_F(MetricsTest, AnotherPathIsNotFound) {
  auto started = MetricsServer::Start("127.0.0.1:0", metrics_);
  ASSERT_OK(started);
  EXPECT_THAT(HttpGet((*started)->port(), "/etc/passwd"), ::testing::StartsWith("HTTP/1.1 404"));
}

TEST_F(MetricsTest, AnAddressWhereItCannotListenIsReported) {
  auto first = MetricsServer::Start("127.0.0.1:0", metrics_);
  ASSERT_OK(first);
  const std::string taken = absl::StrCat("127.0.0.1:", (*first)->port());
  for (const std::string& address : {taken, std::string("nonsense")}) {
    const auto refused = MetricsServer::Start(address, metrics_);
    EXPECT_THAT(refused, StatusIs(absl::StatusCode::kUnavailable, ::testing::HasSubstr(address)));
    EXPECT_THAT(refused, HasReason("CANNOT_LISTEN"));
  }
}

}  // namespace
}  // namespace quantd
