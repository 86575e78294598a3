// Pools over [N, H, W, C] against the plain ones, which pool_test.cc compares with their definition.
#include <string>

#include "tests/worker/backend/cpu/kernel_bench.h"

namespace quantd {
namespace {

using testing::Attributes;
using testing::HasReason;
using testing::RandomTensor;
using testing::RunOne;
using testing::RunOp;

Tensor Turned(const Tensor& tensor, const std::vector<int64_t>& perm) {
  return RunOne("Transpose", {tensor}, {{"perm", perm}}).value();
}

void ExpectSamePool(const std::string& type, const Tensor& x, const Attributes& attributes) {
  ASSERT_OK_AND_ASSIGN(const Tensor expected, RunOne(type, {x}, attributes));
  ASSERT_OK_AND_ASSIGN(const std::vector<Tensor> results,
                       RunOp("ChannelsLast" + type, {Turned(x, {0, 2, 3, 1})}, attributes, 17, 1, "quantd"));
  const Tensor y = Turned(results[0], {0, 3, 1, 2});
  ASSERT_EQ(y.shape(), expected.shape());
  for (int64_t i = 0; i < y.size(); ++i) {
    EXPECT_FLOAT_EQ(y.data<float>()[i], expected.data<float>()[i]) << type << " element " << i;
  }
}

TEST(ChannelsLastPoolTest, GivesWhatThePlainPoolGives) {
  const Tensor x = RandomTensor({2, 5, 9, 7}, 1);
  for (const std::string type : {"MaxPool", "AveragePool"}) {
    ExpectSamePool(type, x, {{"kernel_shape", std::vector<int64_t>{2, 3}}});
    ExpectSamePool(type, x, {{"kernel_shape", std::vector<int64_t>{3, 3}},
                             {"strides", std::vector<int64_t>{2, 2}},
                             {"pads", std::vector<int64_t>{1, 0, 1, 2}},
                             {"ceil_mode", int64_t{1}},
                             {"count_include_pad", int64_t{1}}});
  }
  ExpectSamePool("MaxPool", x, {{"kernel_shape", std::vector<int64_t>{2, 2}}, {"dilations", std::vector<int64_t>{2, 3}}});
  ExpectSamePool("GlobalAveragePool", x, {});
  ExpectSamePool("GlobalMaxPool", x, {});
}

TEST(ChannelsLastPoolTest, OnlyPlanesAreTaken) {
  EXPECT_THAT(RunOp("ChannelsLastMaxPool", {RandomTensor({2, 5, 9}, 1)},
                    {{"kernel_shape", std::vector<int64_t>{2}}}, 17, 1, "quantd"),
              HasReason("BAD_SHAPE"));
}

}  // namespace
}  // namespace quantd
