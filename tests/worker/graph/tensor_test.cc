#include "worker/graph/tensor.h"

#include <cstring>

#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

TEST(TensorTest, PackedTypesShareBytesAndRoundUp) {
  EXPECT_EQ(BytesFor(DataType::kInt4, 0), 0u);
  EXPECT_EQ(BytesFor(DataType::kInt4, 7), 4u);
  EXPECT_EQ(BytesFor(DataType::kUint2, 5), 2u);
  EXPECT_EQ(BytesFor(DataType::kDouble, kTensorElementsMax), size_t{1} << 36);
  const Tensor tensor(DataType::kInt4, {3, 5});
  EXPECT_EQ(tensor.size(), 15);
  EXPECT_EQ(tensor.bytes(), 8u);
  EXPECT_EQ(SizeOf(DataType::kInt4), 0u);
  EXPECT_TRUE(IsPacked(DataType::kFloat4E2M1));
  EXPECT_FALSE(IsPacked(DataType::kFloat8E5M2));
  EXPECT_FALSE(IsPacked(DataType::kString));
}

TEST(TensorTest, PackedTensorsAreComparedByTheirBytes) {
  Tensor a(DataType::kUint4, {3}), b(DataType::kUint4, {3});
  EXPECT_TRUE(IdenticalTensors(a, b));
  static_cast<uint8_t*>(b.mutable_raw())[1] = 1;
  EXPECT_FALSE(IdenticalTensors(a, b));
  EXPECT_FALSE(IdenticalTensors(a, Tensor(DataType::kInt4, {3})));
  EXPECT_EQ(b.Reshaped({1, 3}).bytes(), 2u);
}

TEST(TensorTest, EveryTypeHasTheSizeOfItsName) {
  const std::pair<const char*, int> names[] = {
      {"uint2", 2},  {"int2", 2},    {"uint4", 4},        {"int4", 4},   {"float4e2m1", 4},
      {"int8", 8},   {"bool", 8},    {"float8e4m3fn", 8}, {"int16", 16}, {"float16", 16},
      {"float", 32}, {"uint64", 64}, {"double", 64}};
  size_t found = 0;
  for (int32_t number = 1; number <= 26; ++number) {
    const auto type = static_cast<DataType>(number);
    for (const auto& [name, bits] : names) {
      if (DataTypeName(type) != name) continue;
      EXPECT_EQ(BitsOf(type), bits) << name;
      ++found;
    }
  }
  EXPECT_EQ(found, std::size(names));
}

TEST(TensorTest, StringsLiveAsLongAsAnyoneHoldsThem) {
  Tensor rows;
  {
    const Tensor all = Tensor::Of<std::string>({3, 1}, {"a", std::string(100, 'b'), "c"});
    rows = all.Rows(1, 2).Reshaped({2});
  }
  EXPECT_EQ(rows.data<std::string>()[0], std::string(100, 'b'));
  EXPECT_EQ(rows.data<std::string>()[1], "c");
  EXPECT_EQ(rows.bytes(), 0u);
}

TEST(TensorTest, StringsAreComparedByContent) {
  const Tensor a = Tensor::Of<std::string>({2}, {"x", std::string(100, 'y')});
  EXPECT_TRUE(IdenticalTensors(a, Tensor::Of<std::string>({2}, {"x", std::string(100, 'y')})));
  EXPECT_FALSE(IdenticalTensors(a, Tensor::Of<std::string>({2}, {"x", "y"})));
  EXPECT_FALSE(IdenticalTensors(a, a.Reshaped({1, 2})));
}

TEST(TensorTest, ASequenceHoldsItsElementsAndTheirType) {
  const Tensor one = Tensor::Of<int64_t>({2}, {1, 2});
  const Tensor sequence = Tensor::Sequence(DataType::kInt64, {one, Tensor::Scalar<int64_t>(3)});
  EXPECT_TRUE(sequence.is_sequence());
  EXPECT_FALSE(sequence.is_array());
  EXPECT_EQ(sequence.element_dtype(), DataType::kInt64);
  ASSERT_EQ(sequence.elements().size(), 2u);
  EXPECT_TRUE(IdenticalTensors(sequence.elements()[0], one));
}

TEST(TensorTest, EmptySequencesDifferByElementType) {
  const Tensor floats = Tensor::Sequence(DataType::kFloat, {});
  EXPECT_TRUE(IdenticalTensors(floats, Tensor::Sequence(DataType::kFloat, {})));
  EXPECT_FALSE(IdenticalTensors(floats, Tensor::Sequence(DataType::kInt64, {})));
  EXPECT_FALSE(IdenticalTensors(floats, Tensor::None()));
}

}  // namespace
}  // namespace quantd
