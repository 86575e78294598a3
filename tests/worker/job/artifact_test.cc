// The files that a job leaves hold together: the exported model is the one that was evaluated, and
// the readable report is the one that the server gets.
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <cstdio>
#include <numeric>

#include "common/file.h"
#include "tests/support/status_matchers.h"
#include "tests/worker/job/job_bench.h"
#include "worker/backend/backend.h"
#include "worker/exec/executor.h"
#include "worker/io/onnx/reader.h"
#include "worker/job/job_runner.h"
#include "worker/job/protocol/event_pipe.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::JobBench;
using testing::Noise;
using testing::TinySpec;

// Class of each of the 40 rows of TinySpec(), by the model of this file.
std::vector<int> ClassesOf(const std::string& path) {
  const Model model = ReadOnnxModel(path, {}).value();
  const auto executor = CompileGraph(model.graph, model.opset(), CpuBackend()).value();
  const Tensor x = Tensor::Of<float>({40, 4}, Noise(160, -2, 2, 5));
  const Tensor y = executor->Run({{"x", x}}).value().at("y");
  std::vector<int> classes;
  for (int64_t row = 0; row < 40; ++row) {
    const float* logits = y.data<float>() + row * 3;
    classes.push_back(static_cast<int>(std::max_element(logits, logits + 3) - logits));
  }
  return classes;
}

TEST(ArtifactTest, TheExportedModelIsTheOneThatWasEvaluated) {
  JobBench bench;
  const v1::JobSpec spec = TinySpec(bench);
  ASSERT_OK(bench.Run(spec));
  const std::vector<int> original =
      ClassesOf(bench.folder().InputFile(spec.model().files(0).digest()));
  const std::vector<int> exported =
      ClassesOf(bench.folder().OutputFilesFolder() + "/tiny.onnx_qdq.onnx");
  const std::string csv = bench.OutputFiles().at("rows.csv");
  int rows = 0;
  for (size_t at = csv.find('\n') + 1; at < csv.size(); at = csv.find('\n', at) + 1) {
    int row, label, reference, quantized;
    ASSERT_EQ(std::sscanf(csv.c_str() + at, "%d,%d,%d,%d", &row, &label, &reference, &quantized),
              4);
    EXPECT_EQ(reference, original[static_cast<size_t>(row)]);
    EXPECT_EQ(quantized, exported[static_cast<size_t>(row)]);
    ++rows;
  }
  EXPECT_EQ(rows, 30);
}

TEST(ArtifactTest, TheReadableReportIsTheServersWithoutWhatWasMeasured) {
  JobBench bench;
  ASSERT_OK(bench.Run(TinySpec(bench)));
  v1::QualityReport readable;
  ASSERT_TRUE(
      google::protobuf::util::JsonStringToMessage(bench.OutputFiles().at("report.json"), &readable)
          .ok());
  EXPECT_TRUE(readable.timings().empty());
  v1::QualityReport report = bench.Report();
  EXPECT_FALSE(readable.has_measured());
  report.clear_timings();
  report.clear_measured();
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(report, readable));
  // Nothing that is zero is left out: the last layer's input begins at zero, behind a Relu.
  EXPECT_THAT(bench.OutputFiles().at("report.json"), HasSubstr("\"observed_min\": 0,"));
}

TEST(ArtifactTest, LayersAreDescribedByTheirOwnNumbers) {
  JobBench bench;
  ASSERT_OK(bench.Run(TinySpec(bench)));
  const v1::QualityReport report = bench.Report();
  ASSERT_EQ(report.layers_size(), 2);
  EXPECT_EQ(report.layers(0).node(), "first");
  EXPECT_EQ(report.layers(1).node(), "last");
  for (const v1::LayerQuality& layer : report.layers()) {
    EXPECT_EQ(layer.op_type(), "Gemm");
    EXPECT_EQ(layer.weight_format(), "int8_sym");
    // The preset takes the full range, so the clip is what was seen, up to the zero point's half
    // step.
    EXPECT_NEAR(layer.clip_lower(), std::min(layer.observed_min(), 0.0), layer.activation_scale());
    EXPECT_NEAR(layer.clip_upper(), layer.observed_max(), layer.activation_scale());
    EXPECT_GT(layer.sqnr_db(), 20);
    EXPECT_GT(layer.cosine(), 0.99);
    EXPECT_LE(layer.histogram().lower(), layer.observed_max());
    EXPECT_GE(layer.histogram().upper(), layer.observed_max());
  }
  // Ten rows of four numbers, none of them zero.
  const auto& counts = report.layers(0).histogram().counts();
  EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), uint64_t{0}), 40u);
  EXPECT_EQ(report.layers(1).observed_min(), 0);  // Behind a Relu.
}

TEST(ArtifactTest, InputsAreNamedByTheirDigests) {
  JobBench bench;
  const v1::JobSpec spec = TinySpec(bench);
  ASSERT_OK(bench.Run(spec));
  std::vector<std::string> inputs;
  const v1::QualityReport report = bench.Report();
  for (const v1::InputDigest& input : report.inputs()) {
    inputs.push_back(input.role() + " " + input.name() + " " + input.digest());
  }
  EXPECT_THAT(inputs, ElementsAre("model tiny.onnx " + spec.model().files(0).digest(),
                                  "data rows.npy " + spec.data().files(0).digest(),
                                  "data labels.npy " + spec.data().files(1).digest()));
}

TEST(EventsTest, StagesFollowEachOtherAndTheShareNeverFalls) {
  JobBench bench;
  ASSERT_OK(bench.Run(TinySpec(bench)));  // Prepares the folder.
  std::FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  ASSERT_OK(RunJob({.folder = bench.folder(), .events_fd = ::fileno(file)}));
  std::rewind(file);
  std::string bytes(1 << 20, '\0');
  bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file));
  std::fclose(file);
  ASSERT_OK_AND_ASSIGN(const std::vector<v1::JobEvent> events, EventParser().Feed(bytes));
  std::vector<std::string> stages;
  double share = 0;
  for (const v1::JobEvent& event : events) {
    if (!event.has_progress()) continue;
    if (stages.empty() || stages.back() != event.progress().stage()) {
      stages.push_back(event.progress().stage());
    }
    EXPECT_GE(event.progress().fraction(), share);
    EXPECT_LE(event.progress().fraction(), 1);
    share = event.progress().fraction();
  }
  EXPECT_THAT(stages, ElementsAre("import", "plan", "calibrate", "transform", "quantize",
                                  "evaluate", "export", "report"));
}

}  // namespace
}  // namespace quantd
