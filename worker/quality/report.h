// The quality report as plain data: field by field the twin of proto/quantd/v1/report.proto, where
// units and meaning are documented. The job runner fills it; a converter turns it into protobuf and
// RenderHtmlReport() into a page.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/stats/fraction.h"
#include "worker/methods/recipe.h"

namespace quantd {

enum class MetricStatus { kOk = 1, kNotApplicable = 2 };

enum class GuaranteeClass {
  kFiniteSampleMarginal = 1,
  kFiniteSampleConditional = 2,
  kHighProbability = 3,
  kExactConfidence = 4,
  kAsymptotic = 5,
  kHeuristic = 6,
};

enum class IntervalStatus { kOk = 1, kInsufficientCalibration = 2 };

enum class IntervalTarget { kPopulationMean = 1, kNewSample = 2 };

struct Interval {
  std::string method;
  int32_t method_version = 1;
  GuaranteeClass guarantee = GuaranteeClass::kHeuristic;
  IntervalTarget target = IntervalTarget::kPopulationMean;
  Fraction alpha;
  double lower = 0;  // Meaningless when lower_infinite.
  double upper = 0;  // Meaningless when upper_infinite.
  bool lower_infinite = false;
  bool upper_infinite = false;
  int64_t n = 0;
  int64_t n_required = 0;
  int64_t rank = 0;
  std::string population;
  std::string score;
  uint64_t seed = 0;
  int32_t replicates = 0;
  IntervalStatus status = IntervalStatus::kOk;
  std::string calibration_digest;

  friend bool operator==(const Interval&, const Interval&) = default;
};

struct Metric {
  std::string id;
  std::string summary;
  std::string unit;
  double value = 0;
  int64_t n = 0;
  std::string population;
  std::vector<Interval> intervals;
  MetricStatus status = MetricStatus::kOk;
  std::string status_detail;
};

struct ActivationHistogram {
  double lower = 0;
  double upper = 0;
  std::vector<uint64_t> counts;
};

struct LayerQuality {
  std::string node;
  std::string op_type;
  double sqnr_db = 0;
  double cosine = 0;
  std::string weight_format;
  double activation_scale = 0;
  int32_t activation_zero_point = 0;
  double clip_lower = 0;
  double clip_upper = 0;
  double observed_min = 0;
  double observed_max = 0;
  ActivationHistogram histogram;
  bool excluded = false;
  std::string activation_format;  // Empty: what the layer reads stays in full precision.
  std::string activation_range;
  std::string weight_granularity;
};

struct ScoreDistribution {
  std::string score;
  std::vector<double> sorted_scores;
  double conformal_quantile = 0;
  bool conformal_quantile_infinite = false;
  Fraction alpha;
};

struct DataUse {
  std::string source;
  int64_t rows_total = 0;
  int64_t calibration_rows = 0;
  int64_t evaluation_rows = 0;
  uint64_t split_seed = 0;
  bool labelled = false;
  std::string calibration_rows_digest;
  std::string evaluation_rows_digest;
};

struct ModelSizes {
  int64_t original_bytes = 0;
  int64_t quantized_bytes = 0;
  double ratio = 0;
  int64_t parameters = 0;
  int64_t quantized_parameters = 0;
};

struct StageTiming {
  std::string stage;
  double seconds = 0;
};

struct InputDigest {
  std::string role;
  std::string name;
  std::string digest;
};

// See report.proto.
struct IntegerExecution {
  int64_t layers = 0;
  int64_t rows = 0;
  double speedup = 0;
  double output_difference = 0;
  double top1_agreement = 1;
  bool exact_sums = true;
  double speedup_lower = 0;
  double speedup_upper = 0;
};

struct Measured {
  std::string instruction_set;
  int64_t peak_memory_bytes = 0;
  int64_t activation_bytes = 0;
  std::optional<IntegerExecution> integer;
};

struct QualityReport {
  std::string engine_version;
  std::string model_name;
  std::string recipe_summary;
  Recipe recipe;
  std::vector<Metric> metrics;
  std::vector<LayerQuality> layers;
  DataUse data_use;
  ModelSizes sizes;
  std::vector<std::string> warnings;
  std::vector<StageTiming> timings;
  ScoreDistribution score_distribution;
  std::vector<InputDigest> inputs;
  Measured measured;
};

// The metric of that id; null when the report has none. Borrowed from `report`.
const Metric* FindMetric(const QualityReport& report, const std::string& id);

}  // namespace quantd
