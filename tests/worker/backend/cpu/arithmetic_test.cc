// Operators of two tensors, on every integer type: brute force over the corners of the types, in 128 bits.
#include <cmath>
#include <functional>
#include <map>

#include "tests/worker/backend/cpu/kernel_bench.h"
#include "tests/worker/backend/cpu/typed_tensors.h"

namespace quantd {
namespace {

using testing::At;
using testing::Corners;
using ::testing::ElementsAre;
using testing::Floats;
using testing::HasReason;
using testing::Ints;
using testing::Positions;
using testing::RandomTensor;
using testing::RandomWhole;
using testing::RunOne;
using testing::ValuesOf;
using testing::VectorOf;

__extension__ using Wide = __int128;

template <typename T>
class IntegerArithmeticTest : public ::testing::Test {
 protected:
  // Every corner with every corner.
  void ExpectEverywhere(const std::string& type, const std::function<Wide(Wide, Wide)>& expected,
                        testing::Attributes attributes = {}) {
    const std::vector<T> corners = Corners<T>();
    const int64_t n = static_cast<int64_t>(corners.size());
    const Tensor a = VectorOf(corners).Reshaped({n, 1}), b = VectorOf(corners);
    ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne(type, {a, b}, std::move(attributes), 18));
    ASSERT_EQ(y.shape(), (Shape{n, n}));
    for (int64_t i = 0; i < n * n; ++i) {
      const T p = corners[static_cast<size_t>(i / n)], q = corners[static_cast<size_t>(i % n)];
      EXPECT_EQ(y.data<T>()[i], static_cast<T>(expected(p, q))) << type << " " << +p << " " << +q;
    }
  }
};
TYPED_TEST_SUITE(IntegerArithmeticTest, testing::IntegerTypes);

TYPED_TEST(IntegerArithmeticTest, WrapsAndNeverTraps) {
  this->ExpectEverywhere("Add", [](Wide a, Wide b) { return a + b; });
  this->ExpectEverywhere("Sub", [](Wide a, Wide b) { return a - b; });
  // The product of the ends of 64 bits takes all 128; its low bits are what is compared.
  this->ExpectEverywhere("Mul", [](Wide a, Wide b) {
    return static_cast<Wide>(static_cast<unsigned __int128>(a) * static_cast<unsigned __int128>(b));
  });
  this->ExpectEverywhere("Div", [](Wide a, Wide b) { return b == 0 ? 0 : a / b; });
  this->ExpectEverywhere("Max", [](Wide a, Wide b) { return a > b ? a : b; });
  this->ExpectEverywhere("Min", [](Wide a, Wide b) { return a < b ? a : b; });
}

TYPED_TEST(IntegerArithmeticTest, RemaindersHaveTheSignOfTheDivisorOrOfTheDividend) {
  this->ExpectEverywhere("Mod", [](Wide a, Wide b) {
    if (b == 0) return Wide{0};
    const Wide rest = a % b;
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
  });
  this->ExpectEverywhere("Mod", [](Wide a, Wide b) { return b == 0 ? 0 : a % b; }, {{"fmod", int64_t{1}}});
}

TYPED_TEST(IntegerArithmeticTest, BitsAreCombinedOneByOne) {
  this->ExpectEverywhere("BitwiseAnd", [](Wide a, Wide b) { return a & b; });
  this->ExpectEverywhere("BitwiseOr", [](Wide a, Wide b) { return a | b; });
  this->ExpectEverywhere("BitwiseXor", [](Wide a, Wide b) { return a ^ b; });
}

TYPED_TEST(IntegerArithmeticTest, ComparisonsKnowTheSign) {
  using T = TypeParam;
  const std::vector<T> corners = Corners<T>();
  const int64_t n = static_cast<int64_t>(corners.size());
  const Tensor a = VectorOf(corners).Reshaped({n, 1}), b = VectorOf(corners);
  const std::map<std::string, std::function<bool(Wide, Wide)>> expected = {
      {"Equal", [](Wide p, Wide q) { return p == q; }},
      {"Less", [](Wide p, Wide q) { return p < q; }},
      {"LessOrEqual", [](Wide p, Wide q) { return p <= q; }},
      {"Greater", [](Wide p, Wide q) { return p > q; }},
      {"GreaterOrEqual", [](Wide p, Wide q) { return p >= q; }}};
  for (const auto& [type, truth] : expected) {
    ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne(type, {a, b}));
    for (int64_t i = 0; i < n * n; ++i) {
      EXPECT_EQ(y.data<bool>()[i], truth(corners[static_cast<size_t>(i / n)], corners[static_cast<size_t>(i % n)]));
    }
  }
}

