// Conversions against the definition of each format, evaluated in double precision: all codes, and for every pair of
// neighbours what lies between them.
#include "worker/formats/minifloat.h"

#include <cmath>
#include <limits>
#include <vector>

#include "common/random.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// What the published tables say, apart from the code under test.
struct Definition {
  DataType type;
  int exponent_bits;
  int mantissa_bits;
  int bias;
  double largest;
  bool has_infinity;
  bool has_nan;
  bool fnuz;
};

constexpr Definition kDefinitions[] = {
    {DataType::kFloat16, 5, 10, 15, 65504, true, true, false},
    {DataType::kBfloat16, 8, 7, 127, 0x1.fep127, true, true, false},
    {DataType::kFloat8E4M3FN, 4, 3, 7, 448, false, true, false},
    {DataType::kFloat8E4M3FNUZ, 4, 3, 8, 240, false, true, true},
    {DataType::kFloat8E5M2, 5, 2, 15, 57344, true, true, false},
    {DataType::kFloat8E5M2FNUZ, 5, 2, 16, 57344, false, true, true},
    {DataType::kFloat4E2M1, 2, 1, 1, 6, false, false, false},
};

int BitsOf(const Definition& d) { return 1 + d.exponent_bits + d.mantissa_bits; }

// The value of a magnitude by the formula, as if no code were special.
double Formula(const Definition& d, int magnitude) {
  const int e = magnitude >> d.mantissa_bits;
  const double m = magnitude & ((1 << d.mantissa_bits) - 1);
  const double steps = std::ldexp(1.0, d.mantissa_bits);
  return e == 0 ? std::ldexp(m / steps, 1 - d.bias) : std::ldexp(1 + m / steps, e - d.bias);
}

// The positive finite values in order: index = code.
std::vector<double> Magnitudes(const Definition& d) {
  std::vector<double> values;
  for (int code = 0; Formula(d, code) <= d.largest && code < 1 << (BitsOf(d) - 1); ++code) {
    values.push_back(Formula(d, code));
  }
  return values;
}

class MinifloatTest : public ::testing::TestWithParam<Definition> {
 protected:
  const Definition& d() const { return GetParam(); }
  const MinifloatFormat& format() const { return *FindMinifloat(GetParam().type); }
  uint16_t sign() const { return static_cast<uint16_t>(1 << (BitsOf(d()) - 1)); }
};

TEST_P(MinifloatTest, EveryCodeHasTheValueOfTheDefinition) {
  const std::vector<double> magnitudes = Magnitudes(d());
  EXPECT_EQ(magnitudes.back(), d().largest);
  EXPECT_EQ(format().Largest(), static_cast<float>(d().largest));
  int infinities = 0, nans = 0;
  for (int code = 0; code < 1 << BitsOf(d()); ++code) {
    const float value = FromMinifloat(format(), static_cast<uint16_t>(code));
    const bool negative = (code & sign()) != 0;
    const auto magnitude = static_cast<size_t>(code & (sign() - 1));
    if (d().fnuz && negative && magnitude == 0) {
      EXPECT_TRUE(std::isnan(value));
      ++nans;
    } else if (magnitude < magnitudes.size()) {
      ASSERT_EQ(value, negative ? -magnitudes[magnitude] : magnitudes[magnitude]) << code;
      ASSERT_EQ(std::signbit(value), negative) << code;
    } else {
      ASSERT_EQ(std::signbit(value), negative) << code;
      infinities += std::isinf(value);
      nans += std::isnan(value);
    }
  }
  EXPECT_EQ(infinities, d().has_infinity ? 2 : 0);
  // Two signs of each mantissa but that of infinity; the single one of e4m3fn; the single one of fnuz.
  const int expected = !d().has_nan        ? 0
                       : d().fnuz          ? 1
                       : d().has_infinity  ? 2 * ((1 << d().mantissa_bits) - 1)
                                           : 2;
  EXPECT_EQ(nans, expected);
}

TEST_P(MinifloatTest, EveryFiniteCodeComesBack) {
  const auto count = static_cast<int>(Magnitudes(d()).size());
  for (int code = 0; code < count; ++code) {
    for (const int with_sign : {code, code | sign()}) {
      if (d().fnuz && code == 0 && with_sign != 0) continue;
      const float value = FromMinifloat(format(), static_cast<uint16_t>(with_sign));
      ASSERT_EQ(ToMinifloat(format(), value, Overflow::kSpecial), with_sign);
    }
  }
}

TEST_P(MinifloatTest, BetweenNeighboursTheNearerIsTakenAndTiesAreEven) {
  const std::vector<double> values = Magnitudes(d());
  for (size_t code = 0; code + 1 < values.size(); ++code) {
    // Exact in float32 but between the smallest bfloat16 subnormals' halves, where it is exact too (2^-134).
    const auto middle = static_cast<float>((values[code] + values[code + 1]) / 2);
    ASSERT_EQ(static_cast<double>(middle), (values[code] + values[code + 1]) / 2);
    const auto even = static_cast<uint16_t>(code % 2 == 0 ? code : code + 1);
    for (const Overflow overflow : {Overflow::kSaturate, Overflow::kSpecial}) {
      ASSERT_EQ(ToMinifloat(format(), middle, overflow), even);
      ASSERT_EQ(ToMinifloat(format(), std::nextafter(middle, 0.0f), overflow), code);
      ASSERT_EQ(ToMinifloat(format(), std::nextafter(middle, kInfinity), overflow), code + 1);
      if (even != 0 || !d().fnuz) {
        ASSERT_EQ(ToMinifloat(format(), -middle, overflow), even | sign());
      }
    }
  }
}

