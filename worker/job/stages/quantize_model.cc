#include <algorithm>
#include <optional>

#include "common/status_macros.h"
#include "worker/job/stages/stages.h"
#include "worker/observe/binary_codec.h"
#include "worker/quantize/apply_quantization.h"
#include "worker/quantize/choose_codes.h"
#include "worker/quantize/correct_bias.h"

namespace quantd {
namespace {

constexpr char kCheckpointName[] = "output_shift";
constexpr int kPlotBins = 128;

bool Compensates(const Recipe& recipe, absl::string_view id) {
  return std::any_of(recipe.compensations.begin(), recipe.compensations.end(),
                     [&](const Component& c) { return c.id == id; });
}

std::string Serialize(const std::map<std::string, std::vector<double>>& shifts) {
  BinaryWriter writer;
  writer.Unsigned(shifts.size());
  for (const auto& [node, shift] : shifts) {
    writer.Bytes(node);
    writer.Unsigned(shift.size());
    for (const double value : shift) writer.Double(value);
  }
  return writer.Take();
}

absl::StatusOr<std::map<std::string, std::vector<double>>> Parse(absl::string_view bytes) {
  BinaryReader reader(bytes);
  std::map<std::string, std::vector<double>> shifts;
  ASSIGN_OR_RETURN(const uint64_t count, reader.Unsigned());
  for (uint64_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(const absl::string_view node, reader.Bytes());
    std::vector<double>& shift = shifts[std::string(node)];
    ASSIGN_OR_RETURN(const uint64_t channels, reader.Unsigned());
    for (uint64_t c = 0; c < channels; ++c) {
      ASSIGN_OR_RETURN(const double value, reader.Double());
      shift.push_back(value);
    }
  }
  return shifts;
}

// The part of the histogram that holds counts, in few enough bins to draw.
ActivationHistogram PlotOf(const TensorStatistics& statistics) {
  const PowerOfTwoHistogram& from = statistics.histogram();
  int first = from.bins(), last = -1;
  for (int i = 0; i < from.bins(); ++i) {
    if (from.counts()[static_cast<size_t>(i)] == 0) continue;
    first = std::min(first, i);
    last = i;
  }
  ActivationHistogram plot;
  if (last < 0) return plot;
  const int width = (last - first) / kPlotBins + 1;
  plot.lower = from.lower(first);
  plot.counts.resize(static_cast<size_t>((last - first) / width + 1), 0);
  plot.upper = from.lower(first + width * static_cast<int>(plot.counts.size()));
  for (int i = first; i <= last; ++i) {
    plot.counts[static_cast<size_t>((i - first) / width)] += from.counts()[static_cast<size_t>(i)];
  }
  return plot;
}

LayerQuality Describe(const JobState& job, const PlannedLayer& layer) {
  LayerQuality quality{.node = layer.node, .op_type = layer.op_type, .excluded = layer.excluded};
  if (layer.excluded) return quality;
  if (!layer.weights.empty()) {
    quality.weight_format = layer.weight_recipe.format.id;
    quality.weight_granularity = layer.weight_recipe.granularity.id;
  }
  if (layer.dynamic || !layer.activations.empty()) {
    quality.activation_format = layer.activation_recipe.format.id;
    quality.activation_range = layer.activation_recipe.range.id;
  }
  if (layer.activations.empty()) return quality;
  const std::string& tensor = layer.activations[0];
  const ActivationDecision& activation = job.quantization.activations.at(tensor);
  const TensorStatistics& statistics = job.statistics.at(tensor);
  quality.activation_scale = activation.scale;
  quality.activation_zero_point = activation.zero_point;
  quality.clip_lower = activation.clip_lower;
  quality.clip_upper = activation.clip_upper;
  quality.observed_min = statistics.min();
  quality.observed_max = statistics.max();
  quality.histogram = PlotOf(statistics);
  return quality;
}

}  // namespace

absl::Status QuantizeModel(JobState& job) {
  const Graph& graph = job.model.graph;
  const QuantizationPlan& plan = job.quantization_plan;
  ASSIGN_OR_RETURN(job.quantization,
                   ChooseCodes(graph, plan, job.statistics, job.threads));
  if (Compensates(job.recipe, "bias_correction")) {
    // Codes are cheap to choose again; the pass over the data is what a checkpoint saves.
    const std::optional<std::string> saved = job.checkpoint.Load(kCheckpointName);
    if (saved) {
      ASSIGN_OR_RETURN(job.quantization.output_shift, Parse(*saved));
    } else {
      BatchSource rows = job.Batches(*job.data, job.split.calibration);
      rows.done = [&](int64_t done) { job.progress.Step(done, rows.batches); };
      RETURN_IF_ERROR(MeasureOutputShift(graph, job.model.opset(), plan.layers, rows, job.threads,
                                         job.quantization));
      RETURN_IF_ERROR(job.checkpoint.Save(kCheckpointName, Serialize(job.quantization.output_shift)));
    }
  }
  ASSIGN_OR_RETURN(job.quantized, ApplyQuantization(graph, plan, job.quantization));
  for (const PlannedLayer& layer : plan.layers) job.report.layers.push_back(Describe(job, layer));
  return absl::OkStatus();
}

}  // namespace quantd
