#include "worker/quantize/correct_bias.h"

#include <algorithm>
#include <memory>

#include "common/error.h"
#include "common/status_macros.h"
#include "worker/backend/backend.h"
#include "worker/exec/map_in_order.h"
#include "worker/quantize/apply_quantization.h"

namespace quantd {
namespace {

struct ChannelSums {
  std::vector<double> difference;  // sum of (full precision - quantized) a channel.
  int64_t count = 0;               // Values a channel.
};

// Convolutions make [N, C, spatial...]; Gemm and MatMul outputs end in the channels.
ChannelSums SumDifferences(const Tensor& full, const Tensor& quantized, const PlannedLayer& layer) {
  const int64_t channels = layer.channels;
  int64_t inner = 1;
  if (!layer.channels_last) {
    for (size_t axis = 2; axis < full.rank(); ++axis) inner *= full.dim(axis);
  }
  ChannelSums sums{.difference = std::vector<double>(static_cast<size_t>(channels), 0.0)};
  const float* x = full.data<float>();
  const float* q = quantized.data<float>();
  const int64_t blocks = full.size() / inner;
  for (int64_t block = 0; block < blocks; ++block) {
    double& sum = sums.difference[static_cast<size_t>(block % channels)];
    for (int64_t i = 0; i < inner; ++i, ++x, ++q) sum += static_cast<double>(*x) - *q;
  }
  sums.count = full.size() / channels;
  return sums;
}

bool CanShift(const PlannedLayer& layer) {
  return !layer.excluded && (layer.takes_bias || !layer.add_bias.empty());
}

}  // namespace

absl::Status MeasureOutputShift(const Graph& graph, int64_t opset,
                                const std::vector<PlannedLayer>& layers, const BatchSource& rows,
                                int threads, Quantization& quantization) {
  std::vector<PlannedLayer> shiftable;
  std::vector<std::string> keep;
  for (const PlannedLayer& layer : layers) {
    if (!CanShift(layer)) continue;
    shiftable.push_back(layer);
    keep.push_back(layer.output);
    keep.push_back(TwinOutput(layer));
  }
  if (shiftable.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Graph twins, AddQuantizedTwins(graph, shiftable, quantization));
  ASSIGN_OR_RETURN(const std::unique_ptr<Executor> executor,
                   CompileGraph(twins, opset, CpuBackend(), {.keep = keep}));

  using BatchSums = std::vector<ChannelSums>;
  BatchSums total(shiftable.size());
  RETURN_IF_ERROR(MapInOrder<BatchSums>(
      rows.batches, threads,
      [&](int64_t batch) -> absl::StatusOr<BatchSums> {
        ASSIGN_OR_RETURN(const TensorMap feeds, rows.load(batch));
        BatchSums sums(shiftable.size());
        // Each pair is reduced as soon as its second half exists, so that one batch never holds the
        // outputs of all layers.
        std::map<std::string, Tensor> first_half;
        std::map<std::string, std::pair<size_t, std::string>> partner;
        for (size_t i = 0; i < shiftable.size(); ++i) {
          partner[shiftable[i].output] = {i, TwinOutput(shiftable[i])};
          partner[TwinOutput(shiftable[i])] = {i, shiftable[i].output};
        }
        const auto visit = [&](const std::string& name, const Tensor& tensor) {
          const auto& [i, other] = partner.at(name);
          const auto half = first_half.find(other);
          if (half == first_half.end()) {
            first_half.emplace(name, tensor);
            return;
          }
          const bool is_twin = name == TwinOutput(shiftable[i]);
          sums[i] = SumDifferences(is_twin ? half->second : tensor,
                                   is_twin ? tensor : half->second, shiftable[i]);
          first_half.erase(half);
        };
        RETURN_IF_ERROR(executor->RunObserved(feeds, visit).status());
        return sums;
      },
      [&](int64_t batch, BatchSums sums) {
        for (size_t i = 0; i < sums.size(); ++i) {
          total[i].difference.resize(sums[i].difference.size(), 0.0);
          for (size_t c = 0; c < sums[i].difference.size(); ++c) {
            total[i].difference[c] += sums[i].difference[c];
          }
          total[i].count += sums[i].count;
        }
        rows.done(batch + 1);
        return absl::OkStatus();
      }));

  for (size_t i = 0; i < shiftable.size(); ++i) {
    std::vector<double>& shift = quantization.output_shift[shiftable[i].node];
    shift = total[i].difference;
    for (double& value : shift) value /= static_cast<double>(std::max<int64_t>(total[i].count, 1));
  }
  return absl::OkStatus();
}

}  // namespace quantd