TEST_P(MinifloatTest, RandomNumbersGoToTheNearestValue) {
  const std::vector<double> values = Magnitudes(d());
  Random random(5);
  for (int i = 0; i < 20000; ++i) {
    const auto x = static_cast<float>(std::ldexp(1 + random.Uniform(), static_cast<int>(random.Below(40)) - 20));
    const auto code = static_cast<size_t>(ToMinifloat(format(), x, Overflow::kSaturate));
    ASSERT_LT(code, values.size());
    const double error = std::abs(values[code] - x);
    if (code > 0) {
      ASSERT_LE(error, std::abs(values[code - 1] - x)) << x;
    }
    if (code + 1 < values.size()) {
      ASSERT_LE(error, std::abs(values[code + 1] - x)) << x;
    }
  }
}

TEST_P(MinifloatTest, BeyondTheLargestItSaturatesOrBecomesSpecial) {
  const auto largest = static_cast<float>(d().largest);
  // Half of the step above the largest still rounds down where its mantissa is even, else up.
  const std::vector<double> values = Magnitudes(d());
  const double step = values.back() - values[values.size() - 2];
  const auto tie = static_cast<float>(d().largest + step / 2);
  const auto top = static_cast<uint16_t>(values.size() - 1);
  const bool tie_stays = top % 2 == 0;
  const std::vector<float> beyond = {tie_stays ? std::nextafter(tie, kInfinity) : tie, largest * 1.99f, kInfinity};
  if (std::isfinite(tie)) {
    EXPECT_EQ(ToMinifloat(format(), std::nextafter(tie, 0.0f), Overflow::kSpecial), top);
    if (tie_stays) {
      EXPECT_EQ(ToMinifloat(format(), tie, Overflow::kSpecial), top);
    }
  }
  for (const float x : beyond) {
    EXPECT_EQ(ToMinifloat(format(), x, Overflow::kSaturate), top) << x;
    EXPECT_EQ(ToMinifloat(format(), -x, Overflow::kSaturate), top | sign()) << x;
    const float special = FromMinifloat(format(), ToMinifloat(format(), -x, Overflow::kSpecial));
    if (d().has_infinity) {
      EXPECT_EQ(special, -kInfinity) << x;
    } else if (d().has_nan) {
      EXPECT_TRUE(std::isnan(special)) << x;
    } else {
      EXPECT_EQ(special, -largest) << x;
    }
  }
}

TEST_P(MinifloatTest, NoNumberStaysNoNumberAndZeroKeepsItsSignWhereItHasOne) {
  for (const Overflow overflow : {Overflow::kSaturate, Overflow::kSpecial}) {
    const float back = FromMinifloat(format(), ToMinifloat(format(), std::nanf(""), overflow));
    if (d().has_nan) {
      EXPECT_TRUE(std::isnan(back));
    } else {
      EXPECT_EQ(back, static_cast<float>(d().largest));
    }
    EXPECT_EQ(ToMinifloat(format(), 0.0f, overflow), 0);
    EXPECT_EQ(ToMinifloat(format(), -0.0f, overflow), d().fnuz ? 0 : sign());
    // Far below the smallest subnormal.
    EXPECT_EQ(ToMinifloat(format(), -1e-45f, overflow), d().fnuz ? 0 : sign());
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, MinifloatTest, ::testing::ValuesIn(kDefinitions),
                         [](const auto& info) { return DataTypeName(info.param.type); });

TEST(MinifloatExamplesTest, PublishedExamples) {
  const MinifloatFormat& e4m3 = *FindMinifloat(DataType::kFloat8E4M3FN);
  // OCP 8-bit floating point, table 1: S.1111.110 = 448, smallest normal S.0001.000 = 2^-6, subnormal S.0000.001 = 2^-9.
  EXPECT_EQ(FromMinifloat(e4m3, 0x7e), 448);
  EXPECT_EQ(FromMinifloat(e4m3, 0x08), 0x1p-6f);
  EXPECT_EQ(FromMinifloat(e4m3, 0x01), 0x1p-9f);
  // 1 = 2^0: exponent field 7, mantissa 0.
  EXPECT_EQ(ToMinifloat(e4m3, 1, Overflow::kSaturate), 0x38);
  EXPECT_EQ(ToMinifloat(*FindMinifloat(DataType::kFloat8E4M3FNUZ), 1, Overflow::kSaturate), 0x40);
  EXPECT_EQ(ToMinifloat(*FindMinifloat(DataType::kFloat8E5M2), 1, Overflow::kSaturate), 0x3c);
  EXPECT_EQ(ToMinifloat(*FindMinifloat(DataType::kBfloat16), 3.140625f, Overflow::kSpecial), 0x4049);
  EXPECT_EQ(ToMinifloat(*FindMinifloat(DataType::kFloat16), 0.1f, Overflow::kSpecial), 0x2e66);
}

TEST(MinifloatExamplesTest, OtherTypesAreNone) {
  for (const DataType type : {DataType::kFloat, DataType::kInt8, DataType::kUint4, DataType::kUndefined}) {
    EXPECT_EQ(FindMinifloat(type), nullptr) << DataTypeName(type);
  }
}

}  // namespace
}  // namespace quantd
