#include "worker/job/report_proto.h"

#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;

Interval FullInterval() {
  return {.method = "split_conformal",
          .method_version = 2,
          .guarantee = GuaranteeClass::kFiniteSampleMarginal,
          .target = IntervalTarget::kNewSample,
          .alpha = {1, 20},
          .lower = 0.25,
          .upper = 0.5,
          .n = 3,
          .n_required = 4,
          .rank = 5,
          .population = "rows like these",
          .score = "kl",
          .seed = 6,
          .replicates = 7,
          .status = IntervalStatus::kInsufficientCalibration,
          .calibration_digest = "abc"};
}

// Every field set, each number once.
QualityReport FullReport() {
  QualityReport report;
  report.engine_version = "0.1.0";
  report.model_name = "m.onnx";
  report.recipe_summary = "summary";
  report.recipe.weight.range = {"mse"};
  report.metrics = {{.id = "kl",
                     .summary = "what",
                     .unit = "nat",
                     .value = 1.5,
                     .n = 8,
                     .population = "rows",
                     .intervals = {FullInterval()},
                     .status = MetricStatus::kNotApplicable,
                     .status_detail = "why"}};
  report.layers = {{.node = "conv",
                    .op_type = "Conv",
                    .sqnr_db = 30.5,
                    .cosine = 0.75,
                    .weight_format = "int8_sym",
                    .activation_scale = 0.125,
                    .activation_zero_point = 9,
                    .clip_lower = -1.25,
                    .clip_upper = 2.25,
                    .observed_min = -3.25,
                    .observed_max = 4.25,
                    .histogram = {-5.25, 6.25, {10, 11}},
                    .excluded = true,
                    .activation_format = "uint8_asym",
                    .activation_range = "mse",
                    .weight_granularity = "per_channel"}};
  report.data_use = {"file", 12, 13, 14, 15, true, "d1", "d2"};
  report.sizes = {16, 17, 18.5, 19, 20};
  report.warnings = {"careful"};
  report.timings = {{"import", 21.5}};
  report.score_distribution = {"kl", {22.5, 23.5}, 24.5, false, {1, 10}};
  report.inputs = {{"model", "m.onnx", "d3"}};
  report.measured = {.instruction_set = "AVX2", .peak_memory_bytes = 25, .activation_bytes = 26,
                     .integer = IntegerExecution{.layers = 27, .rows = 28, .speedup = 29.5, .output_difference = 30.5,
                                                 .top1_agreement = 0.5, .exact_sums = true, .speedup_lower = 28.5,
                                                 .speedup_upper = 31.5}};
  return report;
}

// Paths of the fields, at any depth, that hold their default value. Of lists, the first entry
// counts.
void FindUnset(const google::protobuf::Message& message, const std::string& path,
               std::vector<std::string>& unset) {
  const google::protobuf::Descriptor& type = *message.GetDescriptor();
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < type.field_count(); ++i) {
    const google::protobuf::FieldDescriptor* field = type.field(i);
    const std::string name = path + "." + field->name();
    if (field->is_repeated() ? reflection.FieldSize(message, field) == 0
                             : !reflection.HasField(message, field)) {
      unset.push_back(name);
    } else if (field->message_type() != nullptr && field->name() != "recipe") {
      FindUnset(field->is_repeated() ? reflection.GetRepeatedMessage(message, field, 0)
                                     : reflection.GetMessage(message, field),
                name, unset);
    }
  }
}

TEST(ReportProtoTest, NoFieldIsForgotten) {
  std::vector<std::string> unset;
  FindUnset(ToProto(FullReport()), "report", unset);
  // The ends are finite here; see below.
  EXPECT_THAT(unset, ElementsAre("report.metrics.intervals.lower_infinite",
                                 "report.metrics.intervals.upper_infinite",
                                 "report.score_distribution.conformal_quantile_infinite"));
}

