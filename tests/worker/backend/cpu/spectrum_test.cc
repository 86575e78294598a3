// DFT, STFT and the window functions against their sums, and the operators on patches and indices.
#include <cmath>
#include <complex>
#include <numbers>
#include <string>

#include "tests/worker/backend/cpu/kernel_bench.h"

namespace quantd {
namespace {

using testing::Attributes;
using testing::ExpectNear;
using testing::Floats;
using testing::HasReason;
using testing::Ints;
using testing::RandomTensor;
using testing::RunOne;
using testing::ValuesOf;

// The sum that defines the transform of the complex vector `x`.
std::vector<double> Naive(const std::vector<std::complex<double>>& x, bool inverse, size_t bins) {
  std::vector<double> y;
  const double n = static_cast<double>(x.size());
  for (size_t k = 0; k < bins; ++k) {
    std::complex<double> sum = 0;
    for (size_t j = 0; j < x.size(); ++j) {
      const double turn = 2 * std::numbers::pi * static_cast<double>(j * k % x.size()) / n;
      sum += x[j] * std::polar(1.0, inverse ? turn : -turn);
    }
    if (inverse) sum /= n;
    y.push_back(sum.real());
    y.push_back(sum.imag());
  }
  return y;
}

TEST(DftTest, IsTheSumForEveryLength) {
  for (const int64_t n : {1, 2, 3, 5, 8, 12, 17, 64, 100}) {
    const Tensor x = RandomTensor({1, n, 2}, static_cast<uint64_t>(n));
    std::vector<std::complex<double>> values;
    for (int64_t i = 0; i < n; ++i) values.push_back({x.data<float>()[2 * i], x.data<float>()[2 * i + 1]});
    for (const bool inverse : {false, true}) {
      ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("DFT", {x}, {{"inverse", int64_t{inverse}}}));
      ExpectNear(y, {1, n, 2}, Naive(values, inverse, static_cast<size_t>(n)), 1e-5);
    }
  }
}

TEST(DftTest, PadsCutsAndChoosesTheAxis) {
  const Tensor x = Floats({3, 1, 1}, {1, 2, 3});
  ASSERT_OK_AND_ASSIGN(const Tensor longer, RunOne("DFT", {x, Ints({4})}, {{"axis", int64_t{0}}, {"onesided", int64_t{1}}}));
  ExpectNear(longer, {3, 1, 2}, Naive({1, 2, 3, 0}, false, 3), 1e-6);
  ASSERT_OK_AND_ASSIGN(const Tensor shorter, RunOne("DFT", {x, Ints({2}), Tensor::Scalar(int64_t{-3})}, {}, 20));
  ExpectNear(shorter, {2, 1, 2}, Naive({1, 2}, false, 2), 1e-6);
  EXPECT_THAT(RunOne("DFT", {x}, {{"axis", int64_t{2}}}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(RunOne("DFT", {x, Ints({0})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("DFT", {x, Ints({int64_t{1} << 60})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("DFT", {Floats({3, 3}, std::vector<float>(9, 0))}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("DFT", {x}, {{"inverse", int64_t{1}}, {"onesided", int64_t{1}}}), HasReason("BAD_ATTRIBUTE"));
}

TEST(StftTest, TransformsWindowedFrames) {
  const Tensor signal = Floats({1, 6, 1}, {1, 2, 3, 4, 5, 6}), window = Floats({4}, {1, 2, 2, 1});
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("STFT", {signal, Tensor::Scalar(int64_t{2}), window}));
  std::vector<double> expected = Naive({1, 4, 6, 4}, false, 3), second = Naive({3, 8, 10, 6}, false, 3);
  expected.insert(expected.end(), second.begin(), second.end());
  ExpectNear(y, {1, 2, 3, 2}, expected, 1e-5);
  EXPECT_THAT(RunOne("STFT", {signal, Tensor::Scalar(int64_t{0}), window}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("STFT", {signal, Tensor::Scalar(int64_t{1}), Tensor(), Tensor::Scalar(int64_t{7})}), HasReason("BAD_SHAPE"));
}

TEST(WindowFunctionTest, FollowTheirFormulas) {
  const Tensor four = Tensor::Scalar(int64_t{4}), three = Tensor::Scalar(int32_t{3});
  ExpectNear(RunOne("HannWindow", {four}).value(), {4}, {0, 0.5, 1, 0.5}, 1e-6);
  ExpectNear(RunOne("HannWindow", {three}, {{"periodic", int64_t{0}}}).value(), {3}, {0, 1, 0}, 1e-6);
  ExpectNear(RunOne("HammingWindow", {four}).value(), {4}, {4 / 46.0, 25 / 46.0, 1, 25 / 46.0}, 1e-6);
  ExpectNear(RunOne("BlackmanWindow", {four}).value(), {4}, {0, 0.34, 1, 0.34}, 1e-6);
  ExpectNear(RunOne("HannWindow", {Tensor::Scalar(int64_t{1})}, {{"periodic", int64_t{0}}}).value(), {1}, {0}, 1e-6);
  ASSERT_OK_AND_ASSIGN(const Tensor doubles, RunOne("HannWindow", {four}, {{"output_datatype", int64_t{11}}}));
  EXPECT_EQ(doubles.dtype(), DataType::kDouble);
  EXPECT_THAT(RunOne("HannWindow", {Tensor::Scalar(int64_t{-1})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("HannWindow", {Tensor::Scalar(int64_t{1} << 60)}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("HannWindow", {four}, {{"output_datatype", int64_t{8}}}), HasReason("BAD_ATTRIBUTE"));
}

TEST(MelWeightMatrixTest, RefusesNonsense) {
  const auto scalar = [](int64_t v) { return Tensor::Scalar(v); };
  const auto run = [&](int64_t mels, int64_t length, int64_t rate, float lower, float upper) {
    return RunOne("MelWeightMatrix", {scalar(mels), scalar(length), scalar(rate), Tensor::Scalar(lower), Tensor::Scalar(upper)});
  };
  // Triangles rise to 1 and cover the bins between the edges.
  ASSERT_OK_AND_ASSIGN(const Tensor y, run(4, 64, 8000, 0, 4000));
  ASSERT_EQ(y.shape(), (Shape{33, 4}));
  for (int64_t mel = 0; mel < 4; ++mel) {
    float peak = 0;
    for (int64_t bin = 0; bin < 33; ++bin) peak = std::max(peak, y.data<float>()[bin * 4 + mel]);
    EXPECT_EQ(peak, 1);
  }
  EXPECT_THAT(run(4, 64, 0, 0, 4000), HasReason("BAD_SHAPE"));
  EXPECT_THAT(run(4, 64, 8000, 0, 4e9f), HasReason("BAD_SHAPE"));
  EXPECT_THAT(run(4, 64, 8000, 10, 5), HasReason("BAD_SHAPE"));
  EXPECT_THAT(run(4, int64_t{1} << 40, 8000, 0, 4000), HasReason("BAD_SHAPE"));
}

TEST(Col2ImTest, AddsUpOverlappingBlocks) {
  // Blocks of two at positions 0, 1, 2 of a line of four: (1, 4), (2, 5), (3, 6).
  const Tensor x = Floats({1, 2, 3}, {1, 2, 3, 4, 5, 6});
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("Col2Im", {x, Ints({4}), Ints({2})}, {}, 18));
  ExpectNear(y, {1, 1, 4}, {1, 2 + 4, 3 + 5, 6}, 0);
  // With padding at both sides the outer elements fall away.
  ASSERT_OK_AND_ASSIGN(const Tensor padded, RunOne("Col2Im", {x, Ints({2}), Ints({2})}, {{"pads", std::vector<int64_t>{1, 1}}}, 18));
  ExpectNear(padded, {1, 1, 2}, {6, 8}, 0);
  EXPECT_THAT(RunOne("Col2Im", {x, Ints({5}), Ints({2})}, {}, 18), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("Col2Im", {x, Ints({4, 4}), Ints({2})}, {}, 18), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("Col2Im", {x, Ints({0}), Ints({2})}, {}, 18), HasReason("BAD_SHAPE"));
}

TEST(CenterCropPadTest, KeepsTheMiddle) {
  const Tensor x = Tensor::Of<int32_t>({2, 5}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("CenterCropPad", {x, Ints({3, 2})}, {}, 18));
  EXPECT_EQ(ValuesOf<int32_t>(y), (std::vector<int32_t>{2, 3, 7, 8, 0, 0}));
  ASSERT_OK_AND_ASSIGN(const Tensor wide, RunOne("CenterCropPad", {x, Ints({7})}, {{"axes", std::vector<int64_t>{-1}}}, 18));
  EXPECT_EQ(ValuesOf<int32_t>(wide), (std::vector<int32_t>{0, 1, 2, 3, 4, 5, 0, 0, 6, 7, 8, 9, 10, 0}));
  EXPECT_THAT(RunOne("CenterCropPad", {x, Ints({3})}, {}, 18), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("CenterCropPad", {x, Ints({3, -1})}, {}, 18), HasReason("BAD_SHAPE"));
}

TEST(EinsumTest, SumsWhatTheEquationSays) {
  const Tensor a = Floats({2, 2}, {1, 2, 3, 4}), b = Floats({2, 2}, {5, 6, 7, 8});
  const auto run = [&](const std::string& equation, const std::vector<Tensor>& inputs) {
    return RunOne("Einsum", inputs, {{"equation", equation}});
  };
  ExpectNear(run("ij,jk", {a, b}).value(), {2, 2}, {19, 22, 43, 50}, 0);
  ExpectNear(run("ij,jk->ki", {a, b}).value(), {2, 2}, {19, 43, 22, 50}, 0);
  ExpectNear(run("ii", {a}).value(), {}, {5}, 0);
  ExpectNear(run("ii->i", {a}).value(), {2}, {1, 4}, 0);
  ExpectNear(run("ba", {a}).value(), {2, 2}, {1, 3, 2, 4}, 0);
  ExpectNear(run("...j, j -> ...", {a, Floats({2}, {1, 10})}).value(), {2}, {21, 43}, 0);
  ExpectNear(run("...i,...j->...ij", {Floats({2, 1}, {2, 3}), Floats({1, 2}, {5, 7})}).value(), {2, 1, 2}, {10, 14, 15, 21}, 0);
  ExpectNear(run("i,i,i->", {Floats({2}, {1, 2}), Floats({2}, {3, 4}), Floats({2}, {5, 6})}).value(), {}, {63}, 0);
  EXPECT_EQ(ValuesOf<int64_t>(run("i->", {Ints({3, 4})}).value()), (std::vector<int64_t>{7}));
  ExpectNear(run("ij->i", {Floats({2, 0}, {})}).value(), {2}, {0, 0}, 0);
  EXPECT_THAT(run("ij,jk", {a}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(run("ijk", {a}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(run("ij,jk", {a, Floats({3, 1}, {1, 2, 3})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(run("ij->ii", {a}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(run("ij->ik", {a}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(run("i1", {a}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(run("......", {a}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(run("a,b,c,d,e,f", std::vector<Tensor>(6, Floats({1000}, std::vector<float>(1000, 1)))), HasReason("BAD_SHAPE"));
}

TEST(DetTest, EliminatesWithPivots) {
  ExpectNear(RunOne("Det", {Floats({2, 2, 2}, {0, 2, 3, 4, 1, 2, 2, 4})}).value(), {2}, {-6, 0}, 1e-6);
  ExpectNear(RunOne("Det", {Floats({3, 3}, {2, 0, 1, 1, 3, 2, 1, 1, 1})}).value(), {}, {0}, 1e-6);
  ExpectNear(RunOne("Det", {Floats({0, 0}, {})}).value(), {}, {1}, 0);
  EXPECT_THAT(RunOne("Det", {Floats({2, 1}, {1, 2})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("Det", {Floats({2}, {1, 2})}), HasReason("BAD_SHAPE"));
}

}  // namespace
}  // namespace quantd
