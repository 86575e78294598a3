// Cast between the types of numbers, by ONNX's table and IEEE 754.
#include <cmath>
#include <limits>

#include "tests/worker/backend/cpu/kernel_bench.h"
#include "tests/worker/backend/cpu/typed_tensors.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using testing::Floats;
using testing::HasReason;
using testing::Ints;
using testing::RandomWhole;
using testing::RunOne;
using testing::ValuesOf;
using testing::VectorOf;

Tensor Cast(const Tensor& x, DataType to) {
  return RunOne("Cast", {x}, {{"to", static_cast<int64_t>(to)}}, 21).value();
}

std::vector<uint16_t> BitsOfHalves(const Tensor& x) {
  const auto* bits = static_cast<const uint16_t*>(x.raw());
  return std::vector<uint16_t>(bits, bits + x.size());
}

constexpr DataType kAll[] = {
    DataType::kFloat, DataType::kDouble, DataType::kFloat16, DataType::kBfloat16, DataType::kUint8, DataType::kUint16,
    DataType::kUint32, DataType::kUint64, DataType::kInt8, DataType::kInt16, DataType::kInt32, DataType::kInt64};

// Whole numbers up to 100 are numbers of every type, so any way between types leads back.
TEST(CastTest, EveryPairOfTypesKeepsSmallWholeNumbers) {
  const Tensor x = RandomWhole<float>({3, 41}, 1);
  for (const DataType from : kAll) {
    const Tensor typed = Cast(x, from);
    EXPECT_EQ(typed.dtype(), from);
    for (const DataType to : kAll) {
      const Tensor there = Cast(typed, to);
      EXPECT_EQ(there.dtype(), to);
      EXPECT_TRUE(IdenticalTensors(Cast(there, DataType::kFloat), x)) << DataTypeName(from) << " " << DataTypeName(to);
    }
    const Tensor truth = Cast(typed, DataType::kBool);
    for (int64_t i = 0; i < x.size(); ++i) EXPECT_EQ(truth.data<bool>()[i], x.data<float>()[i] != 0);
    EXPECT_THAT(ValuesOf(Cast(Cast(VectorOf<bool>({false, true}), from), DataType::kFloat)), ElementsAre(0, 1));
  }
}

TEST(CastTest, RealsAreCutAndSaturate) {
  const float nan = std::nanf("");
  const Tensor x = Floats({5}, {1.9f, -1.9f, 1e30f, -1e30f, nan});
  for (const Tensor& real : {x, Cast(x, DataType::kDouble)}) {
    EXPECT_THAT(ValuesOf<int8_t>(Cast(real, DataType::kInt8)), ElementsAre(1, -1, 127, -128, 0));
    EXPECT_THAT(ValuesOf<uint8_t>(Cast(real, DataType::kUint8)), ElementsAre(1, 0, 255, 0, 0));
    EXPECT_THAT(ValuesOf<int16_t>(Cast(real, DataType::kInt16)), ElementsAre(1, -1, 32767, -32768, 0));
    EXPECT_THAT(ValuesOf<uint16_t>(Cast(real, DataType::kUint16)), ElementsAre(1, 0, 65535, 0, 0));
    EXPECT_THAT(ValuesOf<int32_t>(Cast(real, DataType::kInt32)),
                ElementsAre(1, -1, std::numeric_limits<int32_t>::max(), std::numeric_limits<int32_t>::min(), 0));
    EXPECT_THAT(ValuesOf<uint32_t>(Cast(real, DataType::kUint32)), ElementsAre(1, 0, 4294967295u, 0, 0));
    EXPECT_THAT(ValuesOf<int64_t>(Cast(real, DataType::kInt64)),
                ElementsAre(1, -1, std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min(), 0));
    EXPECT_THAT(ValuesOf<uint64_t>(Cast(real, DataType::kUint64)),
                ElementsAre(1, 0, std::numeric_limits<uint64_t>::max(), 0, 0));
  }
  EXPECT_THAT(ValuesOf<bool>(Cast(Floats({4}, {0, -0.0f, 0.1f, nan}), DataType::kBool)),
              ElementsAre(false, false, true, true));
}

