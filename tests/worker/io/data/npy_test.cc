#include "worker/io/data/npy.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/status_matchers.h"
#include "tests/worker/io/data/test_files.h"
#include "worker/io/data/convert.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Npy;
using testing::Raw;
using testing::StatusIs;
using testing::TestData;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

std::vector<double> Values(const Tensor& tensor) {
  std::vector<double> values(static_cast<size_t>(tensor.size()));
  QUANTD_CHECK(Convert(tensor, 0, tensor.size(), Normalization(), DataType::kDouble,
                       values.data()) == Conversion::kOk);
  return values;
}

struct RampCase {
  const char* file;
  DataType dtype;
};

// NumPy wrote arange(6).reshape(2, 3) in each type (tests/data/make_arrays.py).
TEST(NpyTest, ReadsEveryElementTypeThatNumPyWrites) {
  const RampCase cases[] = {
      {"le_f2", DataType::kFloat16}, {"le_f4", DataType::kFloat},  {"le_f8", DataType::kDouble},
      {"be_f4", DataType::kFloat},   {"be_f8", DataType::kDouble}, {"b_u1", DataType::kUint8},
      {"b_i1", DataType::kInt8},     {"le_i2", DataType::kInt16},  {"le_i4", DataType::kInt32},
      {"le_i8", DataType::kInt64},   {"be_i2", DataType::kInt16},  {"be_i8", DataType::kInt64},
      {"le_u2", DataType::kUint16},  {"le_u4", DataType::kUint32}, {"le_u8", DataType::kUint64},
      {"fortran", DataType::kFloat}, {"v2", DataType::kFloat},     {"v3", DataType::kFloat}};
  for (const RampCase& c : cases) {
    SCOPED_TRACE(c.file);
    ASSERT_OK_AND_ASSIGN(const Tensor tensor,
                         ParseNpy(TestData(std::string("arrays/ramp_") + c.file + ".npy")));
    EXPECT_EQ(tensor.dtype(), c.dtype);
    EXPECT_EQ(tensor.shape(), Shape({2, 3}));
    EXPECT_THAT(Values(tensor), ElementsAre(0, 1, 2, 3, 4, 5));
  }
}

TEST(NpyTest, FortranOrderOfThreeAxesBecomesRowMajor) {
  ASSERT_OK_AND_ASSIGN(const Tensor tensor, ParseNpy(TestData("arrays/cube_fortran.npy")));
  EXPECT_EQ(tensor.shape(), Shape({2, 3, 4}));
  const std::vector<double> values = Values(tensor);
  for (size_t i = 0; i < 24; ++i) EXPECT_EQ(values[i], static_cast<double>(i));
}

TEST(NpyTest, ReadsBooleansAndScalars) {
  ASSERT_OK_AND_ASSIGN(const Tensor bools, ParseNpy(TestData("arrays/bools.npy")));
  EXPECT_EQ(bools.dtype(), DataType::kBool);
  EXPECT_THAT(Values(bools), ElementsAre(1, 0, 1));
  ASSERT_OK_AND_ASSIGN(const Tensor scalar, ParseNpy(TestData("arrays/scalar.npy")));
  EXPECT_EQ(scalar.rank(), 0u);
  EXPECT_THAT(Values(scalar), ElementsAre(1.5));
}

TEST(NpyTest, RefusesTypesThatAreNoPlainNumbers) {
  EXPECT_THAT(ParseNpy(TestData("arrays/complex.npy")), StatusIs(kInvalid, HasSubstr("<c16")));
  EXPECT_THAT(ParseNpy(TestData("arrays/records.npy")), StatusIs(kInvalid, HasSubstr("records")));
  EXPECT_THAT(ParseNpy(Npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "12345678")),
              StatusIs(kInvalid, HasSubstr("|O")));
}

TEST(NpyTest, EveryTruncationAndExtraByteIsAnError) {
  for (const char* file :
       {"arrays/ramp_le_f4.npy", "arrays/ramp_v2.npy", "arrays/ramp_fortran.npy"}) {
    const std::string whole = TestData(file);
    for (size_t size = 0; size < whole.size(); ++size) {
      // A copy of exactly this size, so that the address sanitizer sees a read beyond it.
      const std::vector<char> cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
      EXPECT_THAT(ParseNpy(absl::string_view(cut.data(), cut.size())), StatusIs(kInvalid)) << size;
    }
    EXPECT_THAT(ParseNpy(whole + "x"), StatusIs(kInvalid, HasSubstr("25")));
  }
}

TEST(NpyTest, HostileHeadersAreErrors) {
  const std::string four = Raw<float>({1});
  const char* const headers[] = {
      "",
      "{",
      "{}",
      "[]",
      "{'descr': '<f4', 'fortran_order': False}",                                // No shape.
      "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'shape': (1,)}",  // Twice.
      "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': (1,)}",   // Unknown key.
      "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} + 1",             // More Python.
      "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (1)}",  // Not a tuple.
      "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (1.5,)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (18446744073709551615,)}",   // 2^64 - 1
      "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807,)}",    // 2^63 - 1
      "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",  // 2^64
      "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4294967296, 4294967296)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}",  // 9 axes.
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",  // 8 bytes, 4 given.
      "{'descr': '|f4', 'fortran_order': False, 'shape': (1,)}",
      "{'descr': '=f4', 'fortran_order': False, 'shape': (1,)}",
      "{'descr': 'f4', 'fortran_order': False, 'shape': (1,)}",
      "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}",
      "{'descr: '<f4', 'fortran_order': False, 'shape': (1,)}",
      "{descr: '<f4', 'fortran_order': False, 'shape': (1,)}"};
  for (const char* header : headers) {
    EXPECT_THAT(ParseNpy(Npy(header, four)), StatusIs(kInvalid)) << header;
  }
  EXPECT_OK(ParseNpy(Npy("{'shape': (1,), 'descr': \"<f4\", 'fortran_order': False}", four)));
}

TEST(NpyTest, AHeaderLengthBeyondTheFileOrTheBoundIsAnError) {
  std::string npy("\x93NUMPY\x02\x00\xff\xff\xff\xff", 12);  // Version 2: 2^32 - 1 header bytes.
  EXPECT_THAT(ParseNpy(npy), StatusIs(kInvalid, HasSubstr("longer")));
  npy = std::string("\x93NUMPY\x01\x00\xff\xff{}", 12);
  EXPECT_THAT(ParseNpy(npy), StatusIs(kInvalid, HasSubstr("truncated")));
  npy = std::string("\x93NUMPY\x04\x00\x01\x00{}", 12);
  EXPECT_THAT(ParseNpy(npy), StatusIs(kInvalid, HasSubstr("version")));
}

TEST(NpyTest, ATruthValueIsZeroOrOne) {
  EXPECT_THAT(ParseNpy(Npy("{'descr': '|b1', 'fortran_order': False, 'shape': (1,)}", "\x02")),
              StatusIs(kInvalid, HasSubstr("truth value")));
}

}  // namespace
}  // namespace quantd
