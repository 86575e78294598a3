#include "worker/quantize/calibrate.h"

#include <memory>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "worker/backend/backend.h"
#include "worker/exec/map_in_order.h"

namespace quantd {
namespace {

using StatisticsMap = std::map<std::string, TensorStatistics>;

// Statistics that batches are counted in, one for each batch that is under way. Counts commute, so it does not matter
// which batch was counted where; making and merging histograms for every batch would take longer than counting.
class Shards {
 public:
  explicit Shards(const std::vector<std::string>& tensors) {
    for (const std::string& tensor : tensors) empty_[tensor];
  }

  std::unique_ptr<StatisticsMap> Take() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return std::make_unique<StatisticsMap>(empty_);
    std::unique_ptr<StatisticsMap> shard = std::move(idle_.back());
    idle_.pop_back();
    return shard;
  }

  void Return(std::unique_ptr<StatisticsMap> shard) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(shard));
  }

  // REQUIRES: every shard was returned.
  void MergeInto(StatisticsMap& total) {
    for (const auto& [name, nothing] : empty_) {
      TensorStatistics& statistics = total[name];
      for (const std::unique_ptr<StatisticsMap>& shard : idle_) statistics.Merge(shard->at(name));
    }
  }

 private:
  StatisticsMap empty_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<StatisticsMap>> idle_;
};

absl::Status CheckFinite(const std::vector<std::string>& tensors, const StatisticsMap& statistics) {
  for (const std::string& tensor : tensors) {
    const PowerOfTwoHistogram& histogram = statistics.at(tensor).histogram();
    const uint64_t bad = histogram.not_a_number() + histogram.infinite();
    if (bad == 0) continue;
    return InvalidField("NON_FINITE_ACTIVATION", absl::StrCat("model.", tensor),
                        absl::StrCat("holds ", bad, " values that are NaN or infinite on the calibration rows; "
                                     "check the model and the preprocessing"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<StatisticsMap> CalibrateTensors(const Graph& graph, int64_t opset,
                                               const std::vector<std::string>& tensors,
                                               const BatchSource& rows, int threads) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Executor> executor,
                   CompileGraph(graph, opset, CpuBackend(), {.keep = tensors, .kept_layout = KeptLayout::kAny}));
  Shards shards(tensors);
  using Ranges = std::map<std::string, BatchRange>;
  StatisticsMap total;
  RETURN_IF_ERROR(MapInOrder<Ranges>(
      rows.batches, threads,
      [&](int64_t batch) -> absl::StatusOr<Ranges> {
        ASSIGN_OR_RETURN(const TensorMap feeds, rows.load(batch));
        std::unique_ptr<StatisticsMap> shard = shards.Take();
        Ranges ranges;
        RETURN_IF_ERROR(executor
                            ->RunObserved(feeds,
                                          [&](const std::string& name, const Tensor& tensor) {
                                            // The layer that reads it refuses it by name.
                                            if (tensor.dtype() != DataType::kFloat) return;
                                            ranges[name] = shard->at(name).Count(
                                                absl::MakeConstSpan(tensor.data<float>(),
                                                                    static_cast<size_t>(tensor.size())),
                                                static_cast<uint64_t>(batch));
                                          })
                            .status());
        shards.Return(std::move(shard));
        return ranges;
      },
      [&](int64_t batch, Ranges ranges) {
        for (const auto& [name, range] : ranges) total[name].Append(range);
        rows.done(batch + 1);
        return absl::OkStatus();
      }));
  shards.MergeInto(total);
  RETURN_IF_ERROR(CheckFinite(tensors, total));
  return total;
}

}  // namespace quantd