TEST(ModTest, FloatsAreThoseOfNumPy) {
  const Tensor a = Floats({4}, {5.5f, -5.5f, 5.5f, -5.5f}), b = Floats({4}, {2, 2, -2, -2});
  EXPECT_THAT(ValuesOf(RunOne("Mod", {a, b}).value()), ElementsAre(1.5f, 0.5f, -0.5f, -1.5f));
  EXPECT_THAT(ValuesOf(RunOne("Mod", {a, b}, {{"fmod", int64_t{1}}}).value()),
              ElementsAre(1.5f, -1.5f, 1.5f, -1.5f));
  EXPECT_THAT(RunOne("Mod", {a, b}, {{"fmod", int64_t{2}}}), HasReason("BAD_ATTRIBUTE"));
}

TEST(PowTest, TypesMayDiffer) {
  // NumPy: 2^31 wraps in int32, 7^11 = 1977326743, 3^39 is exact beyond 2^53.
  ASSERT_OK_AND_ASSIGN(const Tensor wrapped,
                       RunOne("Pow", {VectorOf<int32_t>({2, -3, 7}), VectorOf<int32_t>({31, 3, 11})}));
  EXPECT_THAT(ValuesOf<int32_t>(wrapped), ElementsAre(std::numeric_limits<int32_t>::min(), -27, 1977326743));
  ASSERT_OK_AND_ASSIGN(const Tensor exact, RunOne("Pow", {Ints({3}), VectorOf<uint8_t>({39})}));
  EXPECT_THAT(ValuesOf<int64_t>(exact), ElementsAre(4052555153018976267));
  ASSERT_OK_AND_ASSIGN(const Tensor reciprocal, RunOne("Pow", {Ints({1, -1, -1, 2, 0}), Ints({-3, -3, -4, -1, -1})}));
  EXPECT_THAT(ValuesOf<int64_t>(reciprocal), ElementsAre(1, -1, 1, 0, 0));
  ASSERT_OK_AND_ASSIGN(const Tensor real, RunOne("Pow", {Floats({3}, {2, 3, 4}), Ints({3})}));
  EXPECT_THAT(ValuesOf(real), ElementsAre(8, 27, 64));
  ASSERT_OK_AND_ASSIGN(const Tensor cut, RunOne("Pow", {Ints({2, 9}), Floats({2}, {1.5f, 0.5f})}));
  EXPECT_THAT(ValuesOf<int64_t>(cut), ElementsAre(2, 3));  // 2.83 is cut.
  ASSERT_OK_AND_ASSIGN(const Tensor square, RunOne("Pow", {Floats({2, 1}, {-3, 4}), Floats({1, 1, 1}, {2})}));
  EXPECT_EQ(square.shape(), (Shape{1, 2, 1}));
  EXPECT_THAT(ValuesOf(square), ElementsAre(9, 16));
}

TEST(BitShiftTest, ShiftsBeyondTheWidthLeaveNothing) {
  const auto shift = [](const Tensor& a, const Tensor& b, const char* direction) {
    return RunOne("BitShift", {a, b}, {{"direction", std::string(direction)}});
  };
  const Tensor bytes = VectorOf<uint8_t>({0x81, 0x81, 0x81, 0x81}), by = VectorOf<uint8_t>({0, 1, 7, 8});
  EXPECT_THAT(ValuesOf<uint8_t>(shift(bytes, by, "LEFT").value()), ElementsAre(0x81, 2, 0x80, 0));
  EXPECT_THAT(ValuesOf<uint8_t>(shift(bytes, by, "RIGHT").value()), ElementsAre(0x81, 0x40, 1, 0));
  const Tensor wide = VectorOf<uint64_t>({1, 1}), by_wide = VectorOf<uint64_t>({63, 64});
  EXPECT_THAT(ValuesOf<uint64_t>(shift(wide, by_wide, "LEFT").value()), ElementsAre(uint64_t{1} << 63, 0));
  EXPECT_THAT(shift(bytes, by, "UP"), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(shift(Ints({1}), Ints({1}), "LEFT"), HasReason("UNSUPPORTED_TYPE"));
}

TEST(LogicTest, XorTellsDifferences) {
  const Tensor p = VectorOf<bool>({false, false, true, true}), q = VectorOf<bool>({false, true, false, true});
  EXPECT_THAT(ValuesOf<bool>(RunOne("Xor", {p, q}).value()), ElementsAre(false, true, true, false));
  EXPECT_THAT(RunOne("Xor", {Ints({1}), Ints({1})}), HasReason("UNSUPPORTED_TYPE"));
}

TEST(MeanTest, IsTheSumOverTheNumberOfTensors) {
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("Mean", {Floats({2}, {1, 5}), Floats({1}, {3}), Floats({2}, {5, 1})}));
  EXPECT_THAT(ValuesOf(y), ElementsAre(3, 3));
  EXPECT_THAT(RunOne("Mean", {Ints({1})}), HasReason("UNSUPPORTED_TYPE"));
}