TEST(ReportProtoTest, NumbersStandWhereTheyBelong) {
  const v1::QualityReport report = ToProto(FullReport());
  const v1::Metric& metric = report.metrics(0);
  EXPECT_EQ(metric.id(), "kl");
  EXPECT_EQ(metric.value(), 1.5);
  EXPECT_EQ(metric.n(), 8);
  EXPECT_EQ(metric.status(), v1::METRIC_NOT_APPLICABLE);
  const v1::Interval& interval = metric.intervals(0);
  EXPECT_EQ(interval.guarantee(), v1::FINITE_SAMPLE_MARGINAL);
  EXPECT_EQ(interval.target(), v1::NEW_SAMPLE);
  EXPECT_EQ(interval.status(), v1::INSUFFICIENT_CALIBRATION);
  EXPECT_EQ(interval.alpha().numerator(), 1);
  EXPECT_EQ(interval.alpha().denominator(), 20);
  EXPECT_EQ(interval.lower(), 0.25);
  EXPECT_EQ(interval.upper(), 0.5);
  EXPECT_EQ(interval.n(), 3);
  EXPECT_EQ(interval.n_required(), 4);
  EXPECT_EQ(interval.rank(), 5);
  EXPECT_EQ(interval.seed(), 6u);
  EXPECT_EQ(interval.replicates(), 7);
  const v1::LayerQuality& layer = report.layers(0);
  EXPECT_EQ(layer.clip_lower(), -1.25);
  EXPECT_EQ(layer.clip_upper(), 2.25);
  EXPECT_EQ(layer.observed_min(), -3.25);
  EXPECT_EQ(layer.observed_max(), 4.25);
  EXPECT_EQ(layer.activation_zero_point(), 9);
  EXPECT_THAT(layer.histogram().counts(), ElementsAre(10, 11));
  EXPECT_EQ(report.data_use().calibration_rows(), 13);
  EXPECT_EQ(report.data_use().evaluation_rows(), 14);
  EXPECT_EQ(report.data_use().calibration_rows_digest(), "d1");
  EXPECT_EQ(report.data_use().evaluation_rows_digest(), "d2");
  EXPECT_EQ(report.sizes().original_bytes(), 16);
  EXPECT_EQ(report.sizes().quantized_bytes(), 17);
  EXPECT_EQ(report.sizes().parameters(), 19);
  EXPECT_EQ(report.sizes().quantized_parameters(), 20);
  EXPECT_THAT(report.score_distribution().sorted_scores(), ElementsAre(22.5, 23.5));
  EXPECT_EQ(report.inputs(0).role(), "model");
  EXPECT_EQ(report.inputs(0).digest(), "d3");
}

TEST(ReportProtoTest, InfiniteEndsAreFlagsAndNoNumbers) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  QualityReport report = FullReport();
  report.metrics[0].intervals[0].lower = -kInfinity;
  report.metrics[0].intervals[0].lower_infinite = true;
  report.metrics[0].intervals[0].upper = kInfinity;
  report.metrics[0].intervals[0].upper_infinite = true;
  report.score_distribution.conformal_quantile = kInfinity;
  report.score_distribution.conformal_quantile_infinite = true;
  const v1::QualityReport proto = ToProto(report);
  EXPECT_TRUE(proto.metrics(0).intervals(0).lower_infinite());
  EXPECT_TRUE(proto.metrics(0).intervals(0).upper_infinite());
  EXPECT_EQ(proto.metrics(0).intervals(0).lower(), 0);
  EXPECT_EQ(proto.metrics(0).intervals(0).upper(), 0);
  EXPECT_TRUE(proto.score_distribution().conformal_quantile_infinite());
  EXPECT_EQ(proto.score_distribution().conformal_quantile(), 0);
}

TEST(ReportProtoTest, EnumsHaveTheNumbersOfTheWire) {
  for (int value = 1; value < v1::GuaranteeClass_ARRAYSIZE; ++value) {
    QualityReport report = FullReport();
    report.metrics[0].intervals[0].guarantee = static_cast<GuaranteeClass>(value);
    EXPECT_EQ(ToProto(report).metrics(0).intervals(0).guarantee(), value);
  }
  EXPECT_EQ(static_cast<int>(GuaranteeClass::kExactConfidence), v1::EXACT_CONFIDENCE);
  EXPECT_EQ(static_cast<int>(GuaranteeClass::kAsymptotic), v1::ASYMPTOTIC);
  EXPECT_EQ(static_cast<int>(GuaranteeClass::kHeuristic), v1::HEURISTIC);
  EXPECT_EQ(static_cast<int>(GuaranteeClass::kHighProbability), v1::HIGH_PROBABILITY);
  EXPECT_EQ(static_cast<int>(GuaranteeClass::kFiniteSampleConditional),
            v1::FINITE_SAMPLE_CONDITIONAL);
  EXPECT_EQ(static_cast<int>(IntervalTarget::kPopulationMean), v1::POPULATION_MEAN);
  EXPECT_EQ(static_cast<int>(IntervalStatus::kOk), v1::INTERVAL_OK);
  EXPECT_EQ(static_cast<int>(MetricStatus::kOk), v1::METRIC_OK);
}

}  // namespace
}  // namespace quantd
