#include "tests/worker/quality/sample_report.h"

#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/random.h"
#include "worker/quality/metrics.h"

namespace quantd {
namespace {

// Roughly normal: the sum of twelve uniform numbers has variance 1.
double Normal(Random& random) {
  double sum = -6;
  for (int i = 0; i < 12; ++i) sum += random.Uniform();
  return sum;
}

Summary SampleSummary() {
  constexpr int kRows = 2000;
  constexpr int kClasses = 10;
  Random random(11);
  std::vector<RowScores> rows;
  std::vector<int64_t> labels;
  for (int i = 0; i < kRows; ++i) {
    const int64_t label = static_cast<int64_t>(random.Below(kClasses));
    std::vector<double> reference(kClasses);
    std::vector<double> quantized(kClasses);
    for (int c = 0; c < kClasses; ++c) {
      reference[static_cast<size_t>(c)] = 1.5 * Normal(random) + (c == label ? 5.5 : 0);
      quantized[static_cast<size_t>(c)] = reference[static_cast<size_t>(c)] + 0.06 * Normal(random);
    }
    const OutputRow row{reference, quantized};
    rows.push_back(ScoreRow(OutputKind::kLogits, {&row, 1}).value());
    labels.push_back(label);
  }
  SummaryOptions options;
  options.bootstrap_replicates = 1000;
  options.seed = 7;
  options.population = "rows like the held-out rows of fashion-mnist test";
  return Summarize(OutputKind::kLogits, rows, labels, options).value();
}

LayerQuality SampleLayer(const std::string& node, const std::string& op_type, int index) {
  Random random = Random(5).Fork(static_cast<uint64_t>(index));
  LayerQuality layer;
  layer.node = node;
  layer.op_type = op_type;
  layer.sqnr_db = 41 - 0.55 * index + 6 * random.Uniform() - (op_type == "Gemm" ? 6 : 0);
  layer.cosine = 1 - 0.5 * std::pow(10.0, -layer.sqnr_db / 10);
  layer.weight_format = "int8_sym per_channel";
  layer.observed_min = op_type == "Gemm" ? -0.17 : -4.2 - random.Uniform();
  layer.observed_max = 5.5 + 6 * random.Uniform();
  layer.clip_lower = layer.observed_min;
  layer.clip_upper = 0.72 * layer.observed_max;
  layer.activation_scale = (layer.clip_upper - layer.clip_lower) / 255;
  layer.activation_zero_point =
      static_cast<int32_t>(std::lround(-layer.clip_lower / layer.activation_scale));
  layer.histogram = {layer.observed_min, layer.observed_max, {}};
  constexpr int kBins = 64;
  for (int bin = 0; bin < kBins; ++bin) {
    const double centre =
        layer.observed_min + (layer.observed_max - layer.observed_min) * (bin + 0.5) / kBins;
    layer.histogram.counts.push_back(static_cast<uint64_t>(
        2e5 * std::exp(-std::abs(centre) * 1.35) * (0.6 + 0.8 * random.Uniform())));
  }
  return layer;
}

}  // namespace

QualityReport SampleReport() {
  QualityReport report;
  report.engine_version = "0.1.0";
  report.model_name = "vit_fmnist.onnx";
  report.recipe_summary =
      "w8a8-mse: weights int8_sym per_channel mse, activations uint8_asym per_tensor mse, bias "
      "correction";
  report.recipe.weight = {{"int8_sym", {}},
                          {"per_channel", {}},
                          {"mse", {{"candidates", int64_t{100}}}},
                          {"nearest", {}}};
  report.recipe.activation = {{"uint8_asym", {}}, {"per_tensor", {}}, {"mse", {}}, {}};
  report.recipe.compensations = {{"bias_correction", {}}};
  report.recipe.rules = {{"Softmax", "", true}};

  Summary summary = SampleSummary();
  report.metrics = std::move(summary.metrics);
  report.score_distribution = std::move(summary.score_distribution);
  report.warnings = std::move(summary.warnings);

  int index = 0;
  report.layers.push_back(SampleLayer("/patch_embed/Conv", "Conv", index++));
  for (int block = 0; block < 6; ++block) {
    for (const char* part :
         {"attn/qkv/MatMul", "attn/proj/MatMul", "mlp/fc1/Gemm", "mlp/fc2/Gemm"}) {
      const std::string node = absl::StrCat("/blocks.", block, "/", part);
      report.layers.push_back(
          SampleLayer(node, node.ends_with("Gemm") ? "Gemm" : "MatMul", index++));
    }
  }
  LayerQuality head;
  head.node = "/head/Gemm";
  head.op_type = "Gemm";
  head.excluded = true;
  report.layers.push_back(head);

  report.data_use = {"fashion-mnist test (t10k-images-idx3-ubyte.gz)",
                     10000,
                     256,
                     2000,
                     42,
                     true,
                     std::string(64, 'a'),
                     std::string(64, 'b')};
  report.sizes = {1935412, 543210, 0.2807, 474634, 468720};
  report.timings = {{"import", 0.04},
                    {"calibrate", 6.31},
                    {"quantize", 2.75},
                    {"evaluate", 48.9},
                    {"export", 0.11}};
  report.inputs = {{"model", "vit_fmnist.onnx", std::string(64, 'c')},
                   {"data", "t10k-images-idx3-ubyte.gz", std::string(64, 'd')}};
  return report;
}

}  // namespace quantd
