#include "worker/quantize/calibrate.h"

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "worker/backend/backend.h"
#include "worker/exec/map_in_order.h"

namespace quantd {
namespace {

using StatisticsMap = std::map<std::string, TensorStatistics>;

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
                   CompileGraph(graph, opset, CpuBackend(), tensors));
  StatisticsMap total;
  RETURN_IF_ERROR(MapInOrder<StatisticsMap>(
      rows.batches, threads,
      [&](int64_t batch) -> absl::StatusOr<StatisticsMap> {
        ASSIGN_OR_RETURN(const TensorMap feeds, rows.load(batch));
        StatisticsMap statistics;
        RETURN_IF_ERROR(executor
                            ->RunObserved(feeds,
                                         [&](const std::string& name, const Tensor& tensor) {
                                           // The layer that reads it refuses it by name.
                                           if (tensor.dtype() != DataType::kFloat) return;
                                           statistics[name].Update(absl::MakeConstSpan(
                                               tensor.data<float>(), static_cast<size_t>(tensor.size())));
                                         })
                            .status());
        return statistics;
      },
      [&](int64_t batch, StatisticsMap statistics) {
        for (const std::string& tensor : tensors) total[tensor].Merge(statistics[tensor]);
        rows.done(batch + 1);
        return absl::OkStatus();
      }));
  RETURN_IF_ERROR(CheckFinite(tensors, total));
  return total;
}

}  // namespace quantd
