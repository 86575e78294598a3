// What the stages of one job hand on to each other. Lives in the job's process, on one thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "quantd/v1/spec.pb.h"
#include "worker/exec/batch_source.h"
#include "worker/graph/graph.h"
#include "worker/io/data/dataset.h"
#include "worker/io/data/split.h"
#include "worker/job/checkpoint.h"
#include "worker/job/progress.h"
#include "worker/job/protocol/job_folder.h"
#include "worker/methods/recipe.h"
#include "worker/observe/tensor_statistics.h"
#include "worker/quality/metrics.h"
#include "worker/quality/report.h"
#include "worker/quantize/quantization.h"
#include "worker/quantize/quantization_plan.h"

namespace quantd {

struct JobState {
  const v1::JobSpec& spec;
  const JobFolder folder;
  const int threads;
  const Checkpoint& checkpoint;
  Progress& progress;

  // import
  Model model;  // Cleaned up: constants and batch norms folded, opset at least 13.
  int64_t original_bytes = 0;

  // plan
  Recipe recipe;
  QuantizationPlan quantization_plan;
  std::unique_ptr<Dataset> data;
  std::unique_ptr<Dataset> evaluation_data;  // Null: the rows of `data` that do not calibrate.
  Split split;

  // calibrate
  std::map<std::string, TensorStatistics> statistics;

  // quantize
  Quantization quantization;
  Graph quantized;

  // evaluate
  std::vector<RowScores> rows;  // One a row of split.evaluation, in order.

  // every stage adds to it
  QualityReport report;

  const Dataset& EvaluationData() const { return evaluation_data ? *evaluation_data : *data; }

  // The rows as batches of `batch_rows` (spec.calibration, or 1 where the model's batch is fixed to 1).
  BatchSource Batches(const Dataset& dataset, const std::vector<int64_t>& rows) const;
};

}  // namespace quantd