TEST(CastTest, IntegersKeepTheirLowBits) {
  // 200 is 0xc8: -56 in int8. -1 is all ones. 2^40 + 5 ends in 5.
  const Tensor x = Ints({200, -1, (int64_t{1} << 40) + 5});
  EXPECT_THAT(ValuesOf<int8_t>(Cast(x, DataType::kInt8)), ElementsAre(-56, -1, 5));
  EXPECT_THAT(ValuesOf<uint16_t>(Cast(x, DataType::kUint16)), ElementsAre(200, 65535, 5));
  EXPECT_THAT(ValuesOf<int32_t>(Cast(x, DataType::kInt32)), ElementsAre(200, -1, 5));
  EXPECT_THAT(ValuesOf<uint64_t>(Cast(x, DataType::kUint64)),
              ElementsAre(200, std::numeric_limits<uint64_t>::max(), (uint64_t{1} << 40) + 5));
  EXPECT_THAT(ValuesOf<float>(Cast(Ints({-7, int64_t{1} << 40}), DataType::kFloat)), ElementsAre(-7, 1099511627776.0f));
}

// NumPy: np.float16([65519, 65520, 1e-8, 2049]).view(np.uint16)
TEST(CastTest, SixteenBitFloatsAreRoundedOnce) {
  const Tensor x = Floats({4}, {65519, 65520, 1e-8f, 2049});
  EXPECT_THAT(BitsOfHalves(Cast(x, DataType::kFloat16)), ElementsAre(31743, 31744, 0, 26624));
  // Just above the tie between 1 and the next half, where a float in between would be the tie itself.
  const Tensor wide = Tensor::Of<double>({1}, {1 + std::ldexp(1.0, -11) + std::ldexp(1.0, -40)});
  EXPECT_THAT(BitsOfHalves(Cast(wide, DataType::kFloat16)), ElementsAre(0x3c01));
  EXPECT_THAT(BitsOfHalves(Cast(Floats({2}, {1 + std::ldexp(1.0f, -8), 1 + std::ldexp(3.0f, -8)}), DataType::kBfloat16)),
              ElementsAre(0x3f80, 0x3f82));
}

// float8e4m3fn holds up to 448, in steps of 1/8 of the power of two below.
TEST(CastTest, NarrowTypesSaturateOrOverflow) {
  const Tensor x = Floats({3}, {1000, -17, 0.5f});
  EXPECT_THAT(ValuesOf(Cast(Cast(x, DataType::kFloat8E4M3FN), DataType::kFloat)), ElementsAre(448, -16, 0.5f));
  const auto to = static_cast<int64_t>(DataType::kFloat8E4M3FN);
  ASSERT_OK_AND_ASSIGN(const Tensor overflown, RunOne("Cast", {x}, {{"to", to}, {"saturate", int64_t{0}}}, 21));
  EXPECT_TRUE(std::isnan(Cast(overflown, DataType::kFloat).data<float>()[0]));
  // Reals saturate in 4 bits, integers keep the low ones: 23 is 0x17.
  EXPECT_THAT(ValuesOf<int8_t>(Cast(Cast(Floats({3}, {99, -99, 3.9f}), DataType::kInt4), DataType::kInt8)),
              ElementsAre(7, -8, 3));
  EXPECT_THAT(ValuesOf<uint8_t>(Cast(Cast(Floats({3}, {99, -99, 3.9f}), DataType::kUint4), DataType::kUint8)),
              ElementsAre(15, 0, 3));
  EXPECT_THAT(ValuesOf<int64_t>(Cast(Cast(Ints({23, -1, 5}), DataType::kInt4), DataType::kInt64)), ElementsAre(7, -1, 5));
}

TEST(CastTest, TheTargetMayBeThatOfATensor) {
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("CastLike", {Floats({2}, {1.5f, -2}), VectorOf<int16_t>({})}));
  EXPECT_THAT(ValuesOf<int16_t>(y), ElementsAre(1, -2));
  EXPECT_THAT(RunOne("Cast", {Floats({1}, {1})}, {{"to", int64_t{14}}}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(RunOne("Cast", {Floats({1}, {1})}), HasReason("BAD_ATTRIBUTE"));
}

}  // namespace
}  // namespace quantd
