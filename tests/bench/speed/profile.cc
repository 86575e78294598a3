#include "tests/bench/speed/profile.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/status_macros.h"
#include "tests/bench/speed/feeds.h"
#include "tests/bench/speed/prepared_model.h"

namespace quantd::bench {
namespace {

constexpr size_t kSlowestNodes = 25;

struct NodeTime {
  const Node* node = nullptr;
  Shape shape;  // Of the output.
  double seconds = std::numeric_limits<double>::infinity();
};

struct Total {
  double seconds = 0;
  int nodes = 0;
};

void Print(std::vector<NodeTime> times) {
  std::map<std::string, Total> by_type;
  double all = 0;
  for (const NodeTime& time : times) {
    Total& total = by_type[time.node->op_type];
    total.seconds += time.seconds;
    ++total.nodes;
    all += time.seconds;
  }
  std::vector<std::pair<std::string, Total>> types(by_type.begin(), by_type.end());
  std::sort(types.begin(), types.end(),
            [](const auto& a, const auto& b) { return a.second.seconds > b.second.seconds; });
  std::printf("total %.3f ms\n", all * 1e3);
  for (const auto& [type, total] : types) {
    std::printf("%10.3f ms %5.1f %% %5d x %s\n", total.seconds * 1e3, 100 * total.seconds / all,
                total.nodes, type.c_str());
  }
  std::sort(times.begin(), times.end(),
            [](const NodeTime& a, const NodeTime& b) { return a.seconds > b.seconds; });
  std::puts("slowest nodes");
  for (size_t i = 0; i < std::min(kSlowestNodes, times.size()); ++i) {
    const NodeTime& time = times[i];
    std::printf("%10.3f ms %s %s %s\n", time.seconds * 1e3, time.node->op_type.c_str(),
                time.node->name.c_str(), ShapeString(time.shape).c_str());
  }
}

}  // namespace

absl::Status PrintProfile(const ServeOptions& options, int rounds) {
  ASSIGN_OR_RETURN(const TensorMap feeds, ReadTensors(options.feeds, kInputIndex));
  ASSIGN_OR_RETURN(const PreparedModel prepared, PrepareModel(options.model));
  std::map<std::string, NodeTime> times;
  std::vector<std::string> watch;
  for (const Node& node : prepared.model.graph.nodes) {
    for (const std::string& output : node.outputs) {
      if (output.empty()) continue;
      times[output].node = &node;
      watch.push_back(output);
    }
  }
  using Clock = std::chrono::steady_clock;
  for (int round = 0; round < rounds; ++round) {
    Clock::time_point last = Clock::now();
    RETURN_IF_ERROR(prepared.executor
                        ->RunObserved(feeds, watch,
                                      [&](const std::string& name, const Tensor& tensor) {
                                        const Clock::time_point now = Clock::now();
                                        NodeTime& time = times.at(name);
                                        time.shape = tensor.shape();
                                        time.seconds = std::min(
                                            time.seconds,
                                            std::chrono::duration<double>(now - last).count());
                                        last = Clock::now();
                                      })
                        .status());
  }
  std::vector<NodeTime> all;
  for (auto& [name, time] : times) {
    if (std::isfinite(time.seconds)) all.push_back(std::move(time));
  }
  Print(std::move(all));
  return absl::OkStatus();
}

}  // namespace quantd::bench
