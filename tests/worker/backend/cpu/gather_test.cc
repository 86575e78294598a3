// Operators that read or write by index, against their definitions.
#include <algorithm>
#include <string>

#include "tests/worker/backend/cpu/kernel_bench.h"
#include "tests/worker/backend/cpu/typed_tensors.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using testing::Floats;
using testing::HasReason;
using testing::Ints;
using testing::Positions;
using testing::RandomWhole;
using testing::RunOne;
using testing::ValuesOf;
using testing::VectorOf;

template <typename T>
T& Element(Tensor& x, const std::vector<int64_t>& position) {
  int64_t offset = 0;
  for (size_t axis = 0; axis < x.rank(); ++axis) offset = offset * x.dim(axis) + position[axis];
  return x.mutable_data<T>()[offset];
}

// Indices into an axis of `extent`, also from its end.
Tensor RandomIndices(const Shape& shape, int64_t extent, uint64_t seed) {
  Random random(seed);
  Tensor tensor(DataType::kInt64, shape);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.mutable_data<int64_t>()[i] = static_cast<int64_t>(random.Uniform() * static_cast<double>(2 * extent)) - extent;
  }
  return tensor;
}

template <typename T>
class IndexTest : public ::testing::Test {};
TYPED_TEST_SUITE(IndexTest, testing::ElementTypes);

TYPED_TEST(IndexTest, GathersAlongAnyAxis) {
  using T = TypeParam;
  Tensor x = RandomWhole<T>({3, 4, 5}, 1);
  for (int64_t axis = 0; axis < 3; ++axis) {
    const int64_t extent = x.dim(static_cast<size_t>(axis));
    const Tensor indices = RandomIndices({2, 3}, extent, 2);
    ASSERT_OK_AND_ASSIGN(Tensor y, RunOne("Gather", {x, indices}, {{"axis", axis - 3}}));
    Positions at(y.shape());
    do {
      const auto& p = at.at();
      const int64_t index = indices.data<int64_t>()[p[static_cast<size_t>(axis)] * 3 + p[static_cast<size_t>(axis) + 1]];
      std::vector<int64_t> from(p.begin(), p.begin() + axis);
      from.push_back((index + extent) % extent);
      from.insert(from.end(), p.begin() + axis + 2, p.end());
      EXPECT_EQ(Element<T>(y, p), Element<T>(x, from));
    } while (at.Next());
  }
}

// The indices may be shorter than the tensor along the other axes.
TYPED_TEST(IndexTest, ElementsAreGatheredAndScatteredOneByOne) {
  using T = TypeParam;
  Tensor x = RandomWhole<T>({4, 3, 5}, 1);
  for (int64_t axis = 0; axis < 3; ++axis) {
    const int64_t extent = x.dim(static_cast<size_t>(axis));
    const Tensor indices = RandomIndices({2, 3, 4}, extent, 2);
    Tensor updates = RandomWhole<T>({2, 3, 4}, 3);
    ASSERT_OK_AND_ASSIGN(Tensor gathered, RunOne("GatherElements", {x, indices}, {{"axis", axis}}));
    ASSERT_OK_AND_ASSIGN(const Tensor scattered, RunOne("ScatterElements", {x, indices, updates}, {{"axis", axis}}));
    Tensor expected = Tensor::Of<T>(x.shape(), ValuesOf<T>(x));
    Positions at(indices.shape());
    int64_t i = 0;
    do {
      std::vector<int64_t> place = at.at();
      place[static_cast<size_t>(axis)] = (indices.data<int64_t>()[i] + extent) % extent;
      EXPECT_EQ(gathered.data<T>()[i], Element<T>(x, place));
      Element<T>(expected, place) = updates.data<T>()[i];  // The last one stays, where several meet.
      ++i;
    } while (at.Next());
    EXPECT_TRUE(IdenticalTensors(scattered, expected));
  }
}

TYPED_TEST(IndexTest, SlicesAreGatheredAndScatteredByPosition) {
  using T = TypeParam;
  Tensor x = RandomWhole<T>({3, 4, 5}, 1);
  const Tensor indices = Tensor::Of<int64_t>({3, 2}, {0, 1, -1, 3, 2, -4});
  ASSERT_OK_AND_ASSIGN(Tensor y, RunOne("GatherND", {x, indices}));
  ASSERT_EQ(y.shape(), (Shape{3, 5}));
  const int64_t rows[3][2] = {{0, 1}, {2, 3}, {2, 0}};
  const Tensor updates = RandomWhole<T>({3, 5}, 4);
  ASSERT_OK_AND_ASSIGN(Tensor z, RunOne("ScatterND", {x, indices, updates}));
  Tensor expected = Tensor::Of<T>(x.shape(), ValuesOf<T>(x));
  for (int64_t r = 0; r < 3; ++r) {
    for (int64_t k = 0; k < 5; ++k) {
      EXPECT_EQ(Element<T>(y, {r, k}), Element<T>(x, {rows[r][0], rows[r][1], k}));
      Element<T>(expected, {rows[r][0], rows[r][1], k}) = updates.data<T>()[r * 5 + k];
    }
  }
  EXPECT_TRUE(IdenticalTensors(z, expected));
  // Within each entry of the first axis.
  const Tensor in_batch = Tensor::Of<int32_t>({3, 1}, {1, -1, 0});
  ASSERT_OK_AND_ASSIGN(Tensor w, RunOne("GatherND", {x, in_batch}, {{"batch_dims", int64_t{1}}}));
  ASSERT_EQ(w.shape(), (Shape{3, 5}));
  const int64_t columns[] = {1, 3, 0};
  for (int64_t b = 0; b < 3; ++b) {
    for (int64_t k = 0; k < 5; ++k) EXPECT_EQ(Element<T>(w, {b, k}), Element<T>(x, {b, columns[b], k}));
  }
}

