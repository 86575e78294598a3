#include "tests/bench/speed/profile.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "common/status_macros.h"
#include "tests/bench/speed/feeds.h"
#include "tests/bench/speed/prepared_model.h"

namespace quantd::bench {
namespace {

constexpr size_t kSlowestNodes = 25;

struct NodeTime {
  const Node* node = nullptr;
  Shape shape;                // Of the first output.
  std::vector<double> seconds;  // One a round.

  double Median() {
    if (seconds.empty()) return 0;
    std::nth_element(seconds.begin(), seconds.begin() + seconds.size() / 2, seconds.end());
    return seconds[seconds.size() / 2];
  }
};

struct Total {
  double seconds = 0;
  int nodes = 0;
};

void Print(std::vector<NodeTime*> times) {
  std::map<std::string, Total> by_type;
  double all = 0;
  std::map<const NodeTime*, double> medians;
  for (NodeTime* time : times) {
    const double median = medians[time] = time->Median();
    Total& total = by_type[time->node->op_type];
    total.seconds += median;
    ++total.nodes;
    all += median;
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
            [&](NodeTime* a, NodeTime* b) { return medians[a] > medians[b]; });
  std::puts("slowest nodes");
  for (size_t i = 0; i < std::min(kSlowestNodes, times.size()); ++i) {
    std::printf("%10.3f ms %s %s %s\n", medians[times[i]] * 1e3,
                times[i]->node->op_type.c_str(), times[i]->node->name.c_str(),
                ShapeString(times[i]->shape).c_str());
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
  for (int round = -1; round < rounds; ++round) {  // The first one warms up.
    Clock::time_point last = Clock::now();
    RETURN_IF_ERROR(prepared.executor
                        ->RunObserved(feeds, watch,
                                      [&](const std::string& name, const Tensor& tensor) {
                                        const Clock::time_point now = Clock::now();
                                        NodeTime& time = times.at(name);
                                        time.shape = tensor.shape();
                                        if (round >= 0) {
                                          time.seconds.push_back(
                                              std::chrono::duration<double>(now - last).count());
                                        }
                                        last = Clock::now();
                                      })
                        .status());
  }
  std::vector<NodeTime*> all;
  for (auto& [name, time] : times) all.push_back(&time);
  Print(std::move(all));
  return absl::OkStatus();
}

}  // namespace quantd::bench
