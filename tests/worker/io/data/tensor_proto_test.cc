#include "worker/io/data/tensor_proto.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/status_matchers.h"
#include "tests/worker/io/data/test_files.h"

namespace quantd {
namespace {

using testing::Bytes;
using testing::Raw;
using testing::StatusIs;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

// Protobuf wire format, tag = field * 8 + wire type: dims (1) = 2, 1; data_type (2) = 1, float;
// name (8) "x"; raw_data (9) of eight bytes.
const std::string kProto =
    Bytes({0x08, 2, 0x08, 1, 0x10, 1, 0x42, 1, 'x', 0x4a, 8}) + Raw<float>({1.5f, -2.0f});

TEST(TensorProtoTest, ReadsRawAndTypedElements) {
  ASSERT_OK_AND_ASSIGN(const NamedTensor raw, ParseTensorProto(kProto));
  EXPECT_EQ(raw.name, "x");
  EXPECT_TRUE(IdenticalTensors(raw.tensor, Tensor::Of<float>({2, 1}, {1.5f, -2.0f})));
  // dims = 3; data_type 3 (int8); int32_data (5) packed: 1, 2, 127.
  ASSERT_OK_AND_ASSIGN(const NamedTensor typed,
                       ParseTensorProto(Bytes({0x08, 3, 0x10, 3, 0x2a, 3, 1, 2, 127})));
  EXPECT_TRUE(IdenticalTensors(typed.tensor, Tensor::Of<int8_t>({3}, {1, 2, 127})));
}

TEST(TensorProtoTest, EveryTruncationIsAnError) {
  for (size_t size = 0; size < kProto.size(); ++size) {
    const std::vector<char> cut(kProto.begin(), kProto.begin() + static_cast<ptrdiff_t>(size));
    EXPECT_THAT(ParseTensorProto(absl::string_view(cut.data(), cut.size())), StatusIs(kInvalid))
        << size;
  }
  EXPECT_THAT(ParseTensorProto(kProto + "x"), StatusIs(kInvalid));
}

TEST(TensorProtoTest, HostileExtentsAndForeignElementsAreErrors) {
  const std::string minus_one = Bytes({0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1});
  const std::string huge = Bytes({0x08, 255, 255, 255, 255, 255, 255, 255, 255, 127});  // 2^63 - 1
  const std::string type = Bytes({0x10, 1});
  EXPECT_THAT(ParseTensorProto(minus_one + type), StatusIs(kInvalid));
  EXPECT_THAT(ParseTensorProto(huge + type), StatusIs(kInvalid));
  EXPECT_THAT(ParseTensorProto(huge + huge + type), StatusIs(kInvalid));
  EXPECT_THAT(ParseTensorProto(Bytes({0x08, 1, 0x10, 8})), StatusIs(kInvalid));   // Strings.
  EXPECT_THAT(ParseTensorProto(Bytes({0x08, 1, 0x10, 99})), StatusIs(kInvalid));  // No such type.
  // data_location (14) = 1, EXTERNAL; external_data (13): key (1) "location", value (2)
  // "/etc/passwd".
  EXPECT_THAT(ParseTensorProto(Bytes({0x08, 1, 0x10, 1, 0x6a, 23, 0x0a, 8}) + "location" +
                               Bytes({0x12, 11}) + "/etc/passwd" + Bytes({0x70, 1})),
              StatusIs(kInvalid));
}

}  // namespace
}  // namespace quantd
