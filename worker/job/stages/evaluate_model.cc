// Full precision against quantized on rows that did not calibrate: row scores for the metrics, and every planned
// layer's output.
#include <algorithm>
#include <limits>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/digest.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "worker/backend/backend.h"
#include "worker/exec/executor.h"
#include "worker/exec/map_in_order.h"
#include "worker/job/stages/measure_integer.h"
#include "worker/job/stages/stages.h"
#include "worker/quality/layer_comparison.h"

namespace quantd {
namespace {

// Layers are compared on this many rows at most: their SQNR settles long before the metrics do.
constexpr int64_t kLayerRowsMax = 256;

struct BatchResult {
  std::vector<RowScores> rows;
  std::vector<LayerComparison> layers;  // Empty for batches past kLayerRowsMax.
};

std::vector<std::string> LayerOutputs(const JobState& job) {
  std::vector<std::string> outputs;
  for (const PlannedLayer& layer : job.quantization_plan.layers) outputs.push_back(layer.output);
  return outputs;
}

// Scores belong to rows, so each output must have one entry a row on its first axis.
absl::Status CheckOutputRows(const TensorMap& outputs, const TensorMap& feeds) {
  const int64_t rows = feeds.begin()->second.dim(0);
  for (const auto& [name, tensor] : outputs) {
    if (tensor.rank() > 0 && tensor.dim(0) == rows) continue;
    const std::string description =
        absl::StrCat("has shape ", ShapeString(tensor.shape()), " for ", rows,
                     " rows of data; only outputs with the rows on the first axis can be compared");
    return MakeError(absl::StatusCode::kUnimplemented,
                     absl::StrCat("the model's output '", name, "' ", description),
                     {.reason = "UNSUPPORTED_OUTPUT_SHAPE",
                      .violations = {{absl::StrCat("model.graph.output[", name, "]"), description}}});
  }
  return absl::OkStatus();
}

// The two models. Rows are scored by executors of their own, which need not keep any tensor inside.
struct Executors {
  std::unique_ptr<Executor> full;
  std::unique_ptr<Executor> quantized;
  std::unique_ptr<Executor> full_observed;
  std::unique_ptr<Executor> quantized_observed;

