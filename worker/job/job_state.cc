#include "worker/job/job_state.h"

#include <algorithm>
#include <span>

namespace quantd {
namespace {

constexpr int64_t kDefaultBatchRows = 16;

// 1 where any model input fixes its leading extent to 1, as old exporters do.
int64_t BatchRows(const v1::JobSpec& spec, const Graph& graph) {
  for (const ValueInfo& input : graph.inputs) {
    if (input.has_shape && !input.shape.empty() && input.shape[0].extent == 1) return 1;
  }
  const int64_t asked = spec.calibration().batch_rows();
  return asked > 0 ? asked : kDefaultBatchRows;
}

}  // namespace

BatchSource JobState::Batches(const Dataset& dataset, const std::vector<int64_t>& rows) const {
  const int64_t batch_rows = BatchRows(spec, model.graph);
  const int64_t total = static_cast<int64_t>(rows.size());
  return {.batches = (total + batch_rows - 1) / batch_rows,
          .batch_rows = batch_rows,
          .load = [&dataset, &rows, batch_rows, total](int64_t batch) {
            const int64_t begin = batch * batch_rows;
            const int64_t count = std::min(batch_rows, total - begin);
            return dataset.Batch(std::span(rows).subspan(static_cast<size_t>(begin),
                                                         static_cast<size_t>(count)));
          }};
}

}  // namespace quantd
