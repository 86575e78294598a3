// Whole jobs on real models with little data: what they leave, and what must not change it.
#include <gmock/gmock.h>

#include <algorithm>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "common/digest.h"
#include "common/file.h"
#include "tests/support/status_matchers.h"
#include "tests/worker/job/job_bench.h"
#include "worker/io/onnx/reader.h"
#include "worker/methods/catalogue.h"

namespace quantd {
namespace {

using ::testing::AllOf;
using testing::Classes;
using ::testing::ElementsAre;
using testing::FloatNpy;
using ::testing::HasSubstr;
using testing::Int64Npy;
using testing::JobBench;
using testing::Noise;
using ::testing::Not;
using ::testing::SizeIs;
using testing::TestModel;

constexpr int kRows = 24;
constexpr int kCalibrationRows = 8;

// The model on noise in its own units, with labels.
v1::JobSpec SpecOf(JobBench& bench, const std::string& model, const Shape& row, float lower,
                   float upper) {
  v1::JobSpec spec;
  *spec.mutable_model()->add_files() = bench.AddFile(model + ".onnx", TestModel(model));
  Shape shape = {kRows};
  shape.insert(shape.end(), row.begin(), row.end());
  const int64_t count = CheckedElementCount(shape).value();
  *spec.mutable_data()->add_files() =
      bench.AddFile("rows.npy", FloatNpy(shape, Noise(count, lower, upper, 1)));
  *spec.mutable_data()->add_files() =
      bench.AddFile("labels.npy", Int64Npy({kRows}, Classes(kRows, 10, 2)));
  spec.mutable_data()->mutable_labels()->set_array("labels.npy");
  spec.mutable_recipe()->set_preset("w8a8-minmax");
  spec.mutable_calibration()->set_rows(kCalibrationRows);
  spec.mutable_calibration()->set_batch_rows(4);
  spec.mutable_calibration()->set_seed(7);
  spec.mutable_evaluation()->set_bootstrap_replicates(200);
  return spec;
}

v1::JobSpec ResnetSpec(JobBench& bench) {
  return SpecOf(bench, "resnet8_cifar10", {3, 32, 32}, 0, 255);
}

const v1::Metric& FindMetric(const v1::QualityReport& report, const std::string& id) {
  for (const v1::Metric& metric : report.metrics()) {
    if (metric.id() == id) return metric;
  }
  ADD_FAILURE() << "no metric " << id;
  return v1::Metric::default_instance();
}

Model ExportedModel(const JobBench& bench, const std::string& name) {
  return ReadOnnxModel(bench.folder().OutputFilesFolder() + "/" + name, {}).value();
}

// The row numbers of rows.csv.
std::set<int64_t> RowsOfCsv(const std::string& csv) {
  std::set<int64_t> rows;
  for (size_t at = csv.find('\n') + 1; at < csv.size(); at = csv.find('\n', at) + 1) {
    EXPECT_TRUE(rows.insert(std::stoll(csv.substr(at))).second) << "a row appears twice";
  }
  return rows;
}

std::string DigestOfRows(const std::set<int64_t>& rows) {
  std::string text;
  for (const int64_t row : rows) text += std::to_string(row) + "\n";
  return Sha256Hex(text);
}

TEST(RunJobTest, LeavesAModelAndAReport) {
  JobBench bench;
  const v1::JobSpec spec = ResnetSpec(bench);
  ASSERT_OK(bench.Run(spec));
  const auto files = bench.OutputFiles();
  std::vector<std::string> names;
  for (const auto& [name, content] : files) {
    names.push_back(name);
    EXPECT_FALSE(content.empty()) << name;
  }
  EXPECT_THAT(names, ElementsAre("report.html", "report.json", "resnet8_cifar10.onnx_qdq.onnx",
                                 "rows.csv"));

  const v1::QualityReport report = bench.Report();
  EXPECT_EQ(report.engine_version(), kEngineVersion);
  EXPECT_EQ(report.model_name(), "resnet8_cifar10.onnx");
  EXPECT_FALSE(report.recipe_summary().empty());
  EXPECT_EQ(report.recipe().activation().range().id(), "minmax");
  EXPECT_THAT(report.timings(), SizeIs(7));  // Every stage but the report's own.
  const int64_t original = static_cast<int64_t>(TestModel("resnet8_cifar10").size());
  const int64_t quantized = static_cast<int64_t>(files.at("resnet8_cifar10.onnx_qdq.onnx").size());
  EXPECT_EQ(report.sizes().original_bytes(), original);
  EXPECT_EQ(report.sizes().quantized_bytes(), quantized);
  EXPECT_DOUBLE_EQ(report.sizes().ratio(),
                   static_cast<double>(quantized) / static_cast<double>(original));
  EXPECT_LT(report.sizes().ratio(), 0.5);
  EXPECT_LT(report.sizes().quantized_parameters(), report.sizes().parameters());
  EXPECT_GT(report.sizes().quantized_parameters(), 0.9 * report.sizes().parameters());

  // What the process measured of itself is no more than it can be.
  const v1::Measured& measured = report.measured();
  EXPECT_FALSE(measured.instruction_set().empty());
  EXPECT_GT(measured.activation_bytes(), 0);
  EXPECT_GT(measured.peak_memory_bytes(), measured.activation_bytes());
  // All ten layers are convolutions or products of weights.
  EXPECT_EQ(measured.integer().layers(), 10);
  EXPECT_GT(measured.integer().speedup(), 0);
  if (measured.integer().exact_sums()) {
    EXPECT_GE(measured.integer().top1_agreement(), 0.95);
    EXPECT_LT(measured.integer().output_difference(), 0.1);
  }
}

TEST(RunJobTest, NoRowBothCalibratesAndEvaluates) {
  JobBench bench;
  ASSERT_OK(bench.Run(ResnetSpec(bench)));
  const v1::DataUse use = bench.Report().data_use();
  EXPECT_EQ(use.rows_total(), kRows);
  EXPECT_EQ(use.calibration_rows(), kCalibrationRows);
  EXPECT_EQ(use.evaluation_rows(), kRows - kCalibrationRows);
  EXPECT_EQ(use.split_seed(), 7u);
  EXPECT_TRUE(use.labelled());

  // rows.csv tells which rows were evaluated; what calibrated must be exactly the others.
  const std::set<int64_t> evaluated = RowsOfCsv(bench.OutputFiles().at("rows.csv"));
  std::set<int64_t> others;
  for (int64_t row = 0; row < kRows; ++row) {
    if (evaluated.count(row) == 0) others.insert(row);
  }
  EXPECT_THAT(evaluated, SizeIs(kRows - kCalibrationRows));
  EXPECT_THAT(others, SizeIs(kCalibrationRows));
  EXPECT_EQ(use.evaluation_rows_digest(), DigestOfRows(evaluated));
  EXPECT_EQ(use.calibration_rows_digest(), DigestOfRows(others));
}

TEST(RunJobTest, MetricsAreThoseOfTheRowsFile) {
  JobBench bench;
  ASSERT_OK(bench.Run(ResnetSpec(bench)));
  const std::string csv = bench.OutputFiles().at("rows.csv");
  int rows = 0, agreed = 0, right = 0;
  double kl = 0;
  for (size_t at = csv.find('\n') + 1; at < csv.size(); at = csv.find('\n', at) + 1) {
    int row, label, reference, quantized;
    double row_kl, cosine;
    ASSERT_EQ(std::sscanf(csv.c_str() + at, "%d,%d,%d,%d,%lf,%lf", &row, &label, &reference,
                          &quantized, &row_kl, &cosine),
              6);
    EXPECT_EQ(label, Classes(kRows, 10, 2)[static_cast<size_t>(row)]);
    ++rows;
    agreed += reference == quantized;
    right += label == quantized;
    kl += row_kl;
  }
  const v1::QualityReport report = bench.Report();
  EXPECT_EQ(FindMetric(report, "top1_agreement").n(), rows);
  EXPECT_DOUBLE_EQ(FindMetric(report, "top1_agreement").value(), double(agreed) / rows);
  EXPECT_DOUBLE_EQ(FindMetric(report, "accuracy_quantized").value(), double(right) / rows);
  EXPECT_NEAR(FindMetric(report, "kl").value(), kl / rows, 1e-7);
  // Eight bits are enough for this model: the outputs hardly move.
  EXPECT_GT(FindMetric(report, "sqnr_db").value(), 15);
}

TEST(RunJobTest, ThreadsChangeNoByteOfTheOutput) {
  JobBench one, two;
  ASSERT_OK(one.Run(ResnetSpec(one), 1));
  ASSERT_OK(two.Run(ResnetSpec(two), 2));
  EXPECT_TRUE(one.OutputFiles() == two.OutputFiles());
}

TEST(RunJobTest, AResumedJobLeavesTheSameBytes) {
  JobBench bench;
  const v1::JobSpec spec = ResnetSpec(bench);
  ASSERT_OK(bench.Run(spec));
  const auto expected = bench.OutputFiles();
  ASSERT_THAT(bench.Checkpoints(), ElementsAre("output_shift", "statistics"));

  ASSERT_OK(bench.Run(spec));  // From both checkpoints.
  EXPECT_TRUE(bench.OutputFiles() == expected);

  ASSERT_OK(RemoveAll(bench.folder().CheckpointFolder() + "/output_shift"));
  ASSERT_OK(bench.Run(spec));  // As if the attempt was lost between the two.
  EXPECT_TRUE(bench.OutputFiles() == expected);

  ASSERT_OK(WriteFileAtomically(bench.folder().CheckpointFolder() + "/statistics", "torn"));
  ASSERT_OK(bench.Run(spec));
  EXPECT_TRUE(bench.OutputFiles() == expected);
}

TEST(RunJobTest, CheckpointsOfOtherWorkAreNotUsed) {
  JobBench fresh, used;
  v1::JobSpec spec = ResnetSpec(fresh);
  spec.mutable_calibration()->set_seed(8);
  ASSERT_OK(fresh.Run(spec));
  ASSERT_OK(used.Run(ResnetSpec(used)));  // Leaves checkpoints of seed 7.
  ASSERT_OK(used.Run(spec));
  EXPECT_TRUE(used.OutputFiles() == fresh.OutputFiles());
}

TEST(RunJobTest, ExcludedLayersStayInFullPrecision) {
  JobBench bench;
  v1::JobSpec spec = ResnetSpec(bench);
  v1::LayerRule& rule = *spec.mutable_recipe()->add_rules();
  rule.set_op_type("Gemm");
  rule.set_exclude(true);
  ASSERT_OK(bench.Run(spec));
  const Model model = ExportedModel(bench, "resnet8_cifar10.onnx_qdq.onnx");
  const GraphIndex index(model.graph);
  std::set<std::string> excluded;
  const v1::QualityReport report = bench.Report();
  for (const v1::LayerQuality& layer : report.layers()) {
    EXPECT_EQ(layer.excluded(), layer.op_type() == "Gemm") << layer.node();
    if (layer.excluded()) excluded.insert(layer.node());
  }
  EXPECT_THAT(excluded, SizeIs(1));
  for (const Node& node : model.graph.nodes) {
    if (!node.Is("Conv") && !node.Is("Gemm") && !node.Is("MatMul")) continue;
    for (size_t i = 0; i < 2; ++i) {
      const Node* producer = index.Producer(node.inputs[i]);
      const bool dequantized = producer != nullptr && producer->Is("DequantizeLinear");
      EXPECT_EQ(dequantized, excluded.count(node.name) == 0) << node.name << " input " << i;
    }
  }
}

TEST(RunJobTest, TheModelTellsWhereItCameFrom) {
  JobBench bench;
  const v1::JobSpec spec = ResnetSpec(bench);
  ASSERT_OK(bench.Run(spec));
  const Model model = ExportedModel(bench, "resnet8_cifar10.onnx_qdq.onnx");
  EXPECT_EQ(model.producer_name, "quantd");
  EXPECT_EQ(model.producer_version, kEngineVersion);
  EXPECT_EQ(model.metadata.at("quantd.version"), kEngineVersion);
  EXPECT_EQ(model.metadata.at("quantd.input.model.resnet8_cifar10.onnx"),
            "sha256:" + Sha256Hex(TestModel("resnet8_cifar10")));
  EXPECT_EQ(model.metadata.at("quantd.data.rows"),
            bench.Report().data_use().calibration_rows_digest());
  EXPECT_TRUE(absl::StrContains(model.metadata.at("quantd.recipe"), "bias_correction"));
  EXPECT_EQ(model.opset(), 13);
}

TEST(RunJobTest, EveryExportHasItsName) {
  JobBench bench;
  v1::JobSpec spec = testing::TinySpec(bench);
  spec.add_exports()->set_file_name(std::string(240, 'a'));
  spec.add_exports()->set_file_name("first.onnx");
  spec.add_exports()->set_format("onnx_qdq");
  ASSERT_OK(bench.Run(spec));
  const auto files = bench.OutputFiles();
  EXPECT_EQ(files.count("first.onnx"), 1u);
  EXPECT_EQ(files.count(std::string(240, 'a')), 1u);
  EXPECT_EQ(files.count("tiny.onnx_qdq.onnx"), 1u);
}

TEST(RunJobTest, EvaluationDataOfItsOwnLeavesAllRowsToCalibrate) {
  JobBench bench;
  v1::JobSpec spec = testing::TinySpec(bench);
  spec.mutable_calibration()->set_rows(40);
  *spec.mutable_evaluation_data()->add_files() =
      bench.AddFile("held_out.npy", FloatNpy({9, 4}, Noise(36, -1, 1, 3)));
  ASSERT_OK(bench.Run(spec));
  const v1::QualityReport report = bench.Report();
  EXPECT_EQ(report.data_use().calibration_rows(), 40);
  EXPECT_EQ(report.data_use().evaluation_rows(), 9);
  EXPECT_FALSE(report.data_use().labelled());
  EXPECT_EQ(report.data_use().rows_total(), 49);
  EXPECT_THAT(report.data_use().source(), AllOf(HasSubstr("rows.npy"), HasSubstr("held_out.npy")));
  const std::string source =
      ExportedModel(bench, "tiny.onnx_qdq.onnx").metadata.at("quantd.data.source");
  EXPECT_THAT(source, AllOf(HasSubstr("rows.npy"), Not(HasSubstr("held_out.npy"))));
  EXPECT_EQ(FindMetric(report, "accuracy_quantized").status(), v1::METRIC_NOT_APPLICABLE);
}

TEST(RunJobTest, AModelWithAFixedBatchOfOneAndOpset7Works) {
  JobBench bench;
  ASSERT_OK(bench.Run(SpecOf(bench, "mnist_cnn", {1, 28, 28}, 0, 255)));
  const v1::QualityReport report = bench.Report();
  EXPECT_EQ(FindMetric(report, "top1_agreement").n(), kRows - kCalibrationRows);
  EXPECT_GT(FindMetric(report, "sqnr_db").value(), 15);
  EXPECT_EQ(ExportedModel(bench, "mnist_cnn.onnx_qdq.onnx").opset(), 13);
}

TEST(RunJobTest, TheTransformerWorks) {
  JobBench bench;
  ASSERT_OK(bench.Run(SpecOf(bench, "vit_fmnist", {1, 28, 28}, -0.8f, 2), 2));
  const v1::QualityReport report = bench.Report();
  EXPECT_GT(FindMetric(report, "sqnr_db").value(), 10);
  EXPECT_EQ(ExportedModel(bench, "vit_fmnist.onnx_qdq.onnx").opset(), 17);
}

int CountOf(const Graph& graph, absl::string_view type) {
  return static_cast<int>(std::count_if(graph.nodes.begin(), graph.nodes.end(),
                                        [&](const Node& node) { return node.op_type == type; }));
}

class PresetTest : public ::testing::TestWithParam<std::string> {};

TEST_P(PresetTest, RunsAndKeepsTheModelWhole) {
  JobBench bench;
  // The rows are noise. On noise the convolutional network is sure of whatever class it sees, so that four bits turn
  // some of them over; the transformer is not.
  const bool four_bits = GetParam().rfind("w4", 0) == 0;
  v1::JobSpec spec = four_bits ? SpecOf(bench, "vit_fmnist", {1, 28, 28}, -0.8f, 2) : ResnetSpec(bench);
  spec.mutable_recipe()->set_preset(GetParam());
  ASSERT_OK(bench.Run(spec));
  EXPECT_GT(FindMetric(bench.Report(), "cosine").value(), 0.95);
}

INSTANTIATE_TEST_SUITE_P(All, PresetTest,
                         ::testing::Values("w8a8-minmax", "w8a8-percentile", "w8a8-mse",
                                           "w8a8-entropy", "w8a8-dynamic", "w8", "w8-g128",
                                           "w4-g128", "w4-g32", "w4-g32-asym"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(PresetListTest, TheListAboveIsComplete) { EXPECT_THAT(MakeCatalogue().presets, SizeIs(10)); }

TEST(RunJobTest, WeightsAloneAreWrittenInBothTheirForms) {
  JobBench bench;
  v1::JobSpec spec = testing::TinySpec(bench);
  spec.mutable_recipe()->set_preset("w4-g32");
  spec.add_exports()->set_format("onnx_qdq");
  spec.add_exports()->set_format("onnx_matmul_nbits");
  ASSERT_OK(bench.Run(spec));
  const Model plain = ExportedModel(bench, "tiny.onnx_qdq.onnx");
  EXPECT_EQ(plain.opset(), 21);
  EXPECT_THAT(CountOf(plain.graph, "DequantizeLinear"), 2);
  EXPECT_THAT(CountOf(plain.graph, "QuantizeLinear"), 0);
  const Model packed = ExportedModel(bench, "tiny.onnx_matmul_nbits.onnx");
  EXPECT_THAT(CountOf(packed.graph, "MatMulNBits"), 2);
  EXPECT_EQ(packed.opset_imports.at("com.microsoft"), 1);
  // No range was calibrated; the rows served to correct biases.
  EXPECT_THAT(bench.Checkpoints(), ::testing::ElementsAre("output_shift"));
}

TEST(RunJobTest, CodesMadeAtRunTimeAreWrittenInTheirFormWithoutBeingAsked) {
  JobBench bench;
  v1::JobSpec spec = testing::TinySpec(bench);
  spec.mutable_recipe()->set_preset("w8a8-dynamic");
  ASSERT_OK(bench.Run(spec));
  const Model model = ExportedModel(bench, "tiny.onnx_dynamic.onnx");
  EXPECT_THAT(CountOf(model.graph, "MatMulInteger"), 2);
  EXPECT_THAT(CountOf(model.graph, "DynamicQuantizeLinear"), 2);
}

}  // namespace
}  // namespace quantd
