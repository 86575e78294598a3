// Integer layers against sums computed one by one in 64 bits. Weights stay within -64..64 where the processor would
// not add bytes exactly otherwise.
#include <algorithm>
#include <cmath>

#include "tests/worker/backend/cpu/kernel_bench.h"

namespace quantd {
namespace {

using testing::Attributes;
using testing::HasReason;
using testing::ValuesOf;

template <typename T>
Tensor RandomCodes(const Shape& shape, uint64_t seed, int lowest, int highest) {
  Random random(seed);
  Tensor tensor(DataTypeOf<T>::value, shape);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.mutable_data<T>()[i] = static_cast<T>(lowest + std::floor(random.Uniform() * (highest - lowest + 1)));
  }
  return tensor;
}

int WeightLimit() { return CpuSumsBytesExactly() ? 127 : 64; }

struct Layer {
  Tensor x, w, bias;
  uint8_t x_zero = 7;
  float x_scale = 0.05f;
  std::vector<float> w_scale;

  // All inputs but x are constants of the node.
  absl::StatusOr<Tensor> Run(const std::string& type, Attributes attributes, std::vector<Tensor> result) const {
    std::vector<Tensor> inputs = {x,
                                  Tensor::Scalar<float>(x_scale),
                                  Tensor::Scalar<uint8_t>(x_zero),
                                  w,
                                  Tensor::Of<float>({static_cast<int64_t>(w_scale.size())}, w_scale),
                                  Tensor(DataType::kInt8, {static_cast<int64_t>(w_scale.size())}),
                                  bias};
    inputs.insert(inputs.end(), result.begin(), result.end());
    Node node{.name = "layer", .op_type = type, .domain = "quantd", .outputs = {"y"}, .attributes = std::move(attributes)};
    KernelContext context{.node = node, .opset = 17};
    std::vector<const Tensor*> pointers;
    for (size_t i = 0; i < inputs.size(); ++i) {
      node.inputs.push_back(inputs[i].defined() ? "in" + std::to_string(i) : "");
      context.constants.push_back(i == 0 ? Tensor() : inputs[i]);
      pointers.push_back(inputs[i].defined() ? &inputs[i] : nullptr);
    }
    ASSIGN_OR_RETURN(const auto kernel, CpuBackend().MakeKernel(context));
    Outputs outputs(1);
    omp_set_num_threads(1);
    RETURN_IF_ERROR(kernel->Run(pointers, outputs));
    return outputs[0];
  }
};

// [M, K] x [K, N], and the same with W stored [N, K].
TEST(IntegerLayersTest, AProductIsTheScaledSumOfCodes) {
  const int64_t m = 5, k = 37, n = 6;
  Layer layer{.x = RandomCodes<uint8_t>({m, k}, 1, 0, 255),
              .w = RandomCodes<int8_t>({k, n}, 2, -WeightLimit(), WeightLimit()),
              .bias = RandomCodes<int32_t>({n}, 3, -5000, 5000),
              .w_scale = {0.01f, 0.02f, 0.005f, 0.04f, 0.01f, 0.03f}};
  std::vector<double> expected;
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      int64_t sum = layer.bias.data<int32_t>()[j];
      for (int64_t l = 0; l < k; ++l) {
        sum += (layer.x.data<uint8_t>()[i * k + l] - 7) * layer.w.data<int8_t>()[l * n + j];
      }
      expected.push_back(static_cast<double>(sum) * 0.05f * layer.w_scale[static_cast<size_t>(j)]);
    }
  }
  ASSERT_OK_AND_ASSIGN(const Tensor y, layer.Run("IntegerMatMul", {}, {}));
  testing::ExpectNear(y, {m, n}, expected, 1e-4);

  // Codes: y / 0.5 + 100, cut to 0..255; relu first.
  ASSERT_OK_AND_ASSIGN(const Tensor codes,
                       layer.Run("IntegerMatMul", {{"relu", int64_t{1}}},
                                 {Tensor::Scalar<float>(0.5f), Tensor::Scalar<uint8_t>(100)}));
  ASSERT_EQ(codes.dtype(), DataType::kUint8);
  for (size_t i = 0; i < expected.size(); ++i) {
    const double exact = std::clamp(std::max(expected[i], 0.0) / 0.5 + 100, 0.0, 255.0);
    EXPECT_NEAR(codes.data<uint8_t>()[i], exact, 0.501) << i;  // Half a code, and float32's rounding of it.
  }

  Layer transposed = layer;
  transposed.w = Tensor(DataType::kInt8, {n, k});
  for (int64_t l = 0; l < k; ++l) {
    for (int64_t j = 0; j < n; ++j) {
      transposed.w.mutable_data<int8_t>()[j * k + l] = layer.w.data<int8_t>()[l * n + j];
    }
  }
  ASSERT_OK_AND_ASSIGN(const Tensor same, transposed.Run("IntegerMatMul", {{"transB", int64_t{1}}}, {}));
  EXPECT_EQ(ValuesOf(same), ValuesOf(y));
}

