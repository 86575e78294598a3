#include "worker/quantize/calibrate.h"

#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "worker/backend/backend.h"
#include "worker/exec/map_in_order.h"

namespace quantd {
namespace {

using StatisticsMap = std::map<std::string, TensorStatistics>;

// Where a tensor is in the vectors below.
using Places = std::unordered_map<std::string, size_t>;

Places PlacesOf(const std::vector<std::string>& tensors) {
  Places places;
  for (const std::string& tensor : tensors) places.emplace(tensor, places.size());
  return places;
}

// Statistics that batches are counted in, one vector for each batch that is under way. Counts commute, so it does not matter
// which batch was counted where; making and merging histograms for every batch would take longer than counting.
class Shards {
 public:
  using Shard = std::vector<TensorStatistics>;

  explicit Shards(size_t tensors) : tensors_(tensors) {}

  std::unique_ptr<Shard> Take() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return std::make_unique<Shard>(tensors_);
    std::unique_ptr<Shard> shard = std::move(idle_.back());
    idle_.pop_back();
    return shard;
  }

  void Return(std::unique_ptr<Shard> shard) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(shard));
  }

  // REQUIRES: every shard was returned.
  void MergeInto(size_t place, TensorStatistics& total) const {
    for (const std::unique_ptr<Shard>& shard : idle_) total.Merge((*shard)[place]);
  }

 private:
  const size_t tensors_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Shard>> idle_;
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
  const Places places = PlacesOf(tensors);
  Shards shards(places.size());
  using Ranges = std::vector<std::optional<BatchRange>>;
  std::vector<TensorStatistics> totals(places.size());
  RETURN_IF_ERROR(MapInOrder<Ranges>(
      rows.batches, threads,
      [&](int64_t batch) -> absl::StatusOr<Ranges> {
        ASSIGN_OR_RETURN(const TensorMap feeds, rows.load(batch));
        std::unique_ptr<Shards::Shard> shard = shards.Take();
        Ranges ranges(places.size());
        const auto observe = [&](const std::string& name, const Tensor& tensor) {
          // The layer that reads it refuses it by name.
          if (tensor.dtype() != DataType::kFloat) return;
          const auto values = absl::MakeConstSpan(tensor.data<float>(), static_cast<size_t>(tensor.size()));
          const size_t place = places.at(name);
          ranges[place] = (*shard)[place].Count(values, static_cast<uint64_t>(batch));
        };
        RETURN_IF_ERROR(executor->RunObserved(feeds, observe).status());
        shards.Return(std::move(shard));
        return ranges;
      },
      [&](int64_t batch, const Ranges& ranges) {
        for (size_t i = 0; i < ranges.size(); ++i) {
          if (ranges[i].has_value()) totals[i].Append(*ranges[i]);
        }
        rows.done(batch + 1);
        return absl::OkStatus();
      }));
  StatisticsMap total;
  for (const auto& [name, place] : places) {
    shards.MergeInto(place, totals[place]);
    total[name] = std::move(totals[place]);
  }
  RETURN_IF_ERROR(CheckFinite(tensors, total));
  return total;
}

}  // namespace quantd
