// The models of tests/support/models are what they claim to be, and the executor runs them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "common/random.h"
#include "tests/support/models/bert.h"
#include "tests/support/models/resnet.h"
#include "tests/support/models/vit.h"
#include "tests/support/status_matchers.h"
#include "worker/backend/backend.h"
#include "worker/exec/executor.h"

namespace quantd {
namespace {

using testing::BertOptions;
using testing::ResNetOptions;
using testing::VitOptions;

// Float32 values that a model file would hold, exporters' scalar constants aside.
int64_t CountWeights(const Model& model) {
  int64_t count = 0;
  for (const auto& [name, tensor] : model.graph.initializers) {
    if (tensor.dtype() == DataType::kFloat && tensor.rank() > 0) count += tensor.size();
  }
  return count;
}

TensorMap RunModel(const Model& model, const TensorMap& feeds) {
  const auto executor = CompileGraph(model.graph, model.opset(), CpuBackend());
  EXPECT_OK(executor.status());
  const auto outputs = (*executor)->Run(feeds);
  EXPECT_OK(outputs.status());
  return *outputs;
}

Tensor Image(int64_t batch, int64_t side) {
  Tensor image(DataType::kFloat, {batch, 3, side, side});
  Random random(3);
  float* values = image.mutable_data<float>();
  for (int64_t i = 0; i < image.size(); ++i) {
    values[i] = static_cast<float>(3.4641016 * (random.Uniform() - 0.5));  // Deviation 1.
  }
  return image;
}

// Every value finite, and neither vanishing nor exploding through the layers.
void ExpectSane(const Tensor& tensor) {
  double squares = 0;
  for (int64_t i = 0; i < tensor.size(); ++i) {
    const float value = tensor.data<float>()[i];
    ASSERT_TRUE(std::isfinite(value));
    squares += static_cast<double>(value) * value;
  }
  const double deviation = std::sqrt(squares / static_cast<double>(tensor.size()));
  EXPECT_GT(deviation, 0.1);
  EXPECT_LT(deviation, 10);
}

void ExpectNear(const float* actual, const float* expected, int64_t count) {
  for (int64_t i = 0; i < count; ++i) ASSERT_NEAR(actual[i], expected[i], 1e-4) << "at " << i;
}

// A row's output is its own, whatever runs beside it.
void ExpectRowsIndependent(const Model& model, const Tensor& images, int64_t classes) {
  const std::string output = model.graph.outputs[0].name;
  const Tensor both = RunModel(model, {{"input", images}}).at(output);
  ASSERT_EQ(both.shape(), (Shape{images.dim(0), classes}));
  ExpectSane(both);
  for (int64_t row = 0; row < images.dim(0); ++row) {
    const Tensor one = RunModel(model, {{"input", images.Rows(row, 1)}}).at(output);
    ExpectNear(both.data<float>() + row * classes, one.data<float>(), classes);
  }
  EXPECT_NE(both.data<float>()[0], both.data<float>()[classes]);
}

// Published: torchvision's resnet50 has 25,557,032 parameters; each of its 26,560 normalized
// channels has a running mean and a variance beside them.
TEST(GeneratedModelsTest, ResNet50HasItsPublishedSize) {
  EXPECT_EQ(CountWeights(testing::MakeResNet()), 25'557'032 + 2 * 26'560);
}

// Published: bert-base-uncased has 109,482,240 parameters.
TEST(GeneratedModelsTest, BertBaseHasItsPublishedSize) {
  EXPECT_EQ(CountWeights(testing::MakeBert()), 109'482'240);
}

// Published: ViT-B/16 has 86,567,656 parameters.
TEST(GeneratedModelsTest, VitHasItsPublishedSize) {
  EXPECT_EQ(CountWeights(testing::MakeVit()), 86'567'656);
}

TEST(GeneratedModelsTest, ResNetRunsOnAnyBatch) {
  const ResNetOptions options{.blocks = {2, 1}, .width = 8, .image = 32, .classes = 10};
  ExpectRowsIndependent(testing::MakeResNet(options), Image(2, 32), 10);
}

TEST(GeneratedModelsTest, VitRunsOnAnyBatch) {
  const VitOptions options{.layers = 2,
                           .hidden = 32,
                           .heads = 4,
                           .intermediate = 64,
                           .image = 16,
                           .patch = 4,
                           .classes = 10};
  ExpectRowsIndependent(testing::MakeVit(options), Image(2, 16), 10);
}

TensorMap Tokens(const std::vector<int64_t>& ids, const std::vector<int64_t>& mask) {
  const auto length = static_cast<int64_t>(ids.size());
  return {{"input_ids", Tensor::Of({1, length}, ids)},
          {"attention_mask", Tensor::Of({1, length}, mask)},
          {"token_type_ids", Tensor(DataType::kInt64, {1, length})}};
}

TEST(GeneratedModelsTest, BertDoesNotSeePadding) {
  const BertOptions options{.layers = 2,
                            .hidden = 32,
                            .heads = 4,
                            .intermediate = 64,
                            .vocabulary = 50,
                            .sequence_max = 16};
  const Model model = testing::MakeBert(options);
  const std::string hidden = model.graph.outputs[0].name, pooled = model.graph.outputs[1].name;
  TensorMap plain = RunModel(model, Tokens({7, 3, 49, 0}, {1, 1, 1, 1}));
  ASSERT_EQ(plain.at(hidden).shape(), (Shape{1, 4, 32}));
  ASSERT_EQ(plain.at(pooled).shape(), (Shape{1, 32}));
  ExpectSane(plain.at(hidden));

  TensorMap padded = RunModel(model, Tokens({7, 3, 49, 0, 11, 12}, {1, 1, 1, 1, 0, 0}));
  ASSERT_EQ(padded.at(hidden).shape(), (Shape{1, 6, 32}));
  ExpectNear(padded.at(hidden).data<float>(), plain.at(hidden).data<float>(), 4 * 32);
  ExpectNear(padded.at(pooled).data<float>(), plain.at(pooled).data<float>(), 32);

  // A token that is not masked is seen.
  TensorMap longer = RunModel(model, Tokens({7, 3, 49, 0, 11, 12}, {1, 1, 1, 1, 1, 1}));
  EXPECT_GT(std::abs(longer.at(hidden).data<float>()[0] - plain.at(hidden).data<float>()[0]), 1e-3);
}

TEST(GeneratedModelsTest, SeedDecidesTheWeights) {
  VitOptions options{.layers = 1,
                     .hidden = 16,
                     .heads = 2,
                     .intermediate = 16,
                     .image = 8,
                     .patch = 4,
                     .classes = 3};
  const Model first = testing::MakeVit(options), again = testing::MakeVit(options);
  ++options.seed;
  const Model other = testing::MakeVit(options);
  const std::string name = "head.weight";
  const Tensor& weight = first.graph.initializers.at(name);
  EXPECT_TRUE(IdenticalTensors(weight, again.graph.initializers.at(name)));
  EXPECT_FALSE(IdenticalTensors(weight, other.graph.initializers.at(name)));
}

}  // namespace
}  // namespace quantd
