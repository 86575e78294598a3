#include "tests/bench/speed/profile.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/status_macros.h"
#include "tests/bench/speed/feeds.h"
#include "tests/bench/speed/prepared_model.h"
#include "tests/bench/speed/timing_backend.h"

namespace quantd::bench {
namespace {

constexpr size_t kSlowestNodes = 25;

struct Total {
  double seconds = 0;
  int nodes = 0;
};

// `outside_seconds`: of a run, beside its kernels.
void Print(std::vector<KernelTime> times, double outside_seconds) {
  std::map<std::string, Total> by_type;
  double all = outside_seconds;
  for (const KernelTime& time : times) {
    Total& total = by_type[time.op_type];
    total.seconds += time.seconds;
    ++total.nodes;
    all += time.seconds;
  }
  by_type["(executor)"] = {.seconds = outside_seconds, .nodes = 1};
  std::vector<std::pair<std::string, Total>> types(by_type.begin(), by_type.end());
  std::sort(types.begin(), types.end(),
            [](const auto& a, const auto& b) { return a.second.seconds > b.second.seconds; });
  std::printf("total %.3f ms\n", all * 1e3);
  for (const auto& [type, total] : types) {
    std::printf("%10.3f ms %5.1f %% %5d x %s\n", total.seconds * 1e3, 100 * total.seconds / all,
                total.nodes, type.c_str());
  }
  std::sort(times.begin(), times.end(),
            [](const KernelTime& a, const KernelTime& b) { return a.seconds > b.seconds; });
  std::puts("slowest nodes");
  for (size_t i = 0; i < std::min(kSlowestNodes, times.size()); ++i) {
    std::printf("%10.3f ms %s %s %s\n", times[i].seconds * 1e3, times[i].op_type.c_str(),
                times[i].node.c_str(), ShapeString(times[i].shape).c_str());
  }
}

}  // namespace

absl::Status PrintProfile(const ServeOptions& options, int rounds) {
  ASSIGN_OR_RETURN(const TensorMap feeds, ReadTensors(options.feeds, kInputIndex));
  ASSIGN_OR_RETURN(const PreparedModel prepared, PrepareModel(options.model));
  TimingBackend backend(&CpuBackend());
  ASSIGN_OR_RETURN(const std::unique_ptr<Executor> executor,
                   CompileGraph(prepared.model.graph, prepared.model.opset(), backend));
  backend.Restart();
  double outside_seconds = std::numeric_limits<double>::infinity();
  for (int round = 0; round < rounds; ++round) {
    const double before = backend.total_seconds();
    const auto start = std::chrono::steady_clock::now();
    RETURN_IF_ERROR(executor->Run(feeds).status());
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    outside_seconds =
        std::min(outside_seconds, elapsed.count() - (backend.total_seconds() - before));
  }
  std::vector<KernelTime> ran;
  for (const KernelTime& time : backend.times()) {
    if (std::isfinite(time.seconds)) ran.push_back(time);
  }
  Print(std::move(ran), outside_seconds);
  return absl::OkStatus();
}

}  // namespace quantd::bench
