// The four real models against ONNX Runtime's outputs (tests/data/golden/make_golden.js).
#include <algorithm>
#include <cmath>
#include <cstring>

#include "common/file.h"
#include "common/status_macros.h"
#include "tests/support/status_matchers.h"
#include "worker/backend/backend.h"
#include "worker/exec/executor.h"
#include "worker/exec/fold_constants.h"
#include "worker/graph/rewrites/convert_opset.h"
#include "worker/graph/rewrites/fold_batch_norm.h"
#include "worker/graph/rewrites/fold_conv_add.h"
#include "worker/graph/rewrites/remove_identities.h"
#include "worker/io/onnx/reader.h"

namespace quantd {
namespace {

struct GoldenCase {
  std::string name;
  Shape input;
  double scale;
  double shift;
};

Tensor MakeInput(const GoldenCase& golden) {
  Tensor input(DataType::kFloat, golden.input);
  for (int64_t k = 0; k < input.size(); ++k) {
    // JavaScript's 32-bit product and its signed remainder.
    const int32_t product = static_cast<int32_t>(static_cast<uint32_t>(k) * 7919u);
    const int64_t pixel = ((static_cast<int64_t>(product) + (k >> 5) * 31) % 256 + 256) % 256;
    input.mutable_data<float>()[k] =
        static_cast<float>(static_cast<double>(pixel) * golden.scale + golden.shift);
  }
  return input;
}

std::vector<float> ReadGolden(const std::string& name) {
  const std::string bytes =
      ReadFile(std::string(QUANTD_TEST_DATA) + "/golden/" + name + ".f32", 1 << 20).value();
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

Model ReadModel(const std::string& name) {
  return ReadOnnxModel(std::string(QUANTD_TEST_DATA) + "/models/" + name + ".onnx", {}).value();
}

void ExpectGolden(const Model& model, const GoldenCase& golden) {
  ASSERT_OK_AND_ASSIGN(const auto executor, CompileGraph(model.graph, model.opset(), CpuBackend()));
  const TensorMap feeds = {{model.graph.inputs[0].name, MakeInput(golden)}};
  ASSERT_OK_AND_ASSIGN(const TensorMap outputs, executor->Run(feeds));
  const Tensor& output = outputs.at(model.graph.outputs[0].name);
  const std::vector<float> expected = ReadGolden(golden.name);
  ASSERT_EQ(static_cast<size_t>(output.size()), expected.size());
  float largest = 0, error = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    error = std::max(error, std::abs(output.data<float>()[i] - expected[i]));
  }
  EXPECT_LE(error, 1e-4 * largest);
}

class GoldenTest : public ::testing::TestWithParam<GoldenCase> {};

TEST_P(GoldenTest, AgreesWithOnnxRuntime) { ExpectGolden(ReadModel(GetParam().name), GetParam()); }

TEST_P(GoldenTest, AgreesWithOnnxRuntimeAfterCleanUp) {
  Model model = ReadModel(GetParam().name);
  ASSERT_OK(RaiseOpset(model, 13));
  ASSERT_OK(RemoveIdentities(model.graph));
  ASSERT_OK(FoldConstants(model.graph, model.opset(), CpuBackend()));
  ASSERT_OK(FoldBatchNorm(model.graph));
  ASSERT_OK(FoldConvAdd(model.graph));
  for (const Node& node : model.graph.nodes) EXPECT_NE(node.op_type, "BatchNormalization");
  ExpectGolden(model, GetParam());
}

TEST_P(GoldenTest, ThreadsChangeNoBit) {
  const Model model = ReadModel(GetParam().name);
  ASSERT_OK_AND_ASSIGN(const auto executor, CompileGraph(model.graph, model.opset(), CpuBackend()));
  const TensorMap feeds = {{model.graph.inputs[0].name, MakeInput(GetParam())}};
  ASSERT_OK_AND_ASSIGN(const TensorMap expected, executor->Run(feeds));
  std::vector<TensorMap> results(4);
  ASSERT_OK(ParallelFor(4, 2, [&](int64_t i) -> absl::Status {
    ASSIGN_OR_RETURN(results[static_cast<size_t>(i)], executor->Run(feeds));
    return absl::OkStatus();
  }));
  for (const TensorMap& result : results) {
    EXPECT_TRUE(IdenticalTensors(result.begin()->second, expected.begin()->second));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Models, GoldenTest,
    ::testing::Values(GoldenCase{"mnist_cnn", {1, 1, 28, 28}, 1, 0},
                      GoldenCase{"resnet8_cifar10", {3, 3, 32, 32}, 1, 0},
                      GoldenCase{"mobilenet_v1_025_224", {2, 3, 224, 224}, 1 / 127.5, -1},
                      GoldenCase{"vit_fmnist", {3, 1, 28, 28}, 1 / 255.0 / 0.353, -0.286 / 0.353}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace quantd