// Into (10, 20, 30) at 0, 2, 0: 1, 2, 30.
TYPED_TEST(IndexTest, WhatIsThereMayBeCombinedWithUpdates) {
  using T = TypeParam;
  if constexpr (!std::is_same_v<T, bool>) {
    const Tensor x = VectorOf<T>({10, 20, 30}), at = Ints({0, 2, 0}), updates = VectorOf<T>({1, 2, 30});
    const Tensor rows = at.Reshaped({3, 1});
    const std::pair<const char*, std::vector<T>> expected[] = {
        {"none", {30, 20, 2}}, {"add", {41, 20, 32}}, {"mul", {T(300), 20, 60}}, {"max", {30, 20, 30}}, {"min", {1, 20, 2}}};
    for (const auto& [reduction, values] : expected) {
      const testing::Attributes attributes = {{"reduction", std::string(reduction)}};
      EXPECT_EQ(ValuesOf<T>(RunOne("ScatterElements", {x, at, updates}, attributes, 18).value()), values);
      EXPECT_EQ(ValuesOf<T>(RunOne("ScatterND", {x, rows, updates}, attributes, 18).value()), values);
    }
  }
}

TEST(IndexErrorsTest, WhatDoesNotFitIsRefused) {
  const Tensor x = Floats({2, 3}, {1, 2, 3, 4, 5, 6});
  const auto at = [](const Shape& shape, const std::vector<int64_t>& values) { return Tensor::Of<int64_t>(shape, values); };
  EXPECT_THAT(RunOne("Gather", {x, at({1}, {2})}), HasReason("BAD_INDEX"));
  EXPECT_THAT(RunOne("Gather", {x, at({1}, {0})}, {{"axis", int64_t{2}}}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(RunOne("Gather", {Floats({}, {1}), at({1}, {0})}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(RunOne("GatherElements", {x, at({1}, {0})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("GatherElements", {x, at({1, 4}, {0, 0, 0, 0})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("GatherElements", {x, at({1, 1}, {-3})}), HasReason("BAD_INDEX"));
  EXPECT_THAT(RunOne("GatherElements", {x, Floats({1, 1}, {0})}), HasReason("UNSUPPORTED_TYPE"));
  EXPECT_THAT(RunOne("GatherND", {x, at({}, {0})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("GatherND", {x, at({1, 3}, {0, 0, 0})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("GatherND", {x, at({1, 0}, {})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("GatherND", {x, at({1, 2}, {0, 3})}), HasReason("BAD_INDEX"));
  EXPECT_THAT(RunOne("GatherND", {x, at({1, 1}, {0})}, {{"batch_dims", int64_t{1}}}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("GatherND", {x, at({1, 1}, {0})}, {{"batch_dims", int64_t{-1}}}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(RunOne("GatherND", {x, at({1, 1}, {0})}, {{"batch_dims", int64_t{9}}}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("ScatterElements", {x, at({1, 1}, {0}), Floats({1}, {0})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("ScatterElements", {x, at({1, 1}, {0}), at({1, 1}, {0})}), HasReason("UNSUPPORTED_TYPE"));
  EXPECT_THAT(RunOne("ScatterElements", {x, at({1, 1}, {2}), Floats({1, 1}, {0})}), HasReason("BAD_INDEX"));
  EXPECT_THAT(RunOne("ScatterND", {x, at({1, 1}, {0}), Floats({1}, {0})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("ScatterND", {x, at({1, 2}, {0, 0}), Floats({1}, {0})}, {{"reduction", std::string("avg")}}),
              HasReason("BAD_ATTRIBUTE"));
  // No index, nothing to do.
  EXPECT_EQ(RunOne("Gather", {x, at({0}, {})}).value().shape(), (Shape{0, 3}));
  EXPECT_TRUE(IdenticalTensors(RunOne("ScatterND", {x, at({0, 1}, {}), Tensor(DataType::kFloat, {0, 3})}).value(), x));
}

}  // namespace
}  // namespace quantd