// Shapes whose axes join into fewer in every way there is.
TEST(BroadcastTest, JoinedAxesAddressTheSameElements) {
  const std::vector<std::pair<Shape, Shape>> pairs = {
      {{2, 3, 4, 5}, {2, 3, 4, 5}}, {{2, 3, 4, 5}, {4, 5}},    {{2, 3, 4, 5}, {3, 1, 1}},    {{2, 3, 1, 1}, {2, 3, 4, 5}},
      {{2, 1, 4, 1}, {3, 1, 5}},    {{1, 1, 4, 5}, {2, 3, 1, 1}}, {{2, 1, 1, 5}, {1, 3, 4, 1}}, {{1, 1}, {1, 1, 1}},
      {{7, 1}, {1, 7}},             {{2, 3, 4, 5}, {1}},          {{}, {3, 2}}};
  for (const auto& [s, t] : pairs) {
    const Tensor a = RandomTensor(s, 1), b = RandomTensor(t, 2);
    ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("Sub", {a, b}));
    ASSERT_OK_AND_ASSIGN(const Tensor condition, RunOne("Less", {a, b}));
    ASSERT_OK_AND_ASSIGN(const Tensor least, RunOne("Where", {condition, a, b}));
    Positions at(y.shape());
    int64_t i = 0;
    do {
      const float p = At<float>(a, at.at()), q = At<float>(b, at.at());
      EXPECT_EQ(y.data<float>()[i], p - q);
      EXPECT_EQ(least.data<float>()[i], std::fmin(p, q));
      ++i;
    } while (at.Next());
  }
}

// One of the three changes more slowly than the others, in turn.
TEST(WhereTest, AnyOfTheThreeMayBeBroadcast) {
  const std::vector<Shape> shapes = {{2, 3, 4}, {4}, {3, 1}, {2, 1, 1}, {}};
  for (const Shape& s : shapes) {
    for (const Shape& t : shapes) {
      for (const Shape& u : shapes) {
        const Tensor c = RandomWhole<bool>(s, 1, 1), x = RandomTensor(t, 2), z = RandomTensor(u, 3);
        ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("Where", {c, x, z}));
        Positions at(y.shape());
        int64_t i = 0;
        do {
          const float expected = At<bool>(c, at.at()) ? At<float>(x, at.at()) : At<float>(z, at.at());
          EXPECT_EQ(y.data<float>()[i++], expected);
        } while (at.Next());
      }
    }
  }
}

TEST(LegacyBroadcastTest, LinesUpWithAnAxis) {
  const Tensor a = Floats({2, 3}, {0, 0, 0, 0, 0, 0});
  const testing::Attributes first = {{"broadcast", int64_t{1}}, {"axis", int64_t{0}}};
  EXPECT_THAT(ValuesOf(RunOne("Add", {a, Floats({2}, {1, 2})}, first, 6).value()), ElementsAre(1, 1, 1, 2, 2, 2));
  const testing::Attributes last = {{"broadcast", int64_t{1}}};
  EXPECT_THAT(ValuesOf(RunOne("Sub", {a, Floats({3}, {1, 2, 3})}, last, 6).value()),
              ElementsAre(-1, -2, -3, -1, -2, -3));
  EXPECT_THAT(ValuesOf<bool>(RunOne("Less", {a, Floats({1}, {1})}, last, 6).value()),
              ElementsAre(true, true, true, true, true, true));
  EXPECT_THAT(RunOne("Add", {a, Floats({3}, {1, 2, 3})}, {}, 6), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("Add", {a, a}, {{"broadcast", int64_t{1}}, {"axis", int64_t{1}}}, 6), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("Add", {a, Floats({2}, {1, 2})}, {{"broadcast", int64_t{1}}, {"axis", int64_t{5}}}, 6),
              HasReason("BAD_ATTRIBUTE"));
}

}  // namespace
}  // namespace quantd