// Padding stands for 0, which is the code 7 here.
TEST(IntegerLayersTest, AConvolutionPadsWithZeroNotWithTheCodeZero) {
  Layer layer{.x = RandomCodes<uint8_t>({2, 3, 5, 4}, 1, 0, 255),
              .w = RandomCodes<int8_t>({4, 3, 3, 3}, 2, -WeightLimit(), WeightLimit()),
              .w_scale = {0.01f}};
  const Attributes attributes = {{"pads", std::vector<int64_t>{1, 1, 1, 1}}};
  std::vector<double> expected;
  for (int64_t b = 0; b < 2; ++b) {
    for (int64_t o = 0; o < 4; ++o) {
      for (int64_t r = 0; r < 5; ++r) {
        for (int64_t c = 0; c < 4; ++c) {
          int64_t sum = 0;
          for (int64_t i = 0; i < 3; ++i) {
            for (int64_t u = 0; u < 9; ++u) {
              const int64_t row = r + u / 3 - 1, column = c + u % 3 - 1;
              if (row < 0 || row >= 5 || column < 0 || column >= 4) continue;
              sum += (layer.x.data<uint8_t>()[((b * 3 + i) * 5 + row) * 4 + column] - 7) *
                     layer.w.data<int8_t>()[(o * 3 + i) * 9 + u];
            }
          }
          expected.push_back(static_cast<double>(sum) * 0.05f * 0.01f);
        }
      }
    }
  }
  ASSERT_OK_AND_ASSIGN(const Tensor y, layer.Run("IntegerConv", attributes, {}));
  testing::ExpectNear(y, {2, 4, 5, 4}, expected, 1e-4);

  Attributes last = attributes;
  last["channels_last"] = int64_t{1};
  Layer turned = layer;
  ASSERT_OK_AND_ASSIGN(turned.x, testing::RunOne("Transpose", {layer.x}, {{"perm", std::vector<int64_t>{0, 2, 3, 1}}}));
  ASSERT_OK_AND_ASSIGN(const Tensor z, turned.Run("IntegerConv", last, {}));
  ASSERT_OK_AND_ASSIGN(const Tensor back,
                       testing::RunOne("Transpose", {z}, {{"perm", std::vector<int64_t>{0, 3, 1, 2}}}));
  EXPECT_EQ(ValuesOf(back), ValuesOf(y));
}

TEST(IntegerLayersTest, WhatIsNoIntegerLayerIsRefused) {
  const Layer good{.x = RandomCodes<uint8_t>({2, 4}, 1, 0, 255),
                   .w = RandomCodes<int8_t>({4, 3}, 2, -64, 64),
                   .w_scale = {0.01f}};
  ASSERT_OK(good.Run("IntegerMatMul", {}, {}));
  Layer bad = good;
  bad.w_scale = {0.01f, 0.01f};
  EXPECT_THAT(bad.Run("IntegerMatMul", {}, {}), HasReason("BAD_SHAPE"));
  bad = good;
  bad.w_scale = {0};
  EXPECT_THAT(bad.Run("IntegerMatMul", {}, {}), HasReason("BAD_ATTRIBUTE"));
  bad = good;
  bad.bias = Tensor(DataType::kInt32, {2});
  EXPECT_THAT(bad.Run("IntegerMatMul", {}, {}), HasReason("BAD_SHAPE"));
  bad = good;
  bad.x = RandomCodes<uint8_t>({2, 5}, 1, 0, 255);
  EXPECT_THAT(bad.Run("IntegerMatMul", {}, {}), HasReason("BAD_SHAPE"));
}

}  // namespace
}  // namespace quantd
