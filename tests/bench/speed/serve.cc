#include "tests/bench/speed/serve.h"

#include <chrono>
#include <cstdio>
#include <iostream>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/status_macros.h"
#include "tests/bench/speed/feeds.h"
#include "tests/bench/speed/peak_memory.h"
#include "tests/bench/speed/prepared_model.h"
#include "worker/exec/map_in_order.h"
#include "worker/quantize/calibrate.h"

namespace quantd::bench {
namespace {

constexpr int kMemoryRuns = 3;

using SteadyClock = std::chrono::steady_clock;

double SecondsSince(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

// The one batch of feeds, any number of times.
BatchSource Repeat(const TensorMap& feeds, int64_t batches) {
  return {.batches = batches,
          .batch_rows = feeds.empty() ? 1 : feeds.begin()->second.dim(0),
          .load = [&feeds](int64_t) { return feeds; }};
}

// What CalibrateTensors does, without observers.
absl::StatusOr<double> TimePlain(const Executor& executor, const BatchSource& rows, int threads) {
  const auto start = SteadyClock::now();
  RETURN_IF_ERROR(MapInOrder<TensorMap>(
      rows.batches, threads,
      [&](int64_t batch) -> absl::StatusOr<TensorMap> {
        ASSIGN_OR_RETURN(const TensorMap feeds, rows.load(batch));
        return executor.Run(feeds);
      },
      [](int64_t, const TensorMap&) { return absl::OkStatus(); }));
  return SecondsSince(start);
}

absl::StatusOr<double> TimeObserved(const PreparedModel& prepared, const BatchSource& rows,
                                    int threads) {
  const auto start = SteadyClock::now();
  RETURN_IF_ERROR(
      CalibrateTensors(*prepared.executor, prepared.observed, rows, threads).status());
  return SecondsSince(start);
}

absl::StatusOr<std::string> Answer(const std::string& line, const PreparedModel& prepared,
                                   const TensorMap& feeds, const ServeOptions& options) {
  if (line == "outputs") {
    ASSIGN_OR_RETURN(const TensorMap outputs, prepared.executor->Run(feeds));
    RETURN_IF_ERROR(WriteTensors(outputs, options.feeds, kOutputIndex));
    return "ok";
  }
  const std::vector<std::string> words = absl::StrSplit(line, ' ');
  int64_t count = 0;
  if (words.size() != 2 || !absl::SimpleAtoi(words[1], &count) || count < 1) {
    return absl::InvalidArgumentError(absl::StrCat("command '", line, "'"));
  }
  const BatchSource rows = Repeat(feeds, count);
  if (words[0] == "run") {
    ASSIGN_OR_RETURN(const double plain, TimePlain(*prepared.executor, rows, options.threads));
    return absl::StrCat(plain);
  }
  if (words[0] == "calibrate") {
    ASSIGN_OR_RETURN(const double plain, TimePlain(*prepared.executor, rows, options.threads));
    ASSIGN_OR_RETURN(const double observed, TimeObserved(prepared, rows, options.threads));
    return absl::StrCat(plain, " ", observed);
  }
  return absl::InvalidArgumentError(absl::StrCat("command '", line, "'"));
}

}  // namespace

absl::Status Serve(const ServeOptions& options) {
  ASSIGN_OR_RETURN(const TensorMap feeds, ReadTensors(options.feeds, kInputIndex));
  ASSIGN_OR_RETURN(const PreparedModel prepared, PrepareModel(options.model));
  std::puts("ready");
  std::fflush(stdout);
  std::string line;
  while (std::getline(std::cin, line)) {
    ASSIGN_OR_RETURN(const std::string answer, Answer(line, prepared, feeds, options));
    std::puts(answer.c_str());
    std::fflush(stdout);
  }
  return absl::OkStatus();
}

absl::Status MeasureMemory(const ServeOptions& options) {
  ASSIGN_OR_RETURN(const TensorMap feeds, ReadTensors(options.feeds, kInputIndex));
  ASSIGN_OR_RETURN(const int64_t before, PeakMemoryBytes());
  ASSIGN_OR_RETURN(const PreparedModel prepared, PrepareModel(options.model));
  RETURN_IF_ERROR(
      TimePlain(*prepared.executor, Repeat(feeds, kMemoryRuns * options.threads), options.threads)
          .status());
  ASSIGN_OR_RETURN(const int64_t after, PeakMemoryBytes());
  std::printf("%lld %lld\n", static_cast<long long>(before), static_cast<long long>(after));
  return absl::OkStatus();
}

}  // namespace quantd::bench
