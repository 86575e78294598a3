// Sequences and optional values, at their edges; the ONNX project's cases cover the plain uses.
#include <gmock/gmock.h>

#include "tests/worker/backend/cpu/kernel_bench.h"

namespace quantd {
namespace {

using testing::Floats;
using testing::HasReason;
using testing::RunOne;

Tensor Place(int64_t at) { return Tensor::Scalar<int64_t>(at); }

// The sequence of [0], [1], ..., [count - 1].
Tensor Numbers(int count) {
  std::vector<Tensor> elements;
  for (int i = 0; i < count; ++i) elements.push_back(Floats({1}, {static_cast<float>(i)}));
  return Tensor::Sequence(DataType::kFloat, elements);
}

std::vector<float> FirstsOf(const Tensor& sequence) {
  std::vector<float> firsts;
  for (const Tensor& element : sequence.elements()) firsts.push_back(element.data<float>()[0]);
  return firsts;
}

TEST(SequenceTest, PositionsCountFromBothEnds) {
  for (const int64_t at : {0, 2, -1, -3}) {
    ASSERT_OK_AND_ASSIGN(const Tensor element, RunOne("SequenceAt", {Numbers(3), Place(at)}));
    EXPECT_EQ(element.data<float>()[0], static_cast<float>((at + 3) % 3));
  }
  for (const int64_t at : {int64_t{3}, int64_t{-4}, INT64_MIN, INT64_MAX}) {
    EXPECT_THAT(RunOne("SequenceAt", {Numbers(3), Place(at)}), HasReason("BAD_INDEX"));
    EXPECT_THAT(RunOne("SequenceErase", {Numbers(3), Place(at)}), HasReason("BAD_INDEX"));
  }
  EXPECT_THAT(RunOne("SequenceErase", {Numbers(0)}), HasReason("BAD_INDEX"));
}

TEST(SequenceTest, InsertsInFrontOfAPositionOrAtTheEnd) {
  const Tensor nine = Floats({1}, {9});
  const std::pair<Tensor, std::vector<float>> cases[] = {{Place(0), {9, 0, 1}},  {Place(1), {0, 9, 1}},
                                                         {Place(2), {0, 1, 9}},  {Tensor(), {0, 1, 9}},
                                                         {Place(-1), {0, 9, 1}}, {Place(-2), {9, 0, 1}}};
  for (const auto& [at, expected] : cases) {
    ASSERT_OK_AND_ASSIGN(const Tensor filled, RunOne("SequenceInsert", {Numbers(2), nine, at}));
    EXPECT_EQ(FirstsOf(filled), expected);
  }
  EXPECT_THAT(RunOne("SequenceInsert", {Numbers(2), nine, Place(3)}), HasReason("BAD_INDEX"));
  EXPECT_THAT(RunOne("SequenceInsert", {Numbers(2), Place(0)}), HasReason("UNSUPPORTED_TYPE"));
}

TEST(SequenceTest, SplitsIntoEqualPartsGivenPartsAndSlices) {
  const Tensor x = Floats({5, 1}, {0, 1, 2, 3, 4});
  ASSERT_OK_AND_ASSIGN(const Tensor pairs, RunOne("SplitToSequence", {x, Place(2)}));
  ASSERT_EQ(pairs.size(), 3);
  EXPECT_EQ(pairs.elements()[2].shape(), (Shape{1, 1}));
  ASSERT_OK_AND_ASSIGN(const Tensor given, RunOne("SplitToSequence", {x, Tensor::Of<int64_t>({2}, {1, 4})}));
  EXPECT_EQ(FirstsOf(given), (std::vector<float>{0, 1}));
  ASSERT_OK_AND_ASSIGN(const Tensor slices, RunOne("SplitToSequence", {x}, {{"keepdims", int64_t{0}}}));
  ASSERT_EQ(slices.size(), 5);
  EXPECT_EQ(slices.elements()[3].shape(), (Shape{1}));
  for (const Tensor& bad : {Place(0), Place(-1), Tensor::Of<int64_t>({2}, {1, 5}), Tensor::Of<int64_t>({2}, {-1, 6}),
                            Tensor::Of<int64_t>({2}, {INT64_MAX, INT64_MAX})}) {
    EXPECT_THAT(RunOne("SplitToSequence", {x, bad}), HasReason("BAD_SHAPE"));
  }
}

TEST(SequenceTest, JoinsStringsToo) {
  const Tensor words = Tensor::Sequence(
      DataType::kString, {Tensor::Of<std::string>({1, 2}, {"a", std::string(50, 'b')}), Tensor::Of<std::string>({1, 1}, {"c"})});
  ASSERT_OK_AND_ASSIGN(const Tensor joined, RunOne("ConcatFromSequence", {words}, {{"axis", int64_t{1}}}));
  EXPECT_TRUE(IdenticalTensors(joined, Tensor::Of<std::string>({1, 3}, {"a", std::string(50, 'b'), "c"})));
  EXPECT_THAT(RunOne("ConcatFromSequence", {words}, {{"axis", int64_t{0}}}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("ConcatFromSequence", {words}, {{"axis", int64_t{2}}}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(RunOne("ConcatFromSequence", {Numbers(0)}, {{"axis", int64_t{0}}}), HasReason("BAD_SHAPE"));
}

TEST(OptionalTest, AnAbsentValueHasNoElement) {
  ASSERT_OK_AND_ASSIGN(const Tensor none, RunOne("Optional", {}));
  ASSERT_OK_AND_ASSIGN(const Tensor has, RunOne("OptionalHasElement", {none}));
  EXPECT_FALSE(has.data<bool>()[0]);
  EXPECT_THAT(RunOne("OptionalGetElement", {none}), HasReason("UNSUPPORTED_TYPE"));
  ASSERT_OK_AND_ASSIGN(const Tensor some, RunOne("Optional", {Numbers(2)}));
  ASSERT_OK_AND_ASSIGN(const Tensor element, RunOne("OptionalGetElement", {some}));
  EXPECT_TRUE(IdenticalTensors(element, Numbers(2)));
}

}  // namespace
}  // namespace quantd