  static absl::StatusOr<Executors> Compile(const JobState& job, const std::vector<std::string>& keep) {
    const int64_t opset = job.model.opset();
    Executors both;
    ASSIGN_OR_RETURN(both.full, CompileGraph(job.model.graph, opset, CpuBackend()));
    ASSIGN_OR_RETURN(both.quantized, CompileGraph(job.quantized, opset, CpuBackend()));
    ASSIGN_OR_RETURN(both.full_observed, CompileGraph(job.model.graph, opset, CpuBackend(), {.keep = keep}));
    ASSIGN_OR_RETURN(both.quantized_observed, CompileGraph(job.quantized, opset, CpuBackend(), {.keep = keep}));
    return both;
  }
};

absl::StatusOr<std::vector<LayerComparison>> CompareLayers(const Executors& both,
                                                           const std::vector<std::string>& outputs,
                                                           const TensorMap& feeds) {
  std::map<std::string, Tensor> reference;
  RETURN_IF_ERROR(both.full_observed
                      ->RunObserved(feeds,
                                    [&](const std::string& name, const Tensor& tensor) {
                                      reference.insert_or_assign(name, tensor);
                                    })
                      .status());
  std::map<std::string, LayerComparison> compared;
  absl::Status status;
  RETURN_IF_ERROR(both.quantized_observed
                      ->RunObserved(feeds,
                                    [&](const std::string& name, const Tensor& tensor) {
                                      status.Update(compared[name].Add(reference.at(name), tensor));
                                    })
                      .status());
  RETURN_IF_ERROR(status);
  std::vector<LayerComparison> layers;
  for (const std::string& output : outputs) layers.push_back(compared[output]);
  return layers;
}

// Runs both models on one batch. With `compare_layers` the layers' outputs are compared as well.
absl::StatusOr<BatchResult> RunBatch(const JobState& job, const Executors& both, OutputKind kind,
                                     const TensorMap& feeds, int64_t first_row,
                                     bool compare_layers) {
  BatchResult result;
  if (compare_layers) {
    ASSIGN_OR_RETURN(result.layers, CompareLayers(both, LayerOutputs(job), feeds));
  }
  ASSIGN_OR_RETURN(const TensorMap reference, both.full->Run(feeds));
  ASSIGN_OR_RETURN(const TensorMap approximate, both.quantized->Run(feeds));
  RETURN_IF_ERROR(CheckOutputRows(reference, feeds));
  ASSIGN_OR_RETURN(result.rows, ScoreBatch(kind, reference, approximate, first_row));
  return result;
}

std::string DigestOfRows(const std::vector<int64_t>& rows) {
  Sha256 sha;
  for (const int64_t row : rows) sha.Update(absl::StrCat(row, "\n"));
  return sha.HexDigest();
}

void DescribeData(JobState& job) {
  const Dataset& data = job.EvaluationData();
  DataUse& use = job.report.data_use;
  use.source = job.data->description();
  use.rows_total = job.data->rows();
  if (job.evaluation_data != nullptr) {
    absl::StrAppend(&use.source, "; evaluated on ", data.description());
    use.rows_total += data.rows();
  }
  use.calibration_rows = static_cast<int64_t>(job.split.calibration.size());
  use.evaluation_rows = static_cast<int64_t>(job.split.evaluation.size());
  use.split_seed = job.spec.calibration().seed();
  use.labelled = data.has_labels();
  use.calibration_rows_digest = DigestOfRows(job.split.calibration);
  use.evaluation_rows_digest = DigestOfRows(job.split.evaluation);
}

// Checked before all rows are run, and by the data's own row numbers.
absl::Status CheckLabels(const JobState& job, OutputKind kind, const TensorMap& outputs) {
  const Dataset& data = job.EvaluationData();
  if (kind == OutputKind::kOther || !data.has_labels()) return absl::OkStatus();
  const int64_t classes = outputs.begin()->second.dim(1);
  for (const int64_t row : job.split.evaluation) {
    if (data.Label(row) < classes) continue;
    return InvalidField("LABEL_OUT_OF_RANGE",
                        job.evaluation_data ? "spec.evaluation_data.labels" : "spec.data.labels",
                        absl::StrCat("the label of row ", row, " is ", data.Label(row),
                                     ", but the model's classes are 0 to ", classes - 1));
  }
  return absl::OkStatus();
}

SummaryOptions OptionsOf(const JobState& job) {
  const v1::EvaluationSpec& spec = job.spec.evaluation();
  SummaryOptions options;
  options.metrics.assign(spec.metrics().begin(), spec.metrics().end());
  if (spec.has_alpha()) options.alpha = {spec.alpha().numerator(), spec.alpha().denominator()};
  if (spec.bootstrap_replicates() > 0) options.bootstrap_replicates = spec.bootstrap_replicates();
  options.seed = spec.seed();
  options.threads = job.threads;
  options.population = absl::StrCat("rows like the ", job.split.evaluation.size(),
                                    " held-out rows of ", job.EvaluationData().description());
  return options;
}

}  // namespace

absl::Status EvaluateModel(JobState& job) {
  DescribeData(job);
  ASSIGN_OR_RETURN(const Executors both, Executors::Compile(job, LayerOutputs(job)));

  const Dataset& data = job.EvaluationData();
  const BatchSource batches = job.Batches(data, job.split.evaluation);
  // What the outputs are is judged once, by the first batch.
  ASSIGN_OR_RETURN(const TensorMap first_feeds, batches.load(0));
  ASSIGN_OR_RETURN(const TensorMap first_outputs, both.full->Run(first_feeds));
  const OutputKind kind = DetectOutputKind(first_outputs);
  RETURN_IF_ERROR(CheckLabels(job, kind, first_outputs));

  std::vector<LayerComparison> layers(job.quantization_plan.layers.size());
  RETURN_IF_ERROR(MapInOrder<BatchResult>(
      batches.batches, job.threads,
      [&](int64_t batch) -> absl::StatusOr<BatchResult> {
        ASSIGN_OR_RETURN(const TensorMap feeds, batches.load(batch));
        const int64_t first_row = batch * batches.batch_rows;
        return RunBatch(job, both, kind, feeds, first_row, first_row < kLayerRowsMax);
      },
      [&](int64_t batch, BatchResult result) {
        job.rows.insert(job.rows.end(), result.rows.begin(), result.rows.end());
        for (size_t i = 0; i < result.layers.size(); ++i) layers[i].Merge(result.layers[i]);
        job.progress.Step(batch + 1, batches.batches);
        return absl::OkStatus();
      }));

  job.report.measured.activation_bytes = static_cast<int64_t>(both.full->activation_bytes());
  RETURN_IF_ERROR(MeasureIntegerExecution(job, *both.full, *both.quantized));

  for (size_t i = 0; i < layers.size(); ++i) {
    job.report.layers[i].sqnr_db = layers[i].SqnrDb();
    job.report.layers[i].cosine = layers[i].Cosine();
  }
  std::vector<int64_t> labels;
  if (data.has_labels()) {
    for (const int64_t row : job.split.evaluation) labels.push_back(data.Label(row));
  }
  ASSIGN_OR_RETURN(Summary summary, Summarize(kind, job.rows, labels, OptionsOf(job)));
  job.report.metrics = std::move(summary.metrics);
  job.report.score_distribution = std::move(summary.score_distribution);
  job.report.warnings.insert(job.report.warnings.end(), summary.warnings.begin(),
                             summary.warnings.end());
  for (const std::string& warning : summary.warnings) job.progress.Warn(warning);
  return absl::OkStatus();
}

}  // namespace quantd
