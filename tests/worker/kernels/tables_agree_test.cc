// Every table of this processor against the reference table, bit for bit, over lengths 0 to 257 and odd addresses.
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/kernels/kernel_values.h"
#include "worker/kernels/select_kernels.h"

namespace quantd {
namespace {

using testing::KernelInput;
using testing::SameBits;

constexpr size_t kLengthMax = 257;
constexpr float kGuard = 12345.0f;

// What the kernel writes; the elements behind the end must stay kGuard.
using Compute = std::function<void(const KernelTable&, size_t n, float* out)>;

struct AgreementCase {
  std::string name;
  Compute compute;
};

// Inputs start one float behind an aligned address.
const float* Input(int which) {
  static const auto* const kInputs = new std::vector<std::vector<float>>{
      KernelInput(kLengthMax + 1, 1, 3, true), KernelInput(kLengthMax + 1, 2, 0.7, true),
      KernelInput(kLengthMax + 1, 3, 2), KernelInput(kLengthMax + 1, 4, 20)};
  return (*kInputs)[static_cast<size_t>(which)].data() + 1;
}

AgreementCase MapCase(const std::string& name, KernelTable::Map KernelTable::*map) {
  return {name, [map](const KernelTable& table, size_t n, float* out) { (table.*map)(Input(0), n, out); }};
}

AgreementCase ZipCase(const std::string& name, KernelTable::Zip KernelTable::*zip) {
  return {name, [zip](const KernelTable& table, size_t n, float* out) {
            (table.*zip)(Input(0), Input(1), n, out);
          }};
}

AgreementCase EpilogueCase(const std::string& name, Activation activation) {
  return {name, [activation](const KernelTable& table, size_t n, float* out) {
            std::copy_n(Input(0), n, out);
            table.epilogue_row(out, n, {.activation = activation, .bias = Input(2), .residual = Input(3)});
          }};
}

void SoftmaxOf(const KernelTable& table, size_t n, float* out) {
  table.softmax_row(Input(3), n, 0.25f, Input(2), out);
}

void LayerNormOf(const KernelTable& table, size_t n, float* out) {
  if (n == 0) return;
  table.layer_norm_row({.x = Input(3), .residual = Input(2), .gamma = Input(2), .beta = Input(3), .n = n,
                        .epsilon = 1e-5f, .y = out});
}

void RangeThenFake(const KernelTable& table, size_t n, float* out) {
  const ValueRange range = table.range(Input(0), n);
  table.fake_quantize(Input(0), n, 0.031f, -128, 127, out);
  if (n > 1) out[0] = range.lower, out[1] = range.upper;
}

void BinsOf(const KernelTable& table, size_t n, float* out) {
  std::vector<int32_t> bins(n);
  table.histogram_bins(Input(2), n, 64.0f, 4096, bins.data());
  for (size_t i = 0; i < n; ++i) out[i] = static_cast<float>(bins[i]);
}

template <typename Code>
void CodesOf(void (*quantize)(const float*, size_t, float, int32_t, Code*),
             void (*dequantize)(const Code*, size_t, float, int32_t, float*), int32_t zero_point, size_t n,
             float* out) {
  std::vector<Code> codes(n);
  quantize(Input(0), n, 0.031f, zero_point, codes.data());
  dequantize(codes.data(), n, 0.7f, zero_point, out);
}

std::vector<AgreementCase> AllCases() {
  std::vector<AgreementCase> cases = {
      MapCase("exp", &KernelTable::exp), MapCase("erf", &KernelTable::erf), MapCase("tanh", &KernelTable::tanh),
      MapCase("sigmoid", &KernelTable::sigmoid), MapCase("relu", &KernelTable::relu),
      MapCase("gelu_erf", &KernelTable::gelu_erf), MapCase("gelu_tanh", &KernelTable::gelu_tanh),
      MapCase("silu", &KernelTable::silu), MapCase("hard_swish", &KernelTable::hard_swish),
      ZipCase("add", &KernelTable::add), ZipCase("sub", &KernelTable::sub), ZipCase("mul", &KernelTable::mul),
      ZipCase("div", &KernelTable::div), ZipCase("max", &KernelTable::max), ZipCase("min", &KernelTable::min),
      {"add_scalar", [](const KernelTable& t, size_t n, float* out) { t.add_scalar(Input(0), 0.3f, n, out); }},
      {"mul_scalar", [](const KernelTable& t, size_t n, float* out) { t.mul_scalar(Input(0), 0.3f, n, out); }},
      {"div_scalar", [](const KernelTable& t, size_t n, float* out) { t.div_scalar(Input(0), 0.3f, n, out); }},
      {"softmax_row", &SoftmaxOf}, {"layer_norm_row", &LayerNormOf}, {"range_and_fake_quantize", &RangeThenFake},
      {"histogram_bins", &BinsOf},
      {"u8", [](const KernelTable& t, size_t n, float* out) { CodesOf(t.quantize_u8, t.dequantize_u8, 100, n, out); }},
      {"s8", [](const KernelTable& t, size_t n, float* out) { CodesOf(t.quantize_s8, t.dequantize_s8, -7, n, out); }}};
  for (int32_t a = 0; a <= static_cast<int32_t>(Activation::kHardSwish); ++a) {
    cases.push_back(EpilogueCase("epilogue_" + std::to_string(a), static_cast<Activation>(a)));
  }
  return cases;
}

class TablesAgree : public ::testing::TestWithParam<AgreementCase> {};

TEST_P(TablesAgree, OnEveryLength) {
  for (const KernelTable* table : RunnableKernels()) {
    for (size_t n = 0; n <= kLengthMax; ++n) {
      std::vector<float> expected(kLengthMax + 20, kGuard), got(kLengthMax + 20, kGuard);
      GetParam().compute(*ReferenceKernels(), n, expected.data() + 1);
      GetParam().compute(*table, n, got.data() + 1);
      for (size_t i = 0; i < got.size(); ++i) {
        ASSERT_TRUE(SameBits(got[i], expected[i]))
            << table->isa << ", length " << n << ", element " << i << ": " << got[i] << " instead of " << expected[i];
      }
      for (size_t i = n + 1; i < got.size(); ++i) ASSERT_EQ(got[i], kGuard) << table->isa << " wrote behind " << n;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, TablesAgree, ::testing::ValuesIn(AllCases()),
                         [](const auto& info) { return info.param.name; });

TEST(SelectKernelsTest, FindsTablesByNameAndRefusesOthers) {
  EXPECT_EQ(SelectKernels("").value(), RunnableKernels().front());
  EXPECT_EQ(SelectKernels("reference").value(), ReferenceKernels());
  EXPECT_FALSE(SelectKernels("sse9").ok());
  EXPECT_EQ(RunnableKernels().back(), ReferenceKernels());
}

}  // namespace
}  // namespace quantd
