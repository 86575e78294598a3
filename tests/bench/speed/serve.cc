#include "tests/bench/speed/serve.h"

#include <chrono>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <mutex>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
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

struct Elapsed {
  double wall;       // Seconds.
  double processor;  // Seconds, all threads together.
};

std::string ToText(const Elapsed& elapsed) {
  return absl::StrFormat("%.9f %.9f", elapsed.wall, elapsed.processor);
}

// Wall-clock and processor time since its construction.
class Stopwatch {
 public:
  Stopwatch() : wall_(std::chrono::steady_clock::now()), processor_(std::clock()) {}

  Elapsed Read() const {
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - wall_;
    const std::clock_t processor = std::clock() - processor_;
    return {.wall = wall.count(), .processor = static_cast<double>(processor) / CLOCKS_PER_SEC};
  }

 private:
  std::chrono::steady_clock::time_point wall_;
  std::clock_t processor_;
};

// The one batch of feeds, any number of times. The first one to be loaded starts the stopwatch:
// compiling comes before it, and is done once a job.
class RepeatedBatch {
 public:
  RepeatedBatch(const TensorMap& feeds, int64_t batches)
      : source_{.batches = batches,
                .batch_rows = feeds.empty() ? 1 : feeds.begin()->second.dim(0),
                .load = [this, &feeds](int64_t) {
                  std::call_once(started_, [this] { stopwatch_ = Stopwatch(); });
                  return feeds;
                }} {}

  const BatchSource& source() const { return source_; }
  Elapsed Read() const { return stopwatch_.Read(); }

 private:
  std::once_flag started_;
  Stopwatch stopwatch_;
  BatchSource source_;
};

// What CalibrateTensors does, without observers.
absl::StatusOr<Elapsed> TimePlain(const Executor& executor, const TensorMap& feeds, int64_t count,
                                  int threads) {
  const RepeatedBatch batch(feeds, count);
  RETURN_IF_ERROR(MapInOrder<TensorMap>(
      count, threads,
      [&](int64_t index) -> absl::StatusOr<TensorMap> {
        ASSIGN_OR_RETURN(const TensorMap loaded, batch.source().load(index));
        return executor.Run(loaded);
      },
      [](int64_t, const TensorMap&) { return absl::OkStatus(); }));
  return batch.Read();
}

absl::StatusOr<Elapsed> TimeObserved(const PreparedModel& prepared, const TensorMap& feeds,
                                     int64_t count, int threads) {
  const RepeatedBatch batch(feeds, count);
  RETURN_IF_ERROR(CalibrateTensors(prepared.model.graph, prepared.model.opset(), prepared.observed,
                                   batch.source(), threads)
                      .status());
  return batch.Read();
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
  if (words[0] == "run") {
    ASSIGN_OR_RETURN(const Elapsed plain,
                     TimePlain(*prepared.executor, feeds, count, options.threads));
    return ToText(plain);
  }
  if (words[0] == "calibrate") {
    ASSIGN_OR_RETURN(const Elapsed plain,
                     TimePlain(*prepared.executor, feeds, count, options.threads));
    ASSIGN_OR_RETURN(const Elapsed observed, TimeObserved(prepared, feeds, count, options.threads));
    return absl::StrCat(ToText(plain), " ", ToText(observed));
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
      TimePlain(*prepared.executor, feeds, kMemoryRuns * options.threads, options.threads)
          .status());
  ASSIGN_OR_RETURN(const int64_t after, PeakMemoryBytes());
  std::printf("%lld %lld\n", static_cast<long long>(before), static_cast<long long>(after));
  return absl::OkStatus();
}

}  // namespace quantd::bench
