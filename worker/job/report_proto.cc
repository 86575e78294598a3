#include "worker/job/report_proto.h"

#include "worker/job/recipe_proto.h"

namespace quantd {
namespace {

void Fill(const Fraction& from, v1::Fraction& to) {
  to.set_numerator(from.numerator);
  to.set_denominator(from.denominator);
}

void Fill(const Interval& from, v1::Interval& to) {
  to.set_method(from.method);
  to.set_method_version(from.method_version);
  to.set_guarantee(static_cast<v1::GuaranteeClass>(from.guarantee));
  to.set_target(static_cast<v1::IntervalTarget>(from.target));
  Fill(from.alpha, *to.mutable_alpha());
  to.set_lower(from.lower_infinite ? 0 : from.lower);
  to.set_upper(from.upper_infinite ? 0 : from.upper);
  to.set_lower_infinite(from.lower_infinite);
  to.set_upper_infinite(from.upper_infinite);
  to.set_n(from.n);
  to.set_n_required(from.n_required);
  to.set_rank(from.rank);
  to.set_population(from.population);
  to.set_score(from.score);
  to.set_seed(from.seed);
  to.set_replicates(from.replicates);
  to.set_status(static_cast<v1::IntervalStatus>(from.status));
  to.set_calibration_digest(from.calibration_digest);
}

void Fill(const Metric& from, v1::Metric& to) {
  to.set_id(from.id);
  to.set_summary(from.summary);
  to.set_unit(from.unit);
  to.set_value(from.value);
  to.set_n(from.n);
  to.set_population(from.population);
  for (const Interval& interval : from.intervals) Fill(interval, *to.add_intervals());
  to.set_status(static_cast<v1::MetricStatus>(from.status));
  to.set_status_detail(from.status_detail);
}

void Fill(const LayerQuality& from, v1::LayerQuality& to) {
  to.set_node(from.node);
  to.set_op_type(from.op_type);
  to.set_sqnr_db(from.sqnr_db);
  to.set_cosine(from.cosine);
  to.set_weight_format(from.weight_format);
  to.set_activation_scale(from.activation_scale);
  to.set_activation_zero_point(from.activation_zero_point);
  to.set_clip_lower(from.clip_lower);
  to.set_clip_upper(from.clip_upper);
  to.set_observed_min(from.observed_min);
  to.set_observed_max(from.observed_max);
  to.mutable_histogram()->set_lower(from.histogram.lower);
  to.mutable_histogram()->set_upper(from.histogram.upper);
  to.mutable_histogram()->mutable_counts()->Add(from.histogram.counts.begin(),
                                                from.histogram.counts.end());
  to.set_excluded(from.excluded);
  to.set_activation_format(from.activation_format);
  to.set_activation_range(from.activation_range);
  to.set_weight_granularity(from.weight_granularity);
}

void Fill(const DataUse& from, v1::DataUse& to) {
  to.set_source(from.source);
  to.set_rows_total(from.rows_total);
  to.set_calibration_rows(from.calibration_rows);
  to.set_evaluation_rows(from.evaluation_rows);
  to.set_split_seed(from.split_seed);
  to.set_labelled(from.labelled);
  to.set_calibration_rows_digest(from.calibration_rows_digest);
  to.set_evaluation_rows_digest(from.evaluation_rows_digest);
}

void Fill(const ModelSizes& from, v1::ModelSizes& to) {
  to.set_original_bytes(from.original_bytes);
  to.set_quantized_bytes(from.quantized_bytes);
  to.set_ratio(from.ratio);
  to.set_parameters(from.parameters);
  to.set_quantized_parameters(from.quantized_parameters);
}

void Fill(const ScoreDistribution& from, v1::ScoreDistribution& to) {
  to.set_score(from.score);
  to.mutable_sorted_scores()->Add(from.sorted_scores.begin(), from.sorted_scores.end());
  to.set_conformal_quantile(from.conformal_quantile_infinite ? 0 : from.conformal_quantile);
  to.set_conformal_quantile_infinite(from.conformal_quantile_infinite);
  Fill(from.alpha, *to.mutable_alpha());
}

void Fill(const Measured& from, v1::Measured& to) {
  to.set_instruction_set(from.instruction_set);
  to.set_peak_memory_bytes(from.peak_memory_bytes);
  to.set_activation_bytes(from.activation_bytes);
  if (!from.integer) return;
  v1::IntegerExecution& integer = *to.mutable_integer();
  integer.set_layers(from.integer->layers);
  integer.set_rows(from.integer->rows);
  integer.set_speedup(from.integer->speedup);
  integer.set_output_difference(from.integer->output_difference);
  integer.set_top1_agreement(from.integer->top1_agreement);
  integer.set_exact_sums(from.integer->exact_sums);
  integer.set_speedup_lower(from.integer->speedup_lower);
  integer.set_speedup_upper(from.integer->speedup_upper);
}

}  // namespace

v1::QualityReport ToProto(const QualityReport& report) {
  v1::QualityReport proto;
  proto.set_engine_version(report.engine_version);
  proto.set_model_name(report.model_name);
  proto.set_recipe_summary(report.recipe_summary);
  *proto.mutable_recipe() = ToProto(report.recipe);
  for (const Metric& metric : report.metrics) Fill(metric, *proto.add_metrics());
  for (const LayerQuality& layer : report.layers) Fill(layer, *proto.add_layers());
  Fill(report.data_use, *proto.mutable_data_use());
  Fill(report.sizes, *proto.mutable_sizes());
  for (const std::string& warning : report.warnings) proto.add_warnings(warning);
  for (const StageTiming& timing : report.timings) {
    v1::StageTiming& to = *proto.add_timings();
    to.set_stage(timing.stage);
    to.set_seconds(timing.seconds);
  }
  Fill(report.score_distribution, *proto.mutable_score_distribution());
  for (const InputDigest& input : report.inputs) {
    v1::InputDigest& to = *proto.add_inputs();
    to.set_role(input.role);
    to.set_name(input.name);
    to.set_digest(input.digest);
  }
  if (!report.measured.instruction_set.empty()) Fill(report.measured, *proto.mutable_measured());
  return proto;
}

}  // namespace quantd
