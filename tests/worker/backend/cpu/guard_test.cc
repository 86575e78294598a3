// What the dispatcher casts and refuses on the way to kernels.
#include "worker/backend/cpu/guard.h"

#include <gmock/gmock.h>

#include "tests/worker/backend/cpu/kernel_bench.h"
#include "worker/backend/cpu/kernel_table.h"
#include "worker/formats/convert_tensor.h"

namespace quantd {
namespace {

using ::testing::AllOf;
using testing::Floats;
using testing::HasReason;
using testing::RunOne;
using testing::StatusIs;

Tensor As(DataType type, const Tensor& x) {
  if (type == DataType::kDouble) {
    Tensor out(type, x.shape());
    for (int64_t i = 0; i < x.size(); ++i) out.mutable_data<double>()[i] = x.data<float>()[i];
    return out;
  }
  return FromFloat32(x, type, Overflow::kSpecial).value();
}

TEST(GuardTest, OtherFloatsAreComputedInFloat32AndCastBack) {
  const Tensor x = Floats({2, 3}, {1, 2, 3, 4, 5, 6}), w = Floats({3, 1}, {1, 0.5f, 0.25f});
  for (const DataType type : {DataType::kDouble, DataType::kFloat16, DataType::kBfloat16}) {
    ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("MatMul", {As(type, x), As(type, w)}));
    // 1 + 2/2 + 3/4 and 4 + 5/2 + 6/4, exact in all of them.
    EXPECT_TRUE(IdenticalTensors(y, As(type, Floats({2, 1}, {2.75f, 8})))) << DataTypeName(type);
  }
}

TEST(GuardTest, ConstantsAreCastWhenTheKernelIsMade) {
  const Tensor x = As(DataType::kFloat16, Floats({1, 1, 2, 2}, {1, 2, 3, 4}));
  const Tensor w = As(DataType::kFloat16, Floats({1, 1, 1, 1}, {2}));
  const Node node{.name = "n", .op_type = "Conv", .inputs = {"x", "w"}, .outputs = {"y"}};
  ASSERT_OK_AND_ASSIGN(const auto kernel, CpuBackend().MakeKernel({.node = node, .opset = 11, .constants = {Tensor(), w}}));
  Outputs outputs(1);
  ASSERT_OK(kernel->Run({&x, &w}, outputs));
  EXPECT_TRUE(IdenticalTensors(outputs[0], As(DataType::kFloat16, Floats({1, 1, 2, 2}, {2, 4, 6, 8}))));
}

TEST(GuardTest, BeyondTheLargestHalfComesInfinity) {
  const Tensor x = As(DataType::kFloat16, Floats({1, 1}, {60000}));
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("MatMul", {x, x}));
  EXPECT_EQ(static_cast<const uint16_t*>(y.raw())[0], 0x7c00);
}

TEST(GuardTest, StringsSequencesAndPackedTensorsDoNotReachKernelsForNumbers) {
  const Tensor strings = Tensor::Of<std::string>({2}, {"a", "b"});
  const Tensor sequence = Tensor::Sequence(DataType::kFloat, {Floats({2}, {1, 2})});
  for (const Tensor& bad : {strings, sequence, Tensor::None(), Tensor(DataType::kInt4, {2})}) {
    for (const char* type : {"Relu", "Transpose", "MatMul", "Concat", "Gather", "Softmax", "Add"}) {
      EXPECT_THAT(RunOne(type, {bad, bad}, {{"axis", int64_t{0}}}),
                  AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasReason("UNSUPPORTED_TYPE")))
          << type << " of " << DataTypeName(bad.dtype());
    }
  }
}

TEST(GuardTest, ConstantsOfTheWrongKindAreRefusedWhenTheKernelIsMade) {
  const Node node{.name = "n", .op_type = "MatMul", .inputs = {"x", "w"}, .outputs = {"y"}};
  EXPECT_THAT(CpuBackend().MakeKernel({.node = node, .opset = 13,
                                       .constants = {Tensor(), Tensor::Of<std::string>({1}, {"a"})}}),
              HasReason("UNSUPPORTED_TYPE"));
}

// Every row, given values that its operator was not made for: an error or a result, never a crash.
TEST(GuardTest, NoKernelCrashesOnAnyKindOfValue) {
  const Tensor values[] = {Tensor::Of<std::string>({2}, {"a", "b"}),
                           Tensor::Sequence(DataType::kString, {Tensor::Of<std::string>({1}, {"a"})}),
                           Tensor::Sequence(DataType::kFloat, {}),
                           Tensor::None(),
                           Tensor(DataType::kInt4, {2}),
                           Tensor(DataType::kFloat8E4M3FN, {2}),
                           Tensor(DataType::kFloat16, {2}),
                           Tensor(DataType::kUint16, {2}),
                           Tensor(DataType::kBool, {})};
  for (const cpu::KernelEntry& entry : cpu::AllKernels()) {
    for (const Tensor& value : values) {
      for (size_t count = 0; count <= 4; ++count) {
        const auto result = testing::RunOp(std::string(entry.op_type), std::vector<Tensor>(count, value), {},
                                           entry.since, 1, std::string(entry.domain));
        if (!result.ok()) {
          EXPECT_THAT(result, StatusIs(absl::StatusCode::kInvalidArgument)) << entry.op_type;
        }
      }
    }
  }
}

}  // namespace
}  // namespace quantd
