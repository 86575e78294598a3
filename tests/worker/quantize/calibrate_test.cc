#include "worker/quantize/calibrate.h"

#include <limits>

#include "tests/worker/quantize/quantize_bench.h"

namespace quantd {
namespace {

using testing::BatchesOf;
using testing::GraphOf;
using testing::HasReason;
using testing::kOpset;
using testing::NamesField;
using testing::Op;
using testing::RandomTensor;
using testing::StatusIs;
using testing::ValuesOf;

Graph Scaled() {
  return GraphOf({Op("Mul", {"x", "two"}, {"m"}), Op("Relu", {"m"}, {"y"})},
                 {{"two", Tensor::Scalar<float>(2)}});
}

TEST(CalibrateTest, ObservesEveryBatchInOrder) {
  const Tensor x = RandomTensor({11, 3}, 1);
  for (const int threads : {1, 3}) {
    std::vector<int64_t> done;
    BatchSource rows = BatchesOf(x, 4);
    rows.done = [&](int64_t batches) { done.push_back(batches); };
    ASSERT_OK_AND_ASSIGN(const auto statistics,
                         CalibrateTensors(Scaled(), kOpset, {"x", "m", "y"}, rows, threads));
    // What the tensors hold is plain: x, 2 x and max(2 x, 0), in batches of 4, 4 and 3 rows.
    TensorStatistics input, doubled, positive;
    for (const auto& [begin, count] : {std::pair(0, 4), std::pair(4, 4), std::pair(8, 3)}) {
      std::vector<float> values = ValuesOf(x.Rows(begin, count));
      input.Update(values);
      for (float& value : values) value *= 2;
      doubled.Update(values);
      for (float& value : values) value = std::max(value, 0.0f);
      positive.Update(values);
    }
    EXPECT_EQ(statistics.at("x"), input);
    EXPECT_EQ(statistics.at("m"), doubled);
    EXPECT_EQ(statistics.at("y"), positive);
    EXPECT_EQ(done, (std::vector<int64_t>{1, 2, 3}));
  }
}

TEST(CalibrateTest, ThreadsChangeNoBitOfLargeTensors) {
  // 7 batches of up to 3 rows, 60,000 values each: only a share is counted.
  const Tensor x = RandomTensor({20, 20000}, 3);
  ASSERT_OK_AND_ASSIGN(const auto one, CalibrateTensors(Scaled(), kOpset, {"x", "m", "y"}, BatchesOf(x, 3), 1));
  EXPECT_EQ(one.at("m").batches().size(), 7u);
  for (const int threads : {2, 5}) {
    ASSERT_OK_AND_ASSIGN(const auto many,
                         CalibrateTensors(Scaled(), kOpset, {"x", "m", "y"}, BatchesOf(x, 3), threads));
    EXPECT_EQ(many, one) << threads;
  }
}

TEST(CalibrateTest, ATensorThatIsNotFiniteIsNamed) {
  Tensor x = RandomTensor({5, 3}, 1);
  x.mutable_data<float>()[14] = 3e38f;  // Twice that is infinite.
  const absl::Status status = CalibrateTensors(Scaled(), kOpset, {"x", "m"}, BatchesOf(x, 4), 2).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(status, HasReason("NON_FINITE_ACTIVATION"));
  EXPECT_THAT(status, NamesField("model.m"));
}

TEST(CalibrateTest, AnErrorOfTheDataEndsIt) {
  const BatchSource rows{.batches = 3, .load = [](int64_t) -> absl::StatusOr<TensorMap> {
                           return absl::DataLossError("torn");
                         }};
  EXPECT_THAT(CalibrateTensors(Scaled(), kOpset, {"x"}, rows, 2), StatusIs(absl::StatusCode::kDataLoss));
}

}  // namespace
}  // namespace quantd
